package inference

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/preprocessing"
	"fovea/recipe"
)

// mapModel is a model whose layer "map" is its input, seen in the shape.
func mapModel(t *testing.T, shape []int) *Model {
	t.Helper()
	height, width, depth := shape[0], 1, shape[len(shape)-1]
	if len(shape) == 3 {
		width = shape[1]
	}
	scope := op.NewScope()
	input := op.Placeholder(scope, tf.Float, op.PlaceholderShape(tf.MakeShape(-1, int64(height), int64(width), int64(depth))))
	dims := []int32{-1}
	for _, d := range shape {
		dims = append(dims, int32(d))
	}
	seen := op.Reshape(scope, input, op.Const(scope.SubScope("shape"), dims))
	graph, err := scope.Finalize()
	if err != nil {
		t.Fatal(err)
	}
	session, device, err := NewSession(graph, SessionConfig{})
	if err != nil {
		t.Fatal(err)
	}
	model := &Model{
		Name: "map", SHA256: "00", Preprocessing: preprocessing.None, Device: device, Precision: Float32, Graph: graph, Session: session,
		Input: input, InputHeight: height, InputWidth: width, Channels: depth, Layers: []Layer{{Name: "map", Output: seen, Shape: shape}},
	}
	t.Cleanup(func() { _ = model.Close() })
	return model
}

// Poolings are what NumPy makes of maps of many shapes, for two images at a time.
func TestPoolingsAgreeWithNumPy(t *testing.T) {
	data, err := os.ReadFile("testdata/poolings.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Shape  []int
		Values []float32
		Want   map[string][]*float64
	}
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) < 10 {
		t.Fatalf("%d maps, %v", len(cases), err)
	}
	compared := map[string]int{}
	for _, c := range cases {
		model := mapModel(t, c.Shape)
		for pool, want := range c.Want {
			e := extractor(t, model, ExtractorOptions{Layers: []string{"map"}, Pool: pool, Batch: 2})
			got, err := e.Extract(append(make([]float32, len(c.Values)), c.Values...), 2)
			if err != nil {
				t.Fatal(pool, c.Shape, err)
			}
			if layer := e.Layers()[0]; layer.Size() != len(want) || layer.Layout != recipe.LayoutC || len(got[0]) != 2*len(want) {
				t.Fatalf("%s of %v has %d values in %+v, want %d", pool, c.Shape, len(got[0]), layer, len(want))
			}
			for i, w := range want {
				if w == nil {
					continue
				}
				if v := float64(got[0][len(want)+i]); math.Abs(v-*w) > 2e-5*max(1, math.Abs(*w)) {
					t.Errorf("%s of %v: value %d is %g, want %g", pool, c.Shape, i, v, *w)
					break
				}
				compared[pool]++
			}
		}
	}
	for _, pool := range []string{"gem:3", "rmac", "spp:1,2,4", "gram"} {
		if compared[pool] < 10 {
			t.Errorf("only %d values of %s were compared", compared[pool], pool)
		}
	}
}

// Poolings that a layer's shape does not allow are refused.
func TestPoolingsRefused(t *testing.T) {
	for _, test := range []struct {
		shape      []int
		pool, want string
	}{
		{[]int{6, 3}, "rmac", `layer map has no height and width for pooling "rmac"`},
		{[]int{6, 3}, "spp:1,2", `no height and width`},
		{[]int{7, 3, 2}, "spp:1,4", "layer map of 7x3 has no grid of 4 cells a side for pooling \"spp:1,4\": use grids of up to 3"},
		{[]int{1, 1, 4097}, "gram", "has 4097 channels, whose Gram matrix is too large"},
		{[]int{2, 2, 2}, "cls", "but no class token"},
	} {
		_, err := NewExtractor(mapModel(t, test.shape), ExtractorOptions{Layers: []string{"map"}, Pool: test.pool})
		if !errors.Is(err, ErrPooling) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s of %v: %v, want %q", test.pool, test.shape, err, test.want)
		}
	}
}
