package models

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"fovea/inference"
	"fovea/preprocessing"
	"fovea/recipe"
	"fovea/vgg"
)

// auto opens a model in precision auto and returns it with what was logged.
func auto(t *testing.T, name string, options Options) (*inference.Model, string) {
	t.Helper()
	hook := logtest.NewLocal(logrus.StandardLogger())
	t.Cleanup(func() { logrus.StandardLogger().ReplaceHooks(logrus.LevelHooks{}) })
	options.Session.Device, options.Session.Precision = inference.DeviceCPU, inference.PrecisionAuto
	if options.Dir == "" {
		options.Dir = t.TempDir()
	}
	model, err := Open(name, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := model.Close(); err != nil {
			t.Error(err)
		}
	})
	var lines []string
	for _, entry := range hook.AllEntries() {
		if strings.Contains(entry.Message, "--precision auto") {
			lines = append(lines, entry.Message)
		}
	}
	if len(lines) != 1 {
		t.Errorf("it says %q", lines)
	}
	return model, strings.Join(lines, "")
}

// The model that ships is opened in the fastest precision whose published drift is small enough, in others not.
func TestAutoTakesThePublished(t *testing.T) {
	candidates, _ := inference.SessionConfig{}.Candidates()
	if len(candidates) == 0 {
		t.Skip("nothing is faster than float32 on this CPU")
	}
	model, said := auto(t, Default, Options{})
	if got := model.Recipe().Arithmetic(); got != candidates[0].Name() || !strings.Contains(said, "its published drift is") {
		t.Errorf("it is computed in %s: %s", got, said)
	}
	for want, o := range map[string]Options{
		"--max-drift is 1.0e-09, and the next faster precision of this CPU": {Session: inference.SessionConfig{MaxDrift: 1e-9}},
		"TensorFlow's own convolutions":                                     {Convolutions: Direct},
		"may not be mixed with tf32":                                        {Like: recipe.Recipe{ModelSHA256: recipe.PublishedModel, Precision: "tf32"}},
	} {
		model, said := auto(t, Default, o)
		if model.Precision != inference.Float32 || !strings.Contains(said, "computing in float32") || !strings.Contains(said, want) {
			t.Errorf("%s, want %q: %s", model.Precision, want, said)
		}
	}
}

// A model whose drift is not published is tried, and computed in float32 if that does not show that the other
// precision is fine.
func TestAutoMeasuresOthers(t *testing.T) {
	if testing.Short() {
		t.Skip("opens many models, one after the other")
	}
	candidates, _ := inference.SessionConfig{}.Candidates()
	if len(candidates) == 0 {
		t.Skip("nothing is faster than float32 on this CPU")
	}
	model, said := auto(t, "../testdata/savedmodel/keras-tokens", Options{Preprocessing: preprocessing.TF})
	if model.Precision != inference.Float32 || !strings.Contains(said, "has no convolution of 3x3") && !strings.Contains(said, "would be computed in") {
		t.Errorf("a model without such convolutions: %s: %s", model.Precision, said)
	}
	model, said = auto(t, "../testdata/savedmodel/tf1-resource", Options{})
	if model.Precision != inference.Float32 || !strings.Contains(said, "others cannot be tried without knowing the model's preprocessing") {
		t.Errorf("a model that cannot be tried: %s: %s", model.Precision, said)
	}

	dir := filepath.Join(t.TempDir(), "exported")
	c, err := vgg.ByName(Default)
	if err != nil {
		t.Fatal(err)
	}
	set, err := Weights(c, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := vgg.Export(c, set, dir); err != nil {
		t.Fatal(err)
	}
	options := Options{Preprocessing: preprocessing.Caffe}
	model, said = auto(t, dir, options)
	if !strings.Contains(said, "in a trial") || (model.Precision == inference.Float32) != strings.Contains(said, "computing in float32") {
		t.Errorf("the exported VGG16: %s: %s", model.Precision, said)
	}
	options.Session.MaxDrift = 1.2e-6 // the published drift is within it, that of the trial must be a quarter of it
	model, said = auto(t, dir, options)
	if model.Precision != inference.Float32 || !strings.Contains(said, "in a trial, which is more than a quarter of --max-drift") {
		t.Errorf("the exported VGG16 with a small limit: %s: %s", model.Precision, said)
	}
}

// What opens in a precision has the method that the table names: package convolution and the table agree.
func TestMethodsAreInTheTable(t *testing.T) {
	for _, a := range inference.Arithmetics() {
		model, err := Open(Default, Options{Dir: t.TempDir(), Session: inference.SessionConfig{Device: inference.DeviceCPU, Precision: inference.Precision(a.Precision)}})
		if err != nil {
			t.Errorf("%s: %v", a.Name(), err)
			continue
		}
		if got := model.Recipe().Arithmetic(); got != a.Name() || a.Convolutions != "" && model.Convolutions.Method != a.Convolutions {
			t.Errorf("%s is computed as %s, by %q", a.Name(), got, model.Convolutions.Method)
		}
		if !recipe.Published(model.SHA256) {
			t.Error("the drift is published of another model than the one that ships")
		}
		t.Log("opened in", a.Name())
		if err := model.Close(); err != nil {
			t.Error(err)
		}
	}
}

// The drift on the built-in photographs is in the order of the published one.
func TestTrialMeasuresDrift(t *testing.T) {
	open := func(precision string) *Trying {
		model, err := Open(Default, Options{Dir: t.TempDir(), Session: inference.SessionConfig{Device: inference.DeviceCPU, Precision: inference.Precision(precision)}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = model.Close() }) // only computed with
		trial, err := Trial{}.Begin(model)
		if err != nil {
			t.Fatal(err)
		}
		return trial
	}
	exact := open("float32")
	for _, a := range inference.Arithmetics() {
		if a.Precision == "float32" || a.Experimental {
			continue
		}
		drift, err := open(a.Precision).DriftFrom(exact)
		if err != nil {
			t.Fatal(err)
		}
		if !(drift.Averaged > a.Averaged/50 && drift.Averaged < 2*a.Averaged && drift.Whole > a.Whole/50 && drift.Whole < 2*a.Whole) {
			t.Errorf("%s drifts by %+v, published are %g and %g", a.Name(), drift, a.Averaged, a.Whole)
		}
	}
	if drift, err := exact.DriftFrom(exact); err != nil || drift != (Drift{}) {
		t.Errorf("float32 drifts from itself by %+v, %v", drift, err)
	}
}

// The distance keeps its digits where 1 - cosine, computed as such, has lost them, and agrees with it where not.
func TestApart(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	a, b := make([]float64, 300), make([]float64, 300)
	for i := range a {
		a[i] = random.NormFloat64()
		b[i] = 3 * (a[i] + 0.1*random.NormFloat64())
	}
	ab, aa, bb := 0.0, 0.0, 0.0
	for i := range a {
		ab, aa, bb = ab+a[i]*b[i], aa+a[i]*a[i], bb+b[i]*b[i]
	}
	if got, want := apart(a, b), 1-ab/math.Sqrt(aa*bb); math.Abs(got-want) > 1e-12 {
		t.Errorf("%g, want %g", got, want)
	}
	c, s := slices.Clone(a), 0.0
	c[0] += 1e-9
	for _, x := range a[1:] {
		s += x * x
	}
	if got, want := apart(a, c), 0.5*1e-18*s/(aa*aa); math.Abs(got-want) > 0.01*want { // half the angle's square
		t.Errorf("%g, want %g", got, want)
	}
	zero, broken := make([]float64, 300), slices.Clone(a)
	broken[7] = math.NaN()
	if apart(zero, zero) != 0 || apart(zero, a) != 1 || !math.IsNaN(apart(a, broken)) {
		t.Error("vectors without a direction")
	}
	layer := recipe.Layer{Shape: []int{2, 1, 3}, Layout: recipe.LayoutHWC}
	if got := average([]float32{1, 2, 3, 5, 6, 7}, layer); !slices.Equal(got, []float64{3, 4, 5}) {
		t.Errorf("the average is %v", got)
	}
}
