package models

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"fovea/vgg"
)

func TestDescribe(t *testing.T) {
	t.Setenv("FOVEA_CACHE", t.TempDir())
	for name, want := range map[string]struct {
		letter, weights string
		parameters      int
	}{
		"vgg16": {"D", "base", 138357544},
		"vgg-d": {"D", "base", 138357544},
		"vgg19": {"E", "none", 143667240},
		"vgg11": {"A", "none", 132863336},
	} {
		d, err := Describe(name)
		if err != nil {
			t.Fatal(err)
		}
		if d.Kind != KindVGG || d.Configuration != want.letter || d.Weights != want.weights || d.Parameters != want.parameters || !slices.Equal(d.Input, []int{224, 224, 3}) {
			t.Errorf("%s: %+v", name, d)
		}
		if known := d.Weights != "none"; known == d.Preprocessing.IsZero() || known == (d.SHA256 == "") {
			t.Errorf("%s: preprocessing %s, SHA-256 %s", name, d.Preprocessing, d.SHA256)
		}
		at := slices.IndexFunc(d.Layers, func(l LayerDescription) bool { return l.Name == "fc7" })
		if at < 0 || !slices.Equal(d.Layers[at].Kernel, []int{4096, 4096}) || d.Layers[at].Parameters != 4096*4097 {
			t.Errorf("%s: layers %+v", name, d.Layers)
		}
	}
	if _, err := Describe("vgg17"); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "did you mean vgg16?") {
		t.Errorf("an unknown model: %v", err)
	}
	if _, err := Describe(t.TempDir()); err == nil || errors.Is(err, ErrUnknown) {
		t.Errorf("an empty directory: %v", err)
	}
}

// What to do about missing weights names the way that there is.
func TestNoWeights(t *testing.T) {
	for name, want := range map[string]string{
		"vgg19": "download them with extract model fetch vgg19, or import a file with extract model import vgg19 FILE",
		"vgg13": "download them with extract model fetch vgg13-torchvision, or ",
		"vgg-c": "here: import a file with extract model import vgg-c FILE",
	} {
		c, err := vgg.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Weights(c, t.TempDir()); !errors.Is(err, ErrNoWeights) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

func TestFindPublished(t *testing.T) {
	for _, p := range Catalogue {
		if found, err := FindPublished(p.Name); err != nil || found.URL != p.URL {
			t.Errorf("%s: %+v, %v", p.Name, found, err)
		}
		if _, err := vgg.ByName(p.Configuration); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
	if _, err := FindPublished("vgg19-notopp"); err == nil || !strings.Contains(err.Error(), "did you mean vgg19-notop?") {
		t.Errorf("a mistyped name: %v", err)
	}
}

func TestLeftOut(t *testing.T) {
	i := Imported{
		File: "x.safetensors", Configuration: vgg.Configuration{Name: "vgg16"}, Suspect: []string{"odd"},
		Preprocessing: Finding{Reason: "measured", Warning: "otherwise"},
		Adopted:       vgg.Adopted{Ignored: []vgg.Ignored{{Name: "a", Reason: "no use"}, {Name: "b", Reason: "a copy"}, {Name: "c", Reason: "no use"}}, Absent: []string{"fc8"}},
	}
	left := i.LeftOut()
	if len(left) != 2 || left[0].Reason != "no use" || !slices.Equal(left[0].Tensors, []string{"a", "c"}) || !slices.Equal(left[1].Tensors, []string{"b"}) {
		t.Errorf("%+v", left)
	}
	if r := i.Report(); r.Model != "vgg16" || !slices.Equal(r.Warnings, []string{"otherwise", "odd"}) || !slices.Equal(r.MissingLayers, []string{"fc8"}) || r.PreprocessingSource != "measured" {
		t.Errorf("%+v", r)
	}
}

func TestVerdict(t *testing.T) {
	well := Check{Layers: []LayerStatistics{{Name: "a"}}, Comparisons: []Comparison{{Layer: "a", Cosine: 0.99999}}}
	if err := well.Verdict(); err != nil {
		t.Error(err)
	}
	ill := Check{Layers: []LayerStatistics{{Name: "a"}, {Name: "b", NotFinite: 3}, {Name: "c", NotFinite: 4}}, Comparisons: []Comparison{{Layer: "a", Cosine: 1}, {Layer: "b", Cosine: 0.9}}}
	err := ill.Verdict()
	if err == nil || !strings.Contains(err.Error(), "layer b has 3 values that are not finite") || !strings.Contains(err.Error(), "layer b has a cosine of 0.90000") || strings.Contains(err.Error(), "layer c") {
		t.Errorf("%v", err)
	}
}
