package recipe

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fovea/preprocessing"
)

func example() Recipe {
	return Recipe{
		Model: "vgg16", ModelSHA256: strings.Repeat("ab", 32), Preprocessing: preprocessing.Caffe, Resize: "squash", Interpolation: "bilinear",
		InputHeight: 224, InputWidth: 200, Pool: PoolAverage, Precision: "float32", Library: "TensorFlow 2.18.1",
		Layers: []Layer{{Name: "pool5", Shape: []int{512}, Layout: LayoutC}, {Name: "block4_conv3", Shape: []int{28, 28, 512}, Layout: LayoutHWC}},
	}
}

// The JSON is what datasets and heads have on disk, byte by byte: their fingerprints hang on it.
func TestJSONOnDisk(t *testing.T) {
	const want = `{"model":"vgg16","model_sha256":"` + "abababababababababababababababababababababababababababababababab" +
		`","preprocessing":"caffe","resize":"squash","interpolation":"bilinear","input_height":224,"input_width":200,"pool":"avg",` +
		`"precision":"float32","library":"TensorFlow 2.18.1","layers":[{"name":"pool5","shape":[512],"layout":"C"},` +
		`{"name":"block4_conv3","shape":[28,28,512],"layout":"HWC"}]}`
	r := example()
	got, err := json.Marshal(r)
	if err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
	sum := sha256.Sum256([]byte(want))
	if r.Fingerprint() != hex.EncodeToString(sum[:]) {
		t.Errorf("the fingerprint is not that of the JSON: %s", r.Fingerprint())
	}
	var back Recipe
	if err := json.Unmarshal([]byte(want), &back); err != nil || !reflect.DeepEqual(back, r) {
		t.Errorf("%+v, %v", back, err)
	}
	r.Background, r.Range, r.Views = "#ffffff", "0..4095", "dense:256,384"
	if got, err = json.Marshal(r); err != nil || !strings.Contains(string(got), `"background":"#ffffff","range":"0..4095","views":"dense:256,384"`) {
		t.Errorf("%s, %v", got, err)
	}
	if err := json.Unmarshal([]byte(`{"preprocessing": "nonsense"}`), &back); err == nil {
		t.Error("a preprocessing that is none is taken")
	}
}

// Every field of a recipe is compared and fingerprinted: whoever adds one and forgets it fails here.
func TestEveryFieldCounts(t *testing.T) {
	names := map[string]string{
		"Model": "model", "ModelSHA256": "model SHA-256", "Preprocessing": "preprocessing", "Resize": "resize", "Interpolation": "interpolation",
		"Background": "background", "Range": "range", "Bands": "bands", "Tiles": "tiles", "Views": "views", "InputHeight": "input size", "InputWidth": "input size", "Pool": "pool",
		"Projection": "projection", "Precision": "precision", "Method": "precision", "Library": "library", "Layers": "layers", "Added": "models",
	}
	minor := []string{"Precision", "Method", "Library"}
	for i := range reflect.TypeFor[Recipe]().NumField() {
		field := reflect.TypeFor[Recipe]().Field(i).Name
		one, other := example(), example()
		if field == "Method" { // recipes without one are taken for the same
			one.Method = "one"
		}
		switch v := reflect.ValueOf(&other).Elem().Field(i); v.Interface().(type) {
		case string:
			v.SetString("another")
		case int:
			v.SetInt(17)
		case preprocessing.Spec:
			v.Set(reflect.ValueOf(preprocessing.Torch))
		case []Layer:
			v.Set(reflect.ValueOf(one.Layers[:1]))
		case []Recipe: // the last column is another model's
			v.Set(reflect.ValueOf([]Recipe{{Model: "vgg19", Layers: one.Layers[1:]}}))
		default:
			t.Fatalf("field %s is of a type that this test does not change", field)
		}
		if one.Fingerprint() == other.Fingerprint() {
			t.Errorf("%s is not in the fingerprint", field)
		}
		for _, differences := range [][]Difference{one.CompareLayers(other), other.CompareLayers(one)} {
			if len(differences) != 1 || differences[0].Field != names[field] || differences[0].Minor != slices.Contains(minor, field) {
				t.Errorf("with another %s: %+v", field, differences)
			}
		}
		if without := one.Compare(other); (field == "Layers") != (len(without) == 0) {
			t.Errorf("without layers, with another %s: %+v", field, without)
		}
	}
	if same := example().CompareLayers(example()); len(same) != 0 {
		t.Errorf("a recipe differs from itself: %v", same)
	}
}

// Layers must agree in their order, shapes and layouts.
func TestCompareLayers(t *testing.T) {
	for name, change := range map[string]func(*Recipe){
		"order": func(r *Recipe) { slices.Reverse(r.Layers) },
		"shape": func(r *Recipe) { r.Layers[1].Shape = []int{512, 28, 28} },
		"name":  func(r *Recipe) { r.Layers[0].Name = "fc7" },
		"more":  func(r *Recipe) { r.Layers = append(r.Layers, Layer{Name: "fc7", Shape: []int{4096}}) },
		"of":    func(r *Recipe) { r.Layers[0].Of = "fc7" },
	} {
		other := example()
		change(&other)
		if got := example().CompareLayers(other); len(got) != 1 || got[0].Field != "layers" || !strings.Contains(got[0].Have, "pool5[512],block4_conv3[28 28 512]") {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Another recipe's way of images goes over, and nothing else does.
func TestWithPicturesOf(t *testing.T) {
	other := Recipe{
		Model: "vgg19", ModelSHA256: "cd", Preprocessing: preprocessing.Torch, Resize: "crop", Interpolation: "lanczos", Background: "#000000", Range: "minmax", Views: "flip",
		InputHeight: 64, InputWidth: 64, Pool: PoolMax, Precision: "bfloat16", Library: "other", Layers: []Layer{{Name: "fc7"}},
	}
	want := example()
	want.Resize, want.Interpolation, want.Background, want.Range, want.Views, want.Pool = "crop", "lanczos", "#000000", "minmax", "flip", PoolMax
	if got := example().WithPicturesOf(other); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

func TestLayers(t *testing.T) {
	r := example()
	if got := r.LayerNames(); !slices.Equal(got, []string{"pool5", "block4_conv3"}) {
		t.Errorf("%v", got)
	}
	if l, found := r.Layer("block4_conv3"); !found || l.Size() != 28*28*512 {
		t.Errorf("%+v, %t", l, found)
	}
	if l, found := r.Layer("fc9"); found || l.Name != "" {
		t.Errorf("a layer that is not there: %+v", l)
	}
	if size := (Layer{}).Size(); size != 1 {
		t.Errorf("a layer of no dimensions has %d values, want 1", size)
	}
}

func ExampleRecipe_Compare() {
	dataset := Recipe{Model: "vgg16", Preprocessing: preprocessing.Caffe, Pool: PoolAverage, Precision: "float32"}
	head := Recipe{Model: "vgg16", Preprocessing: preprocessing.Caffe, Pool: PoolMax, Precision: "bfloat16"}
	for _, d := range dataset.Compare(head) {
		fmt.Printf("%s (minor: %t)\n", d, d.Minor)
	}
	// Output:
	// pool: avg here, max there (minor: false)
	// precision: float32 here, bfloat16 there (minor: true)
}
