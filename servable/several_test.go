package servable

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	functionpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"

	"fovea/head"
	"fovea/inference"
	"fovea/picture"
	"fovea/pipeline"
	"fovea/preprocessing"
	"fovea/recipe"
)

// severalKinds are models that take images differently. The first and the last are one network, with other poolings; the
// second has the variables of TensorFlow 1.
var severalKinds = []struct {
	kind   string
	layers []string
	pool   string
	recipe recipe.Recipe
}{
	{"keras-export", []string{"fc1", "block2_pool"}, "avg", recipe.Recipe{Preprocessing: preprocessing.Torch}},
	{"tf1-reference", []string{"fc6"}, "none", recipe.Recipe{Preprocessing: preprocessing.TF, Resize: "crop", Views: "flip", Background: "#ff8000"}},
	{"keras-save", []string{"block2_pool"}, "max", recipe.Recipe{Preprocessing: preprocessing.Caffe, Interpolation: "bicubic"}},
	{"keras-export", []string{"block2_pool"}, "max", recipe.Recipe{Preprocessing: preprocessing.Torch}},
}

// severalParts opens severalKinds, the last of which shares the first one's model.
func severalParts(t *testing.T) (m Model) {
	t.Helper()
	for i, c := range severalKinds {
		extractor, config := way(t, c.kind, inference.ExtractorOptions{Layers: c.layers, Pool: c.pool}, c.recipe)
		if i == len(severalKinds)-1 {
			var err error
			if extractor, err = inference.NewExtractor(m.Parts[0].Extractor.Model(), inference.ExtractorOptions{Layers: c.layers, Pool: c.pool}); err != nil {
				t.Fatal(err)
			}
		}
		m.Parts = append(m.Parts, Part{Extractor: extractor, Config: config})
	}
	m.Columns = []pipeline.Column{{Part: 2}, {Part: 0, Layer: 1}, {Part: 1}, {Part: 3}, {Part: 0}}
	return m
}

// severalRows computes the features of files, each model by itself.
func severalRows(t *testing.T, m Model, files [][]byte) head.Matrix {
	t.Helper()
	x := head.Matrix{Rows: len(files)}
	for _, file := range files {
		var parts [][][]float32
		for _, p := range m.Parts {
			decoded, err := picture.Decode(file, p.Config.Picture)
			if err != nil {
				t.Fatal(err)
			}
			values := make([]float32, len(decoded.Pix))
			p.Config.Preprocessing.Apply(values, decoded.Pix)
			features, err := pipeline.OverViews(p.Extractor, p.Config.Picture.Views.Count()).Extract(values, 1)
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, features)
		}
		for _, c := range m.Columns {
			x.Data = append(x.Data, parts[c.Part][c.Layer]...)
		}
	}
	x.Cols = len(x.Data) / x.Rows
	return x
}

// A head on several models, in one graph, predicts what it says of the features that each computes by itself, in Python,
// too.
func TestExportSeveralModels(t *testing.T) {
	const tolerance = 2e-3
	files := photoFiles(t, "cat.1.png", "cat.3.jpg", "dog.1.jpg", "other.2.jpg", "../picture/png-rgba8.png")
	m := severalParts(t)
	var layers []recipe.Layer
	for _, c := range m.Columns {
		layers = append(layers, m.Parts[c.Part].Extractor.Layers()[c.Layer])
	}
	h := random(7, layers, []string{"ant", "bee", "cat"}, 4)
	x := severalRows(t, m, files)
	for j := range x.Cols {
		sum, squares := 0.0, 0.0
		for i := range x.Rows {
			v := float64(x.Row(i)[j])
			sum, squares = sum+v/float64(x.Rows), squares+v*v/float64(x.Rows)
		}
		h.Standardization.Mean[j], h.Standardization.Scale[j] = float32(sum), float32(0.5/math.Sqrt(squares-sum*sum+1e-3))
	}
	want, err := h.Probabilities(x)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "1")
	if err := Export(h, m, Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir, inference.SessionConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 2 { // a second export from the same graphs
		got, err := s.Predict(files)
		if err != nil {
			t.Fatal(err)
		}
		if worst := furthest(got.Probabilities, want); !(worst < tolerance) {
			t.Errorf("probabilities differ by %g: %v, want %v", worst, got, want)
		} else {
			t.Logf("probabilities differ by %.2g at most, the first are %.3f", worst, want[0])
		}
		if dir += "-again"; Export(h, m, Options{Dir: dir}) != nil {
			t.Error("it cannot be exported again")
		}
	}
	copies := 0 // the network that two parts share is in the graph once
	for i := range severalKinds {
		if s.loaded.Graph.Operation("model"+suffix(i)+"/"+m.Parts[0].Extractor.Outputs()[0].Op.Name()) != nil {
			copies++
		}
	}
	if copies != 1 {
		t.Errorf("a shared model is in the graph %d times", copies)
	}
	wrong := m
	wrong.Columns = wrong.Columns[1:]
	if err := Export(h, wrong, Options{Dir: dir + "-no"}); err == nil || !strings.Contains(err.Error(), "4 layers for a head on 5") {
		t.Errorf("columns are missing: %v", err)
	}
	wrong.Columns = append([]pipeline.Column{{Part: 1, Layer: 1}}, wrong.Columns...)
	if err := Export(h, wrong, Options{Dir: dir + "-no"}); err == nil || !strings.Contains(err.Error(), "no model computes block2_pool") {
		t.Errorf("a column that no model has: %v", err)
	}
	inPython(t, dir, want, tolerance)
}

// inPython compares what Python's TensorFlow predicts of three of the photos.
func inPython(t *testing.T, dir string, want [][]float64, tolerance float64) {
	t.Helper()
	python := os.Getenv("FOVEA_PYTHON_TENSORFLOW")
	if python == "" {
		t.Log("FOVEA_PYTHON_TENSORFLOW names no Python with tensorflow, numpy and pillow: predicting there is not tested")
		return
	}
	arguments := []string{"../testdata/servable/predict.py", dir}
	for _, name := range []string{"cat.1.png", "cat.3.jpg", "dog.1.jpg"} {
		arguments = append(arguments, filepath.Join(photos, name))
	}
	command := exec.Command(python, arguments...)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var there struct {
		Probabilities [][]float32
		Classes       []string
	}
	if err := json.Unmarshal(out, &there); err != nil {
		t.Fatal(err)
	}
	if worst := furthest(there.Probabilities, want[:3]); !(worst < tolerance) || !slices.Equal(there.Classes, []string{"ant", "bee", "cat"}) {
		t.Errorf("Python's probabilities differ by %g; its classes are %v", worst, there.Classes)
	} else {
		t.Logf("in Python, they differ by %.2g at most", worst)
	}
}

// multiplier is a model that averages an image's channels, times a factor, by a function that is called the same in all such
// models, and calls another one.
func multiplier(t *testing.T, factor float32) *inference.Model {
	t.Helper()
	inner := &nodes{function: true}
	product := inner.binary("Mul", float32Type, "x", inner.real(factor))
	scale := inner.define("scale", []argument{{"x", float32Type}}, []argument{{"y", float32Type}}, map[string]string{"y": product})
	outer := &nodes{function: true}
	called := outer.add("StatelessIf", "", []string{outer.binary("Equal", float32Type, outer.real(1), outer.real(1)), "x"}, attributes{
		"Tcond": typeOf(boolType), "Tin": typesOf(float32Type), "Tout": typesOf(float32Type), "then_branch": callOf("scale"), "else_branch": callOf("scale"),
	})
	twice := outer.define("scale_it", []argument{{"x", float32Type}}, []argument{{"y", float32Type}}, map[string]string{"y": called})
	n := &nodes{}
	input := n.add("Placeholder", "input", nil, attributes{"dtype": typeOf(float32Type), "shape": shapeOf(-1, 2, 2, 3)})
	scaled := n.add("PartitionedCall", "", []string{input}, attributes{"Tin": typesOf(float32Type), "Tout": typesOf(float32Type), "f": callOf("scale_it")})
	mean := (&classifier{nodes: n}).reduce("Mean", (&classifier{nodes: n}).reduce("Mean", scaled, 1, false), 1, false)
	session, graph := openGraph(t, n, []*functionpb.FunctionDef{scale, twice})
	return &inference.Model{
		Name: "multiplier", Device: inference.DeviceCPU, Precision: inference.Float32, Preprocessing: preprocessing.None, Graph: graph, Session: session,
		Input: graph.Operation(input).Output(0), InputHeight: 2, InputWidth: 2,
		Layers: []inference.Layer{{Name: "mean", Output: graph.Operation(mean).Output(0), Shape: []int{3}}},
	}
}

// Two models may have different functions of one name.
func TestExportFunctionsOfOneName(t *testing.T) {
	var m Model
	h := &head.Head{}
	for i, factor := range []float32{2, 5} {
		extractor, err := inference.NewExtractor(multiplier(t, factor), inference.ExtractorOptions{Layers: []string{"mean"}, Pool: "none", Batch: 1})
		if err != nil {
			t.Fatal(err)
		}
		config := pipeline.Config{Picture: picture.Options{Width: 2, Height: 2}, Preprocessing: preprocessing.None}
		m.Parts, m.Columns = append(m.Parts, Part{Extractor: extractor, Config: config}), append(m.Columns, pipeline.Column{Part: i})
		h.Layers = append(h.Layers, extractor.Layers()...)
	}
	n := &nodes{}
	files := n.add("Placeholder", Input, nil, attributes{"dtype": typeOf(stringType), "shape": shapeOf(-1)})
	features, variables, functions, err := n.features(files, h, m)
	if err != nil || len(variables) != 0 {
		t.Fatalf("%d variables, %v", len(variables), err)
	}
	session, graph := openGraph(t, n, functions)
	contents, err := tf.NewTensor([]string{string(photoFiles(t, "cat.3.jpg")[0])})
	if err != nil {
		t.Fatal(err)
	}
	var outputs []tf.Output
	for _, f := range features {
		outputs = append(outputs, graph.Operation(f).Output(0))
	}
	results, err := session.Run(map[tf.Output]*tf.Tensor{graph.Operation(files).Output(0): contents}, outputs, nil)
	if err != nil {
		t.Fatal(err)
	}
	var rows [2][][]float32
	for i, r := range results {
		value, err := inference.Value(r)
		if err != nil {
			t.Fatal(err)
		}
		rows[i] = value.([][]float32)
	}
	for j, v := range rows[0][0] {
		if other := rows[1][0][j]; v == 0 || math.Abs(float64(other/v)-2.5) > 1e-5 {
			t.Errorf("channel %d is %g by the first model and %g by the second, want 2.5 times as much", j, v, other)
		}
	}
}
