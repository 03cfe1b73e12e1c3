package weights

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fuzzReader looks for a file that makes a reader hang (panics of the unpickler's are taken up by guarded), or come to tensors that do not
// hold together or are larger than the file accounts for.
func fuzzReader(f *testing.F, read reader, inflation int, seeds ...string) {
	for _, pattern := range seeds {
		names, err := filepath.Glob(filepath.Join(files, pattern))
		if err != nil || len(names) == 0 {
			f.Fatalf("no seeds %s: %v", pattern, err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(t.TempDir(), "weights")
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		set, err := guarded(read, file, Options{})
		if err != nil {
			return
		}
		size := 0
		for name, tensor := range set.Tensors {
			if err := tensor.check(); err != nil {
				t.Errorf("tensor %s was accepted: %v", name, err)
			}
			size += len(tensor.Raw)
		}
		if size > inflation*(len(data)+64) {
			t.Errorf("%d bytes of tensors from a file of %d", size, len(data))
		}
	})
}

func FuzzReadSlices(f *testing.F) { fuzzReader(f, readSlices, 64, "checkpoints/v1.ckpt") }

func FuzzReadNPY(f *testing.F) { fuzzReader(f, readNPY, 64, "published/*.npy") }

func FuzzReadPickle(f *testing.F) {
	fuzzReader(f, readPickle, 64, "published/*.pdparams")
}

func FuzzReadCaffe(f *testing.F) { fuzzReader(f, readCaffe, 4, "published/*.caffemodel") }

func FuzzReadMAT(f *testing.F) { fuzzReader(f, readMAT, 5000, "published/*.mat") }

func FuzzReadONNX(f *testing.F) {
	fuzzReader(f, readONNX, 64, "onnx/*.onnx", "onnx/refused/*.onnx", "tf2onnx/*.onnx")
}

func FuzzReadMXNet(f *testing.F) { fuzzReader(f, readMXNet, 4, "published/*.params", "mxnet/*.params") }

// FuzzBundleIndex reads what is inside of a checkpoint's index, where no checksum guards it.
func FuzzBundleIndex(f *testing.F) {
	for _, name := range []string{"v2.ckpt", "objects", "keras"} {
		index, err := os.ReadFile(filepath.Join(files, "checkpoints", name+indexSuffix))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(index[:len(index)-sstableFooter])
		err = sstableEntries(index, nil, func(_, value []byte) error {
			f.Add(bytes.Clone(value))
			return nil
		})
		if err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		entries := 0
		err := blockEntries(data, func(_, value []byte) error {
			entries++
			_, err := parseBundleEntry(value)
			return err
		})
		if err == nil && entries > len(data) {
			t.Errorf("%d entries in %d bytes", entries, len(data))
		}
		for _, parse := range []func() error{
			func() error { _, err := parseBundleEntry(data); return err },
			func() error { _, err := bundleHeader(data); return err },
			func() error { _, err := sliceMeta(nil, data); return err },
			func() error { return addSlice(map[string]*sliced{"": {dtype: 1}}, data) },
		} {
			if err := parse(); err != nil && !errors.Is(err, ErrFormat) {
				t.Errorf("error %v is not ErrFormat", err)
			}
		}
	})
}

// FuzzIdentify looks for content that is neither read nor named.
func FuzzIdentify(f *testing.F) {
	for _, name := range []string{"checkpoints/foreign/frozen.pb", "checkpoints/foreign/model.ckpt.meta", "onnx/torch.onnx", "published/v1.caffemodel", "published/old.mat"} {
		data, err := os.ReadFile(filepath.Join(files, name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("version https://git-lfs.github.com/spec/v1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := contentOf(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		read, err := identify("nowhere", c)
		if (read == nil) == (err == nil) {
			t.Errorf("reader and error %v", err)
		}
		if err != nil && (!errors.Is(err, ErrFormat) || strings.Contains(err.Error(), "safetensors header")) {
			t.Errorf("error is %v", err)
		}
	})
}
