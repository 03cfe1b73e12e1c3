package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const files = "../../testdata/weights"

// kernel is element i of the tensor that make_files.py describes.
func kernel(i int) float32 { return float32(i%19-9) / 8 }

// Every format gives the same tensors, PyTorch's kernel in its own order.
func TestRead(t *testing.T) {
	for name, names := range map[string][2]string{
		"arrays.npz":       {"conv1_1_W", "conv1_1_b"},
		"keras.h5":         {"block1_conv1/block1_conv1_W_1:0", "block1_conv1/block1_conv1_b_1:0"},
		"state_dict.pth":   {"features.0.weight", "features.0.bias"},
		"model.keras":      {"layers/conv2d/vars/0", "layers/conv2d/vars/1"},
		"model.weights.h5": {"layers/conv2d/vars/0", "layers/conv2d/vars/1"},
		"torch.pth":        {"features.0.weight", "features.0.bias"},
		"torch_legacy.pth": {"features.0.weight", "features.0.bias"},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := Read(filepath.Join(files, name))
			if err != nil {
				t.Fatal(err)
			}
			if len(set.Tensors) != 2 || len(set.SHA256) != 64 {
				t.Errorf("%d tensors, SHA-256 %q", len(set.Tensors), set.SHA256)
			}
			tensor := set.Tensors[names[0]]
			values, err := tensor.Float32()
			if err != nil {
				t.Fatal(err)
			}
			shape, at := []int{3, 3, 2, 4}, func(h, w, i, o int) int { return ((h*3+w)*2+i)*4 + o }
			if strings.HasSuffix(name, ".pth") {
				shape, at = []int{4, 2, 3, 3}, func(h, w, i, o int) int { return ((o*2+i)*3+h)*3 + w }
			}
			if !slices.Equal(tensor.Shape, shape) {
				t.Fatalf("shape is %v, want %v", tensor.Shape, shape)
			}
			for i := range 3 * 3 * 2 * 4 {
				h, w, in, out := i/24, i/8%3, i/4%2, i%4
				if got := values[at(h, w, in, out)]; got != kernel(i) {
					t.Fatalf("element %d is %v, want %v", i, got, kernel(i))
				}
			}
			if bias, err := set.Tensors[names[1]].Float32(); err != nil || !slices.Equal(bias, []float32{1, 2, 3, 4}) {
				t.Errorf("bias is %v, %v", bias, err)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, data []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(files, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	half := func(name string) string { return put("half-"+name, read(name)[:len(read(name))/2]) }
	cut := func(name string, bytes int) string { return put("cut-"+name, read(name)[:len(read(name))-bytes]) }
	archive := func(name string, members map[string]string) string {
		var out bytes.Buffer
		w := zip.NewWriter(&out)
		for member, content := range members {
			f, err := w.Create(member)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Write([]byte(content)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return put(name, out.Bytes())
	}
	npy := func(header string, elements int) string {
		data := append([]byte("\x93NUMPY\x01\x00"), binary.LittleEndian.AppendUint16(nil, uint16(len(header)))...)
		return string(append(append(data, header...), make([]byte, elements)...))
	}
	for name, test := range map[string]struct{ file, want string }{
		"missing":        {filepath.Join(dir, "nowhere"), "no such file"},
		"short":          {put("short", []byte("PK")), "fewer than 8 bytes"},
		"text":           {put("text", []byte("these are no weights at all")), "safetensors"},
		"half npz":       {half("arrays.npz"), "truncated or damaged"},
		"half h5":        {half("keras.h5"), "not a valid weights file"},
		"half keras":     {half("model.keras"), "truncated or damaged"},
		"half pth":       {half("state_dict.pth"), "truncated or damaged"},
		"evil pth":       {filepath.Join(files, "evil.pth"), "posix.system"},
		"half legacy":    {half("torch_legacy.pth"), "not a valid weights file"},
		"tail legacy":    {cut("torch_legacy.pth", 1), "ends within the elements"},
		"other pickle":   {put("other", []byte("\x80\x02K\x01.more")), "neither PyTorch's nor"},
		"cut pickle":     {put("old", []byte("\x80\x02\x8a\x0al\xfc\x9cF\xf9")), "state dict"},
		"foreign zip":    {archive("docx", map[string]string{"word/document.xml": "x"}), "neither .npz nor PyTorch"},
		"no array":       {archive("a.npz", map[string]string{"a.npy": "nonsense, and more of it"}), "not a NumPy array"},
		"short array":    {archive("b.npz", map[string]string{"b.npy": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 8)}), "takes 12 bytes, but 8"},
		"huge array":     {archive("c.npz", map[string]string{"c.npy": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999), }", 8)}), "too large"},
		"objects":        {archive("d.npz", map[string]string{"d.npy": npy("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", 8)}), "pickled Python objects"},
		"long double":    {archive("e.npz", map[string]string{"e.npy": npy("{'descr': '<f16', 'fortran_order': False, 'shape': (1,), }", 16)}), `"<f16"`},
		"records":        {archive("h.npz", map[string]string{"h.npy": npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", 8)}), "records"},
		"only integers":  {archive("i.npz", map[string]string{"i.npy": npy("{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }", 8)}), "quantized"},
		"too large":      {archive("j.npz", map[string]string{"j.npy": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", 0) + "\x00\x00\x00\x00\x00\x00\xe0\x7f"}), "does not fit float32"},
		"empty pickle":   {archive("f.pth", map[string]string{"x/data.pkl": ""}), "state dict"},
		"number pickled": {archive("g.pth", map[string]string{"x/data.pkl": "\x80\x02K\x01."}), "torch.save(model.state_dict(), FILE)"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(test.file)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want one with %q", err, test.want)
			}
		})
	}
}

// FuzzRead looks for a file that makes any of the readers panic, hang or take memory that
// the file does not account for.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"arrays.npz", "keras.h5", "state_dict.pth", "torch_legacy.pth", "model.keras", "evil.pth"} {
		data, err := os.ReadFile(filepath.Join(files, name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(t.TempDir(), "weights")
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		set, err := Read(file)
		if err != nil {
			return
		}
		for name, tensor := range set.Tensors {
			if err := tensor.check(); errors.Is(err, ErrFormat) {
				t.Errorf("tensor %s was accepted: %v", name, err)
			}
		}
	})
}
