package savedmodel

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	functionpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	core "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"fovea/inference"
	"fovea/preprocessing"
)

const models = "../testdata/savedmodel"

// goldenInput is the input that make_models.py describes.
func goldenInput(n, side int) []float32 {
	values := make([]float32, 0, n*side*side*3)
	for i := range n {
		for y := range side {
			for x := range side {
				for c := range 3 {
					values = append(values, float32((7*i+5*y+3*x+11*c)%17-8)/8)
				}
			}
		}
	}
	return values
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

// maxRelativeError is the largest difference in terms of the largest value.
func maxRelativeError(got []float32, want []float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	worst, scale := 0.0, 0.0
	for i := range got {
		worst = max(worst, math.Abs(float64(got[i])-want[i]))
		scale = max(scale, math.Abs(want[i]))
	}
	return worst / scale
}

// Every layer of every kind of SavedModel must have the values that Keras computes.
func TestOpenAgreesWithKeras(t *testing.T) {
	const side, tolerance = 16, 1e-5
	var golden map[string][]float64
	readJSON(t, filepath.Join(models, "golden.json"), &golden)
	keras := []string{"block1_conv1", "block1_pool", "block2_conv1", "block2_pool", "fc1", "fc2", "predictions"}
	tf1 := map[string]string{
		"block1_conv1": "small/conv1/Relu", "block1_pool": "small/conv1", "block2_pool": "small/conv2",
		"fc1": "fc6", "fc2": "small/fc7", "predictions": "fc8",
	}
	for _, kind := range []string{"keras-export", "keras-save", "keras-nested", "keras2-save", "tf1-resource", "tf1-reference"} {
		t.Run(kind, func(t *testing.T) {
			model, err := Open(filepath.Join(models, kind), Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer model.Close()
			if model.InputHeight != side || model.InputWidth != side {
				t.Errorf("input is %dx%d", model.InputHeight, model.InputWidth)
			}
			names, asked := keras, keras
			if kind[:3] == "tf1" {
				names, asked = nil, nil
				for name, layer := range tf1 {
					names, asked = append(names, name), append(asked, layer)
				}
			}
			extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: asked, Batch: 2})
			if err != nil {
				t.Fatal(err)
			}
			features, err := extractor.Extract(goldenInput(2, side), 2)
			if err != nil {
				t.Fatal(err)
			}
			for i, name := range names {
				if worst := maxRelativeError(features[i], golden[name]); worst > tolerance {
					t.Errorf("layer %s (%s) differs from Keras by %g", name, asked[i], worst)
				}
			}
		})
	}
}

// A model that takes bytes gets whole numbers, whichever signature is asked for and whether
// the computation is in functions or not.
func TestOpenModelsOfBytes(t *testing.T) {
	const side, tolerance = 16, 1e-5
	var golden map[string][]float64
	readJSON(t, filepath.Join(models, "golden.json"), &golden)
	var pixels []float32
	for n := range 2 {
		for y := range side {
			for x := range side {
				for c := range 3 {
					pixels = append(pixels, float32((31*n+5*y+3*x+11*c)%256))
				}
			}
		}
	}
	for _, test := range []struct{ kind, signature, layer string }{
		{"bytes", "scores", "predictions"}, {"tf1-bytes", "", "fc8"},
	} {
		t.Run(test.kind, func(t *testing.T) {
			dir := filepath.Join(models, test.kind)
			model, err := Open(dir, Options{Signature: test.signature})
			if err != nil {
				t.Fatal(err)
			}
			defer model.Close()
			if model.Preprocessing != preprocessing.None {
				t.Errorf("preprocessing is %q", model.Preprocessing)
			}
			extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{test.layer}, Batch: 3})
			if err != nil {
				t.Fatal(err)
			}
			features, err := extractor.Extract(pixels, 2)
			if err != nil {
				t.Fatal(err)
			}
			if worst := maxRelativeError(features[0], golden["bytes"]); worst > tolerance {
				t.Errorf("the scores differ from Keras's by %g", worst)
			}
			if _, err := Open(dir, Options{Signature: test.signature, Preprocessing: preprocessing.Caffe}); err == nil || !strings.Contains(err.Error(), "use none") {
				t.Errorf("another preprocessing gives %v", err)
			}
		})
	}
	features, err := Open(filepath.Join(models, "bytes"), Options{Signature: "features"})
	if err != nil {
		t.Fatal(err)
	}
	defer features.Close()
	if layer, err := features.Layer("predictions"); err == nil {
		t.Errorf("the signature features has a layer %s", layer.Name)
	}
	for _, name := range []string{"", "wrong"} {
		_, err := Open(filepath.Join(models, "bytes"), Options{Signature: name})
		if !errors.Is(err, ErrSignature) || !strings.Contains(err.Error(), "features, scores") {
			t.Errorf("signature %q gives %v", name, err)
		}
	}
}

// A layer goes by its scope, with or without the number that Keras adds, by the end of
// either, and each operation by its own name.
func TestLayerNames(t *testing.T) {
	model, err := Open(filepath.Join(models, "keras-nested"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	for _, name := range []string{
		"outer_1/small_1/block2_conv1_1", "small_1/block2_conv1", "block2_conv1", "block2_conv1_1/Relu", "block2_conv1_1/BiasAdd",
	} {
		if layer, err := model.Layer(name); err != nil || !slices.Equal(layer.Shape, []int{8, 8, 6}) {
			t.Errorf("layer %s has shape %v, %v", name, layer.Shape, err)
		}
	}
	if layer, err := model.Layer("small_1"); err != nil || layer.Name != "outer_1/small_1/predictions_1" {
		t.Errorf("the model within gives %s, %v", layer.Name, err)
	}
	for _, name := range []string{"Relu", "conv1", ""} {
		if layer, err := model.Layer(name); !errors.Is(err, inference.ErrUnknownLayer) {
			t.Errorf("%q, which is not unique, finds %s", name, layer.Name)
		}
	}
}

// Nothing here is made for VGG: other networks with random weights agree with Keras too.
func TestOpenLargeModels(t *testing.T) {
	dir := os.Getenv("FOVEA_LARGE_MODELS")
	if dir == "" {
		t.Skip("FOVEA_LARGE_MODELS does not name a directory made by make_models.py --large")
	}
	for _, name := range []string{"mobilenetv2", "resnet50"} {
		t.Run(name, func(t *testing.T) {
			var golden struct {
				Side           int
				Layer          string
				Values, Output []float64
			}
			readJSON(t, filepath.Join(dir, name, "golden.json"), &golden)
			model, err := Open(filepath.Join(dir, name), Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer model.Close()
			extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{golden.Layer, "predictions"}, Batch: 2})
			if err != nil {
				t.Fatal(err)
			}
			features, err := extractor.Extract(goldenInput(2, golden.Side), 2)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range [][]float64{golden.Values, golden.Output} {
				if worst := maxRelativeError(features[i], want); worst > 1e-4 {
					t.Errorf("output %d differs from Keras by %g", i, worst)
				}
			}
		})
	}
}

// copyModel copies a model, so that it can be damaged.
func copyModel(t *testing.T, kind string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), kind)
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(models, kind))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// editModel changes what a SavedModel says of itself.
func editModel(dir string, change func(*core.SavedModel)) error {
	data, err := os.ReadFile(filepath.Join(dir, graphFile))
	if err != nil {
		return err
	}
	model := new(core.SavedModel)
	if err := proto.Unmarshal(data, model); err != nil {
		return err
	}
	change(model)
	if data, err = proto.Marshal(model); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, graphFile), data, 0o644)
}

func TestOpenRefuses(t *testing.T) {
	variables := filepath.Join("variables", "variables")
	cut := func(name string, size int64) func(string) error {
		return func(dir string) error { return os.Truncate(filepath.Join(dir, name), size) }
	}
	remove := func(name string) func(string) error {
		return func(dir string) error { return os.RemoveAll(filepath.Join(dir, name)) }
	}
	edit := func(change func(*core.SavedModel)) func(string) error {
		return func(dir string) error { return editModel(dir, change) }
	}
	functions := func(change func(*functionpb.FunctionDef)) func(string) error {
		return edit(func(m *core.SavedModel) {
			for _, f := range m.MetaGraphs[0].GraphDef.Library.Function {
				change(f)
			}
		})
	}
	tests := map[string]struct {
		kind   string
		damage func(dir string) error
		want   string
	}{
		"no graph":     {"keras-export", remove(graphFile), "has no saved_model.pb"},
		"empty graph":  {"keras-export", cut(graphFile, 0), "truncated"},
		"cut graph":    {"keras-export", cut(graphFile, 5000), "truncated"},
		"no variables": {"keras-export", remove("variables"), "variables are missing"},
		"no index":     {"keras-export", remove(variables + ".index"), "variables are missing"},
		"no shard":     {"keras-export", remove(variables + ".data-00000-of-00001"), "variables are missing"},
		"cut shard":    {"keras-export", cut(variables+".data-00000-of-00001", 100), "not a usable SavedModel"},
		"cut index":    {"keras-export", cut(variables+".index", 100), "not a usable SavedModel"},
		"two inputs":   {"two-inputs", nil, "it takes 2 inputs"},
		"wrong tag":    {"keras-export", edit(func(m *core.SavedModel) { m.MetaGraphs[0].MetaInfoDef.Tags = []string{"train"} }), `no graph has the tag "serve"`},
		"no signature": {"keras-export", edit(func(m *core.SavedModel) { m.MetaGraphs[0].SignatureDef = nil }), "no signature"},
		"many signatures": {"keras-export", edit(func(m *core.SavedModel) {
			signatures := m.MetaGraphs[0].SignatureDef
			signatures["a"], signatures["b"] = signatures[defaultSignature], signatures[defaultSignature]
			delete(signatures, defaultSignature)
		}), "signatures, as DIR:NAME: a, b"},
		"channels first by mistake": {"keras-export", edit(func(m *core.SavedModel) {
			for _, info := range m.MetaGraphs[0].SignatureDef[defaultSignature].Inputs {
				info.GetTensorShape().Dim[1].Size, info.GetTensorShape().Dim[3].Size = 3, 16
			}
		}), "Depth of input"},
		"huge input": {"keras-export", edit(func(m *core.SavedModel) {
			for _, info := range m.MetaGraphs[0].SignatureDef[defaultSignature].Inputs {
				info.GetTensorShape().Dim[1].Size = 1 << 40
			}
		}), "larger than"},
		"unknown operation": {"tf1-resource", edit(func(m *core.SavedModel) {
			for _, n := range m.MetaGraphs[0].GraphDef.Node {
				if n.Op == "Relu" {
					n.Op = "NoSuchOperation"
				}
			}
		}), "NoSuchOperation"},
		"cycle": {"keras-export", functions(func(f *functionpb.FunctionDef) {
			for _, n := range f.NodeDef {
				if n.Op == "Relu" {
					n.Input[0] = n.Name + ":activations:0"
				}
			}
		}), ""},
		"endless call": {"keras-nested", functions(func(f *functionpb.FunctionDef) {
			for _, n := range f.NodeDef {
				if strings.Contains(n.Op, "PartitionedCall") {
					n.Attr["f"].GetFunc().Name = f.Signature.Name
				}
			}
		}), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := copyModel(t, test.kind)
			if test.damage != nil {
				if err := test.damage(dir); err != nil {
					t.Fatal(err)
				}
			}
			model, err := Open(dir, Options{Trust: func([]Impure) {}})
			if err == nil {
				t.Errorf("opened, with %d layers", len(model.Layers))
				return
			}
			if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrSignature) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want ErrFormat with %q", err, test.want)
			}
		})
	}
}

// FuzzFlatten looks for a saved_model.pb that makes the parser or the flattener panic or
// run without end. TensorFlow itself is not called.
func FuzzFlatten(f *testing.F) {
	for _, kind := range []string{"keras-export", "keras-nested", "tf1-resource"} {
		data, err := os.ReadFile(filepath.Join(models, kind, graphFile))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		meta, err := parseMetaGraph(data)
		if err != nil {
			return
		}
		_, signature, err := chooseSignature(meta, "")
		if err != nil {
			return
		}
		if _, err := pictureInput(signature); err != nil {
			return
		}
		var references []string
		for _, info := range signature.GetOutputs() {
			references = append(references, info.GetName())
		}
		flat := newFlattener(meta)
		if _, err := flat.flatten(references); err != nil && !errors.Is(err, ErrFormat) {
			t.Errorf("error %v is not ErrFormat", err)
		}
	})
}
