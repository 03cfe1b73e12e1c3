package savedmodel

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/inference"
	"fovea/recipe"
)

// goldenLayers are the values that Keras gives, by model and layer; see make_layers.py.
func goldenLayers(t *testing.T) map[string]map[string][]float64 {
	t.Helper()
	var golden map[string]map[string][]float64
	readJSON(t, filepath.Join(models, "golden_layers.json"), &golden)
	return golden
}

const layersSide = 8

func openLayers(t *testing.T, kind string) *inference.Model {
	t.Helper()
	model, err := Open(filepath.Join(models, kind), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { model.Close() })
	return model
}

func extract(t *testing.T, model *inference.Model, options inference.ExtractorOptions) ([][]float32, []recipe.Layer) {
	t.Helper()
	options.Batch = 3
	extractor, err := inference.NewExtractor(model, options)
	if err != nil {
		t.Fatal(err)
	}
	features, err := extractor.Extract(goldenInput(2, layersSide), 2)
	if err != nil {
		t.Fatal(err)
	}
	return features, extractor.Layers()
}

// Every layer has the values of Keras's predict under its own name, however it is made and
// whatever random layers model.export left before it.
func TestLayersAgreeWithKeras(t *testing.T) {
	if testing.Short() {
		t.Skip("reads many models, one after the other")
	}
	const single, half = 1e-5, 5e-3
	for kind, golden := range goldenLayers(t) {
		t.Run(kind, func(t *testing.T) {
			model := openLayers(t, kind)
			absent := map[string]bool{"drop": true, "augment": true} // nothing is computed in these
			tried := 0
			for name, want := range golden {
				if absent[name] {
					continue
				}
				if kind == "keras-scopes" && strings.HasPrefix(name, "two") {
					continue // of two outputs, see TestNamesOfNothing
				}
				tolerance := single
				if kind == "keras-half" || name == "half" {
					tolerance = half
				}
				layer, err := model.Layer(name)
				if err != nil {
					t.Error(err)
					continue
				}
				features, stored := extract(t, model, inference.ExtractorOptions{Layers: []string{name}})
				if off := maxRelativeError(features[0], want); off > tolerance {
					t.Errorf("layer %s, which is %s of shape %v, is off by %.1e", name, layer.Name, stored[0].Shape, off)
				}
				tried++
			}
			if tried < 2 {
				t.Errorf("only %d layers were compared", tried)
			}
		})
	}
}

// A name that may be several layers' lists them, and one that hides something says why.
func TestNamesOfNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("reads many models, one after the other")
	}
	for _, test := range []struct{ kind, name, want string }{
		{"keras-scopes", "two", "may be scopes_1/two_1/"},
		{"keras-scopes", "scopes", "use one of these names"},
		{"keras-scopes", "BiasAdd", "may be scopes_1/stem_1, "},
		{"keras-scopes", "DENS", "has scopes_1/dense_1"},
		{"keras-numbers", "shared", "shared_1, functional_1/shared_"},
		{"keras-tokens", "tokens_model_1/classtoken_1/Shape", "of type int32"},
		{"keras-late", "scores", "random operation late_1/drop_1/"},
		{"keras-noise", "conv", "random operation noisy_1/augment_1/noise_1/"},
		{"keras-late", "nonsense", "has late_1/conv_1/convolution"},
	} {
		t.Run(test.kind+" "+test.name, func(t *testing.T) {
			layer, err := openLayers(t, test.kind).Layer(test.name)
			if !errors.Is(err, inference.ErrUnknownLayer) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("finds %q, %v", layer.Name, err)
			}
		})
	}
}

// Keras's names are Keras's, though the graph has the same for others.
func TestNamesOfKeras(t *testing.T) {
	numbers := openLayers(t, "keras-numbers")
	for keras, graph := range map[string]string{
		"conv2d": "functional_1/conv2d_1", "conv2d_1": "functional_1/conv2d_1_2", "conv2d_2": "functional_1/conv2d_2_1",
		"functional/conv2d_1": "functional_1/conv2d_1_2", "functional_1/conv2d_1": "functional_1/conv2d_1",
	} {
		if layer, err := numbers.Layer(keras); err != nil || layer.Name != graph {
			t.Errorf("layer %s is %q, %v", keras, layer.Name, err)
		}
	}
	scopes := openLayers(t, "keras-scopes")
	for output, shape := range map[string][]int{"scores": {3}, "map": {8, 8, 8}, "highest": {4}} {
		if layer, err := scopes.Layer(output); err != nil || !slices.Equal(layer.Shape, shape) {
			t.Errorf("output %s is %q of shape %v, %v", output, layer.Name, layer.Shape, err)
		}
	}
	if layer, err := scopes.Layer("block/conv"); err != nil || !slices.Equal(layer.Shape, []int{8, 8, 4}) {
		t.Errorf("the sublayer block/conv is %q, %v", layer.Name, err)
	}
}

// Tokens are pooled over, or the first of them is taken.
func TestTokens(t *testing.T) {
	const tolerance, tokens, channels = 1e-5, 17, 6
	model := openLayers(t, "keras-tokens")
	whole := goldenLayers(t)["keras-tokens"]["ln2"]
	want := map[string][]float64{recipe.PoolNone: whole}
	for n := range 2 {
		for c := range channels {
			values := make([]float64, tokens)
			for i := range values {
				values[i] = whole[(n*tokens+i)*channels+c]
			}
			mean := 0.0
			for _, v := range values {
				mean += v / tokens
			}
			want[recipe.PoolAverage] = append(want[recipe.PoolAverage], mean)
			want[recipe.PoolMax] = append(want[recipe.PoolMax], slices.Max(values))
			want[recipe.PoolClass] = append(want[recipe.PoolClass], values[0])
		}
	}
	for pool, want := range want {
		features, stored := extract(t, model, inference.ExtractorOptions{Layers: []string{"ln2", "scores"}, Pool: pool})
		if off := maxRelativeError(features[0], want); off > tolerance {
			t.Errorf("pooled by %s, tokens are off by %.1e", pool, off)
		}
		shape, layout := []int{channels}, recipe.LayoutC
		if pool == recipe.PoolNone {
			shape, layout = []int{tokens, channels}, recipe.LayoutTC
		}
		if !slices.Equal(stored[0].Shape, shape) || stored[0].Layout != layout || stored[1].Layout != recipe.LayoutC {
			t.Errorf("pooled by %s, the layers are %v", pool, stored)
		}
	}
	if _, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{"patches"}, Pool: recipe.PoolClass}); err == nil || !strings.Contains(err.Error(), "no class token") {
		t.Errorf("the class token of a map gives %v", err)
	}
}
