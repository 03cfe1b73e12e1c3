package models

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"testing"

	"fovea/convolution"
	"fovea/inference"
	"fovea/vgg"
	"fovea/vgg/imagenet"
	"fovea/vgg/weights"
)

// readyKernels is how many kernels a model took that were transformed before its graph was there.
func readyKernels(model *inference.Model) (n int) {
	for _, o := range model.Graph.Operations() {
		if o.Type() == "FoveaReadyKernel" {
			n++
		}
	}
	return n
}

// Kernels that are transformed while the library is being loaded give the same features, to the bit. If not all of them
// can be used, none is.
func TestOpenWithPreparedKernels(t *testing.T) {
	if testing.Short() {
		t.Skip("computes with VGG16")
	}
	set, err := imagenet.VGG16()
	if err != nil {
		t.Fatal(err)
	}
	c, err := configuration(Default)
	if err != nil {
		t.Fatal(err)
	}
	options := Options{Session: inference.SessionConfig{Device: inference.DeviceCPU}, Dir: t.TempDir()}
	other := convolution.Kernel{Variable: "other", Shape: []int{3, 3, 16, 16}, Decode: func([]float32) error { return nil }}
	first := convolution.Kernel{Variable: "block1_conv1/kernel", Shape: []int{3, 3, 3, 64}, Decode: set.Tensors["block1_conv1/kernel"].Decode}
	unreadable := convolution.Kernel{Variable: first.Variable, Shape: first.Shape, Decode: func([]float32) error { return errors.New("damaged") }}
	all := func() *convolution.Prepared { return options.prepare(set) }
	only := func(kernels ...convolution.Kernel) func() *convolution.Prepared {
		return func() *convolution.Prepared {
			return convolution.Prepare(inference.Float32, kernels, convolution.Kept{})
		}
	}
	var want []float32
	for _, test := range []struct {
		name    string
		prepare func() *convolution.Prepared
		ready   int
	}{
		{"none", func() *convolution.Prepared { return nil }, 0},
		{"all", all, 13},
		{"all again, which are kept", all, 13},
		{"all as they were kept", all, 13},
		{"one", only(first), 1},
		{"one too many", only(first, other), 0},
		{"one unreadable", only(unreadable), 0},
	} {
		kernels := test.prepare()
		model, err := options.openWith(c, set, kernels)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if model.Convolutions.Count == 0 {
			t.Skip("this processor has no faster convolutions")
		}
		got := pool5(t, model)
		if want == nil {
			want = got
		}
		if ready := readyKernels(model); ready != test.ready || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d kernels were ready, want %d; equal features: %v", test.name, ready, test.ready, reflect.DeepEqual(got, want))
		}
		kernels.Close()
		if err := model.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := keptKernels(t, options.Dir); n != 13 && runtime.GOOS == "linux" {
		t.Errorf("%d kernels are kept, want 13", n)
	}
}

// keptKernels is how many transformed kernels are kept.
func keptKernels(t *testing.T, dir string) (n int) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "kernels"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Size() > 0 {
			n++
		}
	}
	return n
}

// randomBase are weights of a configuration without its dense layers, which keep the size of what goes through them.
func randomBase(c vgg.Configuration) weights.Set {
	random := rand.New(rand.NewPCG(3, 4))
	set := weights.Set{Tensors: map[string]weights.Tensor{}, SHA256: "ab"}
	add := func(name string, deviation float64, shape ...int) {
		size := 1
		for _, d := range shape {
			size *= d
		}
		raw := make([]byte, 0, 4*size)
		for range size {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(random.NormFloat64()*deviation)))
		}
		set.Tensors[name] = weights.Tensor{Shape: shape, DType: weights.F32, Raw: raw}
	}
	for _, l := range c.Layers(false) {
		if k := l.Kernel; k != nil {
			add(l.Name+"/kernel", math.Sqrt(2/float64(k[0]*k[1]*k[2])), k...)
			add(l.Name+"/bias", 0.1, k[3])
		}
	}
	return set
}

// Without TensorFlow's rewriting, maps are the same to the bit; it is left out where nothing else
// was asked for.
func TestMapsAreNotRewritten(t *testing.T) {
	if testing.Short() {
		t.Skip("computes with whole networks")
	}
	for name, precision := range map[string]inference.Precision{"vgg-a-lrn": "", "vgg-c": inference.Float32, "vgg16": inference.Int16} {
		session := inference.SessionConfig{Device: inference.DeviceCPU, Precision: precision}
		c, err := configuration(name)
		if err != nil {
			t.Fatal(err)
		}
		set := randomBase(c)
		open := func(o Options) *inference.Model {
			t.Helper()
			o.Session = session
			kernels := o.prepare(set)
			defer kernels.Close()
			model, err := o.openWith(c, set, kernels)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = model.Close() })
			return model
		}
		plain := open(Options{})
		if plain.Convolutions.Count == 0 {
			t.Logf("skipped: this processor has no faster convolutions for %s", name)
			continue
		}
		if plain.Unrewritten {
			t.Errorf("%s: nothing is rewritten for layers that nobody named", name)
		}
		for pool, unrewritten := range map[string]bool{"": true, "avg": true, "max": true, "gem": false, "gram": false} {
			if name != "vgg16" && pool != "avg" {
				continue
			}
			layers := []string{"block1_conv1", "block3_conv2_linear", "block4_pool", "pool5"}
			model := open(Options{Layers: layers, pool: pool})
			if want := unrewritten && name != "vgg-a-lrn"; model.Unrewritten != want {
				t.Errorf("%s, pooling %q: rewriting is left out: %v, want %v", name, pool, model.Unrewritten, want)
			}
			if got, want := mapsOf(t, model, layers, pool), mapsOf(t, plain, layers, pool); !reflect.DeepEqual(got, want) {
				t.Errorf("%s, pooling %q: other features without rewriting", name, pool)
			}
		}
	}
}

// mapsOf are the features of two random pictures.
func mapsOf(t *testing.T, model *inference.Model, layers []string, pool string) [][]float32 {
	t.Helper()
	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: layers, Pool: pool, Batch: 2})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(5, 6))
	pixels := make([]float32, 2*vgg.InputSize*vgg.InputSize*3)
	for i := range pixels {
		pixels[i] = float32(random.IntN(256)) - 110
	}
	features, err := extractor.Extract(pixels, 2)
	if err != nil {
		t.Fatal(err)
	}
	return features
}

func TestMapsOnly(t *testing.T) {
	layers := []inference.Layer{{Name: "pool5", Aliases: []string{"block5_pool"}, Shape: []int{7, 7, 512}}, {Name: "fc7", Shape: []int{4096}}}
	for _, test := range []struct {
		layers []string
		pool   string
		want   bool
	}{
		{[]string{"pool5"}, "", true},
		{[]string{"block5_pool"}, "avg", true},
		{[]string{"pool5", "fc7"}, "avg", false},
		{[]string{"fc7"}, "", false},
		{[]string{"nothing"}, "", false},
		{[]string{"pool5"}, "gem", false},
		{[]string{"pool5"}, "none of these", false},
		{nil, "", false},
	} {
		if got := (Options{Layers: test.layers, pool: test.pool}).maps(layers); got != test.want {
			t.Errorf("%v pooled by %q: %v", test.layers, test.pool, got)
		}
	}
}
