package weights

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func readStrings(t *testing.T, file string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var values map[string]string
	if err := json.Unmarshal(data, &values); err != nil {
		t.Fatal(err)
	}
	return values
}

// What a graph does before its first convolution is noted, and nothing where it does nothing.
func TestReadONNXPreprocessing(t *testing.T) {
	noted := 0
	for _, dir := range []string{"onnx", "tf2onnx"} {
		notes := readStrings(t, filepath.Join(files, dir, "notes.json"))
		for name := range readGolden(t, dir) {
			set, err := Read(filepath.Join(files, dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if got := set.Metadata[PreprocessingNote]; got != notes[name] {
				t.Errorf("%s: preprocessing is noted as %q, want %q", name, got, notes[name])
			}
		}
		noted += len(notes)
	}
	if noted < 5 {
		t.Errorf("%d models with preprocessing", noted)
	}
}

func TestReadONNXMetadata(t *testing.T) {
	for name, want := range map[string][2]string{
		"torch.onnx":     {"float32 [-1 3 8 8]", "convolution_0 relu max_pool convolution_1 relu max_pool flatten dense_0 relu dense_1"},
		"normalize.onnx": {"uint8 [-1 3 8 8]", "convolution_0 relu max_pool convolution_1 relu max_pool flatten dense_0 relu dense_1"},
	} {
		set, err := Read(filepath.Join(files, "onnx", name))
		if err != nil {
			t.Fatal(err)
		}
		if got := set.Metadata[GraphInputKey]; got != want[0] {
			t.Errorf("%s: input is %q, want %q", name, got, want[0])
		}
		if got := set.Metadata[GraphLayersKey]; got != want[1] {
			t.Errorf("%s: layers are %q, want %q", name, got, want[1])
		}
	}
}

// Arrays of more dimensions than any program has are refused before something is done for each of them.
func TestManyDimensions(t *testing.T) {
	one := Float32Tensor([]int{1}, []float32{1})
	for _, op := range []string{"Unsqueeze", "Squeeze", "Reshape"} {
		n := onnxNode{op: op, attributes: map[string]onnxAttribute{"axes": {numbers: make([]int, 1_000_000)}}}
		if got, err := n.reshaped(nil, one, nil); !errors.Is(err, ErrFormat) || len(err.Error()) > 200 {
			t.Errorf("%s: %v, %v", op, got.Shape, err)
		}
	}
	one.Shape = slices.Repeat([]int{1}, 1_000_000)
	if err := one.check(); !errors.Is(err, ErrFormat) || len(err.Error()) > 200 {
		t.Error("a million dimensions are accepted")
	}
}

// A network that is not a sequence of VGG's layers is refused, and the operation named.
func TestReadONNXRefuses(t *testing.T) {
	dir := filepath.Join(files, "onnx")
	for name, want := range readStrings(t, filepath.Join(dir, "refused.json")) {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(dir, "refused", name)
			if name == "outside.onnx" || name == "missing.onnx" { // beside the file that one of them names
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				inner := filepath.Join(t.TempDir(), "inner")
				if err := os.Mkdir(inner, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(filepath.Dir(inner), "golden.json"), make([]byte, 1<<16), 0o644); err != nil {
					t.Fatal(err)
				}
				file = filepath.Join(inner, name)
				if err := os.WriteFile(file, data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Read(file)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error is %v, want one with %q", err, want)
			}
		})
	}
}
