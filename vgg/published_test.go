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
	"strings"
	"testing"

	"fovea/inference"
	"fovea/preprocessing"
	"fovea/vgg"
	"fovea/vgg/weights"
)

// publishedNetwork is what testdata/vgg16/make_published.py notes of a package's network.
type publishedNetwork struct {
	Scheme  string
	Input   preprocessing.Spec
	Tensors [][3]any // name, shape and kind
	Layers  map[string]goldenLayer
}

// set makes the network's weights as the package would save them.
func (n publishedNetwork) set(framework string) weights.Set {
	set := weights.Set{Tensors: map[string]weights.Tensor{}, SHA256: framework}
	for i, tensor := range n.Tensors {
		name, kind := tensor[0].(string), tensor[2].(string)
		shape, count := []int{}, 1
		for _, d := range tensor[1].([]any) {
			shape = append(shape, int(d.(float64)))
			count *= shape[len(shape)-1]
		}
		raw := counterWeights(i, count, n.fanIn(shape, count))
		for at := 0; at < len(raw) && kind != ""; at += 4 {
			v := math.Float32frombits(binary.LittleEndian.Uint32(raw[at:]))
			switch kind {
			case "scale":
				v = 1 + v
			case "variance":
				v = 0.5 + float32(math.Abs(float64(v)))
			}
			binary.LittleEndian.PutUint32(raw[at:], math.Float32bits(v))
		}
		set.Tensors[name] = weights.Tensor{Shape: shape, DType: weights.F32, Raw: raw}
	}
	return set
}

// fanIn is the number of inputs of a unit, by the package's order of kernels.
func (n publishedNetwork) fanIn(shape []int, count int) int {
	paddle := strings.HasPrefix(n.Scheme, "paddle")
	switch {
	case len(shape) < 2:
		return 60
	case strings.HasPrefix(n.Scheme, "keras") || n.Scheme == "tf-slim" || paddle && len(shape) == 2:
		return count / shape[len(shape)-1]
	}
	return count / shape[0]
}

// Every layer of the networks of the packages that publish VGGs gives the package's own
// values, with weights that are named, ordered and shaped as the package saves them.
func TestLayersAgreeWithPublishers(t *testing.T) {
	if testing.Short() || raceDetector {
		t.Skip("whole networks take too long")
	}
	files, err := filepath.Glob(filepath.Join(goldenDir, "published.*.json"))
	if err != nil || len(files) < 8 {
		t.Fatalf("%d files of golden values: %v", len(files), err)
	}
	for _, file := range files {
		encoded, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var golden map[string]publishedNetwork
		if err := json.Unmarshal(encoded, &golden); err != nil {
			t.Fatal(err)
		}
		publisher := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "published."), ".json")
		for name, network := range golden {
			t.Run(publisher+"/"+name, func(t *testing.T) { comparePublished(t, publisher, network) })
		}
	}
}

func comparePublished(t *testing.T, publisher string, network publishedNetwork) {
	set := network.set(publisher)
	c, err := vgg.Guess(set)
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "vgg-a" {
		t.Errorf("it is taken for %s", c.Name)
	}
	adopted, err := c.Adopt(set)
	if err != nil {
		t.Fatal(err)
	}
	if got := adopted.Set.Metadata[vgg.SchemeKey]; got != network.Scheme || string(adopted.Scheme) != got {
		t.Errorf("the scheme is %q, want %q", got, network.Scheme)
	}
	for _, ignored := range adopted.Ignored {
		if !strings.HasSuffix(ignored.Name, "num_batches_tracked") {
			t.Errorf("left out %s: %s", ignored.Name, ignored.Reason)
		}
	}
	if len(adopted.Absent) > 0 {
		t.Errorf("%v are absent", adopted.Absent)
	}
	model, err := vgg.Open(c, adopted.Set, inference.SessionConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close() // the next network needs the memory
	set, adopted = weights.Set{}, vgg.Adopted{}
	runtime.GC()
	names := slices.Sorted(maps.Keys(network.Layers))
	if len(names) < 17 {
		t.Fatalf("golden values of %d layers", len(names))
	}
	compareWith(t, model, preprocessed(t, filepath.Join(goldenDir, "cat.1.png"), network.Input), network.Layers)
}
