package vgg_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/vgg"
	"fovea/vgg/weights"
)

// What Keras's own layers make of pixels before the first convolution is what the
// architecture in the file is read as.
func TestKerasPreprocessingAgreesWithKeras(t *testing.T) {
	const dir = "../testdata/preprocessing"
	data, err := os.ReadFile(filepath.Join(dir, "keras.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Pixels []int
		Models map[string][]float64
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	pix := make([]uint8, len(golden.Pixels))
	for i, v := range golden.Pixels {
		pix[i] = uint8(v)
	}
	presets := map[string]string{"rescaling": "zero_one", "rescaling-offset": "tf", "both": "tf"}
	for name, want := range golden.Models {
		for _, extension := range []string{".h5", ".keras"} {
			t.Run(name+extension, func(t *testing.T) {
				set, err := weights.Read(filepath.Join(dir, name+extension))
				if err != nil {
					t.Fatal(err)
				}
				spec, found, err := vgg.KerasPreprocessing(set)
				switch name {
				case "lambda":
					if !errors.Is(err, vgg.ErrOpaque) || !strings.Contains(err.Error(), "class Lambda") {
						t.Errorf("a layer of unknown arithmetic gives %s, %v", spec, err)
					}
					return
				case "none":
					if found || err != nil {
						t.Errorf("found %s, %v", spec, err)
					}
					return
				}
				if err != nil || !found {
					t.Fatalf("found %v, %v", found, err)
				}
				if preset := presets[name]; preset != "" && spec.String() != preset {
					t.Errorf("it is %s, not %s", spec, preset)
				}
				got := make([]float32, len(pix))
				spec.Apply(got, pix)
				for i := range want { // rescaling-list has constants of five digits, which stand for torch's
					if diff := math.Abs(float64(got[i]) - want[i]); diff > 5e-5*max(1, math.Abs(want[i])) {
						t.Errorf("number %d is %v, Keras's is %v", i, got[i], want[i])
					}
				}
				var left []string
				for tensor := range set.Tensors {
					if !strings.Contains(tensor, "conv") && !strings.Contains(tensor, "seed") {
						left = append(left, tensor)
					}
				}
				if len(left) > 0 {
					slices.Sort(left)
					t.Errorf("tensors of normalization are left among the weights: %v", left)
				}
			})
		}
	}
}

// Lists of numbers that lie in one another without end are refused, not parsed again and again.
func TestKerasNestedNumbers(t *testing.T) {
	for depth, known := range map[int]bool{4: true, 1000: false} {
		scale := strings.Repeat("[", depth) + "0.5" + strings.Repeat("]", depth)
		config := `{"config":{"layers":[{"class_name":"Rescaling","config":{"scale":` + scale + `}},{"class_name":"Conv2D","config":{}}]}}`
		_, found, err := vgg.KerasPreprocessing(weights.Set{KerasConfig: []byte(config)})
		if found != known || known != (err == nil) || !known && !errors.Is(err, vgg.ErrOpaque) {
			t.Errorf("%d lists in one another: %v, %v", depth, found, err)
		}
	}
}

func FuzzKerasPreprocessing(f *testing.F) {
	f.Add([]byte(`{"class_name":"Sequential","config":{"layers":[{"class_name":"Rescaling","config":{"scale":[[0.5]],"offset":null}},{"class_name":"Normalization","config":{"mean":{"config":{"value":[1,2,3]}},"variance":[1,1,1]}},{"class_name":"Conv2D","config":{}}]}}`))
	f.Fuzz(func(t *testing.T, config []byte) {
		spec, found, err := vgg.KerasPreprocessing(weights.Set{KerasConfig: config})
		if err == nil && found && spec.Validate() != nil {
			t.Errorf("%q is read as the invalid %+v", config, spec)
		}
	})
}
