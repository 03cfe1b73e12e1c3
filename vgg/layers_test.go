package vgg_test

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"fovea/inference"
	"fovea/preprocessing"
	"fovea/vgg"
	"fovea/vgg/weights"
)

// goldenLayer is what testdata/vgg16/make_layers.py notes of one layer's output.
type goldenLayer struct {
	Shape         []int
	Values        []float64
	Largest, Mean float64
}

type goldenNetwork struct {
	Tensors [][2]any // name and shape in the framework's order
	Layers  map[string]goldenLayer
}

// counterWeights are the numbers that make_layers.py gives to a network's tensor number
// index: splitmix64 of the element's number, as uniform numbers of He's variance.
func counterWeights(index, count int, fanIn int) []byte {
	raw := make([]byte, 4*count)
	scale := float32(math.Sqrt(6 / float64(fanIn)))
	for i := range count {
		const gamma = 0x9E3779B97F4A7C15
		x := (uint64(index)<<40+uint64(i))*gamma + gamma
		x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
		x = (x ^ x>>27) * 0x94D049BB133111EB
		x ^= x >> 31
		unit := float32(x>>40)/(1<<23) - 1
		binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(unit*scale))
	}
	return raw
}

// frameworkWeights are a golden network's weights as its framework would save them.
func frameworkWeights(t *testing.T, framework string, network goldenNetwork) weights.Set {
	t.Helper()
	set := weights.Set{Tensors: map[string]weights.Tensor{}, SHA256: framework}
	for i, tensor := range network.Tensors {
		var shape []int
		count := 1
		for _, d := range tensor[1].([]any) {
			shape = append(shape, int(d.(float64)))
			count *= shape[len(shape)-1]
		}
		fanIn := 60 // a bias
		if len(shape) > 1 && framework == "torch" {
			fanIn = count / shape[0]
		} else if len(shape) > 1 {
			fanIn = count / shape[len(shape)-1]
		}
		set.Tensors[tensor[0].(string)] = weights.Tensor{Shape: shape, DType: weights.F32, Raw: counterWeights(i, count, fanIn)}
	}
	return set
}

// Every layer of every configuration, under the framework's own name for it, gives the
// framework's values with the same weights, taken in as the framework orders them.
func TestLayersAgreeWithFrameworks(t *testing.T) {
	if testing.Short() {
		t.Skip("eight whole networks take a minute")
	}
	if raceDetector {
		t.Skip("a billion weights are shuffled too slowly under the race detector: make test runs this without it")
	}
	for _, framework := range []string{"torch", "keras"} {
		encoded, err := os.ReadFile(filepath.Join(goldenDir, "layers."+framework+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var golden map[string]goldenNetwork
		if err := json.Unmarshal(encoded, &golden); err != nil {
			t.Fatal(err)
		}
		for name, network := range golden {
			t.Run(framework+"/"+name, func(t *testing.T) {
				compareLayers(t, framework, name, network)
			})
		}
	}
}

func compareLayers(t *testing.T, framework, name string, network goldenNetwork) {
	c, err := vgg.ByName(name)
	if err != nil {
		t.Fatal(err)
	}
	adopted, err := c.Adopt(frameworkWeights(t, framework, network))
	if err != nil {
		t.Fatal(err)
	}
	model, err := vgg.Open(c, adopted.Set, inference.SessionConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close() // the next network needs the memory
	adopted = vgg.Adopted{}
	runtime.GC()
	compareWith(t, model, preprocessed(t, filepath.Join(goldenDir, "cat.1.png"), frameworkInput[framework]), network.Layers)
}

// frameworkInput is the preprocessing by which testdata/vgg16/make_layers.py made the golden
// values.
var frameworkInput = map[string]preprocessing.Spec{"torch": preprocessing.Torch, "keras": preprocessing.Caffe}

// compareWith compares a model's layers for a picture with golden values.
func compareWith(t *testing.T, model *inference.Model, input []float32, golden map[string]goldenLayer) {
	t.Helper()
	names := slices.Sorted(maps.Keys(golden))
	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: names, Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	outputs, err := extractor.Extract(input, 1)
	if err != nil {
		t.Fatal(err)
	}
	const tolerance = 1e-4 // of the layer's largest value
	worst := 0.0
	for i, name := range names {
		layer := golden[name]
		if size := extractor.Layers()[i].Size(); len(outputs[i]) != size || !slices.Equal(extractor.Layers()[i].Shape, layer.Shape) {
			t.Errorf("%s has shape %v and %d values, want %v", name, extractor.Layers()[i].Shape, len(outputs[i]), layer.Shape)
			continue
		}
		difference := layer.difference(outputs[i])
		if !(difference <= tolerance) {
			t.Errorf("%s differs by %.1e of the largest value", name, difference)
		}
		worst = max(worst, difference)
	}
	t.Logf("%d layers differ by at most %.1e of the largest value", len(names), worst)
}

// difference is the largest between a layer's noted values and an output's, of its largest.
func (l goldenLayer) difference(output []float32) float64 {
	largest, sum := 0.0, 0.0
	for _, v := range output {
		largest = max(largest, math.Abs(float64(v)))
		sum += math.Abs(float64(v))
	}
	worst := math.Abs(largest - l.Largest)
	for i, want := range l.Values {
		at := (i*2654435761 + 12345) % len(output)
		worst = max(worst, math.Abs(float64(output[at])-want))
	}
	return max(worst/l.Largest, math.Abs(sum/float64(len(output))/l.Mean-1))
}
