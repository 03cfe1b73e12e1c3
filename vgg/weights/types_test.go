package weights

import (
	"archive/zip"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// wantedTensor is a tensor as NumPy, h5py or PyTorch read it.
type wantedTensor struct {
	DType  DType
	Shape  []int
	Values []float64
	Raw    string
}

// wantedFile is what one of the scripts in testdata/weights says of a file.
type wantedFile struct {
	Tensors, Others map[string]wantedTensor
	Refusal         string
	Layers          []string
}

// checkTensors compares a set with what it must be, element by element.
func checkTensors(t *testing.T, set Set, want wantedFile) {
	t.Helper()
	if got, wanted := slices.Sorted(maps.Keys(set.Tensors)), slices.Sorted(maps.Keys(want.Tensors)); !slices.Equal(got, wanted) {
		t.Errorf("the tensors are %v, want %v", got, wanted)
	}
	if got, wanted := slices.Sorted(maps.Keys(set.Others)), slices.Sorted(maps.Keys(want.Others)); !slices.Equal(got, wanted) {
		t.Errorf("the others are %v, want %v", got, wanted)
	}
	for name, wanted := range want.Tensors {
		tensor := set.Tensors[name]
		if tensor.DType != wanted.DType || !slices.Equal(tensor.Shape, wanted.Shape) {
			t.Errorf("%s is %s of shape %v, want %s of %v", name, tensor.DType, tensor.Shape, wanted.DType, wanted.Shape)
			continue
		}
		values, err := tensor.Float32()
		if err != nil || len(values) != len(wanted.Values) {
			t.Errorf("%s has %d elements, want %d: %v", name, len(values), len(wanted.Values), err)
			continue
		}
		for i, v := range values {
			if float64(v) != wanted.Values[i] {
				t.Errorf("%s: element %d is %v, want %v", name, i, v, wanted.Values[i])
				break
			}
		}
	}
	for name, wanted := range want.Others {
		other := set.Others[name]
		if other.DType != wanted.DType || !slices.Equal(other.Shape, wanted.Shape) || hex.EncodeToString(other.Raw) != wanted.Raw {
			t.Errorf("%s is %s of shape %v, %x; want %s of %v, %s", name, other.DType, other.Shape, other.Raw, wanted.DType, wanted.Shape, wanted.Raw)
		}
	}
}

func decodeExpected(t *testing.T, data []byte) map[string]wantedFile {
	t.Helper()
	var expected map[string]wantedFile
	if err := json.Unmarshal(data, &expected); err != nil {
		t.Fatal(err)
	}
	return expected
}

// unpack extracts an archive of files, with what is expected of them.
func unpack(t *testing.T, name string) (dir string, expected map[string]wantedFile) {
	t.Helper()
	archive, err := zip.OpenReader(filepath.Join(files, name))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	dir = t.TempDir()
	if err := os.CopyFS(dir, archive); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	return dir, decodeExpected(t, data)
}

// TestTypes reads arrays of every type, order of bytes and order of dimensions that NumPy and
// safetensors write (make_types.py).
func TestTypes(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(files, "types.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range decodeExpected(t, data) {
		t.Run(name, func(t *testing.T) {
			set, err := Read(filepath.Join(files, name))
			if err != nil {
				t.Fatal(err)
			}
			checkTensors(t, set, want)
		})
	}
	if _, err := Read(filepath.Join(files, "bfloat16.npz")); err == nil || !strings.Contains(err.Error(), "V2") {
		t.Errorf("bfloat16 without a name: %v", err)
	}
}

// TestTorchTypes reads tensors of every type, stride and offset, checkpoints of every kind,
// and refuses what is no state dict (make_torch_types.py).
func TestTorchTypes(t *testing.T) {
	dir, expected := unpack(t, "torch_types.zip")
	for name, want := range expected {
		t.Run(name, func(t *testing.T) {
			set, err := Read(filepath.Join(dir, name))
			if want.Refusal != "" {
				if err == nil || !strings.Contains(err.Error(), want.Refusal) {
					t.Errorf("error is %v, want one with %q", err, want.Refusal)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkTensors(t, set, want)
		})
	}
}

// TestKerasTypes reads Keras's three formats with the architecture and the variables of
// Normalization (make_keras_types.py).
func TestKerasTypes(t *testing.T) {
	dir, expected := unpack(t, "keras_types.zip")
	for name, want := range expected {
		t.Run(name, func(t *testing.T) {
			set, err := Read(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			checkTensors(t, set, want)
			checkKerasConfig(t, set, want.Layers)
			adapted := 0
			for path := range want.Tensors {
				if strings.Contains(path, "normalization/vars") || strings.Contains(path, "/adapted/") {
					adapted++
				}
			}
			if adapted < 2 {
				t.Error("mean and variance of the Normalization are missing")
			}
		})
	}
}

func checkKerasConfig(t *testing.T, set Set, want []string) {
	t.Helper()
	if want == nil {
		if set.KerasConfig != nil {
			t.Errorf("an architecture of %d bytes in a file that has none", len(set.KerasConfig))
		}
		return
	}
	var model struct {
		Config struct {
			Layers []struct{ Config struct{ Name string } }
		}
	}
	if err := json.Unmarshal(set.KerasConfig, &model); err != nil {
		t.Fatalf("%v: %.80q", err, set.KerasConfig)
	}
	var names []string
	for _, l := range model.Config.Layers {
		names = append(names, l.Config.Name)
	}
	if !slices.Equal(names, want) {
		t.Errorf("the layers are %v, want %v", names, want)
	}
}

// FuzzParseNPY looks for an array that makes the parser panic or is accepted though its
// shape and its elements do not fit.
func FuzzParseNPY(f *testing.F) {
	for _, header := range []string{
		"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }",
		"{'descr': '>f8', 'fortran_order': False, 'shape': (), }",
		"{'descr': '|b1', 'fortran_order': True, 'shape': (0, 3), }",
	} {
		f.Add(append([]byte("\x93NUMPY\x01\x00"+string(rune(len(header)))+"\x00"+header), make([]byte, 24)...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tensor, err := parseNPY(data, nil)
		if err != nil {
			return
		}
		if err := tensor.check(); err != nil {
			t.Errorf("accepted, but: %v", err)
		}
	})
}
