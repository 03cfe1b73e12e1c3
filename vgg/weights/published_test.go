package weights

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// golden is a file's tensors as the packages that wrote it have them.
type golden map[string]struct {
	Shape  []int
	Values []float32
}

func readGolden(t *testing.T, dir string) map[string]golden {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(files, dir, "golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]golden
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func (want golden) compare(t *testing.T, set Set) {
	t.Helper()
	if got, want := slices.Sorted(maps.Keys(set.Tensors)), slices.Sorted(maps.Keys(want)); !slices.Equal(got, want) {
		t.Fatalf("tensors are %q, want %q", got, want)
	}
	if len(set.SHA256) != 64 {
		t.Errorf("SHA-256 is %q", set.SHA256)
	}
	for name, want := range want {
		tensor := set.Tensors[name]
		values, err := tensor.Float32()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(tensor.Shape, want.Shape) {
			t.Errorf("%s has shape %v, want %v", name, tensor.Shape, want.Shape)
		}
		if !slices.Equal(values, want.Values) {
			t.Errorf("%s is %v, want %v", name, values, want.Values)
		}
	}
}

// Every format's tensors are element by element those that were saved.
func TestReadPublished(t *testing.T) {
	for _, dir := range []string{"published", "checkpoints", "onnx", "tf2onnx", "mxnet"} {
		for name, want := range readGolden(t, dir) {
			t.Run(dir+"/"+name, func(t *testing.T) {
				set, err := Read(filepath.Join(files, dir, name))
				if err != nil {
					t.Fatal(err)
				}
				want.compare(t, set)
			})
		}
	}
}

// A TensorFlow checkpoint is found by every name that its users have for it, and is the
// same file by each.
func TestReadCheckpointNames(t *testing.T) {
	dir := filepath.Join(files, "checkpoints")
	want := readGolden(t, "checkpoints")["v2.ckpt"]
	sum := ""
	for _, name := range []string{"v2.ckpt", "v2.ckpt.index", "v2.ckpt.data-00000-of-00001", "checkpoint", "."} {
		t.Run(name, func(t *testing.T) {
			set, err := Read(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			want.compare(t, set)
			if sum == "" {
				sum = set.SHA256
			}
			if set.SHA256 != sum {
				t.Errorf("SHA-256 is %s, want %s", set.SHA256, sum)
			}
			if set.Metadata[MeanKey] != "123.68,116.78,103.94" {
				t.Errorf("metadata is %v", set.Metadata)
			}
		})
	}
}

func TestReadMeans(t *testing.T) {
	for name, want := range map[string]map[string]string{
		"published/simplenn.mat":  {MeanKey: "123.68,116.779,103.939"},
		"published/old.mat":       {MeanKey: "123.68,116.779,103.939"},
		"published/dagnn.mat":     {MeanImageKey: "[2 2 3], on average 4.5,5.5,6.5"},
		"checkpoints/v1.ckpt":     {MeanKey: "123.68,116.78,103.94"},
		"published/v1.caffemodel": nil,
	} {
		set, err := Read(filepath.Join(files, name))
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(set.Metadata, want) {
			t.Errorf("%s: metadata is %v, want %v", name, set.Metadata, want)
		}
	}
}

func TestReadCompressedMAT(t *testing.T) {
	set, err := Read(filepath.Join(files, "published", "sparse.mat"))
	if err != nil {
		t.Fatal(err)
	}
	tensor := set.Tensors["conv/weights"]
	values, err := tensor.Float32()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(tensor.Shape, []int{3, 3, 32, 64}) || len(values) != 3*3*32*64 {
		t.Fatalf("shape is %v of %d values", tensor.Shape, len(values))
	}
	want := map[int]float32{0: 1, ((2*3+1)*32+31)*64 + 5: 2, 3*3*32*64 - 1: 3}
	for i, v := range values {
		if v != want[i] {
			t.Fatalf("element %d is %v, want %v", i, v, want[i])
		}
	}
}

func TestReadPartitioned(t *testing.T) {
	for _, name := range []string{"partitioned1", "partitioned2"} {
		_, err := Read(filepath.Join(files, "checkpoints", name))
		if err == nil || !strings.Contains(err.Error(), "partitioned over several parts") || !strings.Contains(err.Error(), "variable conv1_1/weights") {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}

// A checkpoint that has been damaged anywhere among its weights is refused.
func TestReadDamagedCheckpoints(t *testing.T) {
	for name, file := range map[string]string{"v1.ckpt": "v1.ckpt", "v2.ckpt": "v2.ckpt.data-00000-of-00001", "v2.ckpt.index": "v2.ckpt.index"} {
		dir := t.TempDir()
		for _, part := range []string{"v1.ckpt", "v2.ckpt.index", "v2.ckpt.data-00000-of-00001"} {
			data, err := os.ReadFile(filepath.Join(files, "checkpoints", part))
			if err != nil {
				t.Fatal(err)
			}
			if part == file {
				data[len(data)/3] ^= 0x10
			}
			if err := os.WriteFile(filepath.Join(dir, part), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Read(filepath.Join(dir, name)); err == nil || !strings.Contains(err.Error(), "checksum") {
			t.Errorf("%s: error is %v", file, err)
		}
	}
}
