package extraction

import (
	"context"
	"errors"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fovea/featurestore"
	"fovea/inference"
	"fovea/models"
	"fovea/pipeline"
	"fovea/preprocessing"
	"fovea/recipe"
)

// valid are options that Validate takes.
func valid() Options {
	return Options{Features: Features{Layers: []string{"pool5"}}, Images: []string{"photos"}}
}

func TestValidate(t *testing.T) {
	if err := valid().Validate(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*Options){
		"name at least one layer":                func(o *Options) { o.Layers = nil },
		"leave no name empty":                    func(o *Options) { o.Layers = []string{"pool5", ""} },
		"use none, avg, max":                     func(o *Options) { o.Pool = "median" },
		"a batch of -1":                          func(o *Options) { o.Batch = -1 },
		"a batch of 100000":                      func(o *Options) { o.Batch = 100000 },
		"images of 0x5":                          func(o *Options) { o.Height = 5 },
		"unknown device":                         func(o *Options) { o.Session.Device = "tpu" },
		"own convolutions: leave out":            func(o *Options) { o.Convolutions, o.Session.Precision = "direct", inference.Int16 },
		"compute convolutions":                   func(o *Options) { o.Convolutions = "quick" },
		`unknown views "five"`:                   func(o *Options) { o.Views = "five" },
		"leave out --resize":                     func(o *Options) { o.Views, o.Resize = "dense", "crop" },
		"and --pool":                             func(o *Options) { o.Views, o.Pool = "dense", recipe.PoolMax },
		"leave out --size":                       func(o *Options) { o.Views, o.Width, o.Height = "dense:64", 64, 64 },
		"use squash or crop":                     func(o *Options) { o.Resize = "stretch" },
		"unknown interpolation":                  func(o *Options) { o.Interpolation = "guess" },
		"unknown background":                     func(o *Options) { o.Background = "pink" },
		`bad pattern "x["`:                       func(o *Options) { o.Selection.Include = []string{"x["} },
		"no images are given":                    func(o *Options) { o.Images = nil },
		"a list of files are mutually exclusive": func(o *Options) { o.FilesFrom = strings.NewReader("") },
		"-1 workers":                             func(o *Options) { o.Workers = -1 },
		"a limit of -1 pixels":                   func(o *Options) { o.MaxPixels = -1 },
		"a limit of -1ns for decoding":           func(o *Options) { o.MaxTime = -1 },
		"requires resuming":                      func(o *Options) { o.RetryFailed = true },
		"resuming and overwriting":               func(o *Options) { o.Resume, o.Overwrite = true, true },
		"files of -1 rows":                       func(o *Options) { o.RowsPerFile = -1 },
		"rows and bytes of a file":               func(o *Options) { o.RowsPerFile, o.BytesPerFile = 5, 5 },
		"use float32 or float16":                 func(o *Options) { o.DType = "int8" },
		"use parquet or arrow":                   func(o *Options) { o.Format = "csv" },
	} {
		o := valid()
		change(&o)
		err := o.Validate()
		var wrong *OptionsError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want an OptionsError with %q", err, want)
		}
	}
	if _, err := Run(context.Background(), valid()); err == nil || !strings.Contains(err.Error(), "no output dataset is named") {
		t.Errorf("a run without an output gives %v", err)
	}
}

// New datasets are not begun in a precision that is only slower; those that exist can be continued.
func TestSlowPrecisionIsRefused(t *testing.T) {
	amx := inference.AMX
	t.Cleanup(func() { inference.AMX = amx })
	inference.AMX = func() error { return errors.New("none") }
	o := valid()
	o.Session = inference.SessionConfig{Device: inference.DeviceCPU, Precision: inference.BFloat16}
	if o.Session.Validate() != nil {
		t.Skip("this CPU cannot compute in bfloat16")
	}
	err := o.Validate()
	var wrong *OptionsError
	if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "bfloat16 is slower than float32 on this CPU") || !strings.Contains(err.Error(), "--precision int16") {
		t.Errorf("the error is %v", err)
	}
	resumed, direct := o, o
	resumed.Resume, direct.Convolutions = true, "direct"
	if err := errors.Join(resumed.Validate(), direct.Validate()); err != nil {
		t.Error(err)
	}
}

// A zero value stands for the same recipe as the value that it defaults to.
func TestDefaults(t *testing.T) {
	o := Options{}.withDefaults()
	if o.Format != featurestore.FormatParquet || o.DType != featurestore.Float32 || o.MaxPixels == 0 || o.Metrics == nil {
		t.Errorf("the defaults are %+v", o)
	}
	update, done := o.Progress(3)
	if update != nil {
		t.Error("without a function for it, progress is shown")
	}
	done()
}

func TestWorthRetrying(t *testing.T) {
	items := []pipeline.Item{{Path: "a.png"}, {Path: "opened/b.png"}, {Path: "deep/er/c.png"}}
	failures := []featurestore.Failure{
		{Path: "a.png", Stage: string(pipeline.StageDecode)},
		{Path: "unselected.png", Stage: string(pipeline.StageDecode)},
		{Path: "opened/b.png", Stage: string(pipeline.StageTime)},
		{Path: "unselected/slow.png", Stage: string(pipeline.StageTime)},
		{Path: "deep/er/c.png", Stage: string(pipeline.StageLibrary)},
		{Path: "opened", Stage: string(pipeline.StageList)},
		{Path: "deep", Stage: string(pipeline.StageList)},
		{Path: "closed", Stage: string(pipeline.StageList)},
		{Path: "opened/b", Stage: string(pipeline.StageList)},
	}
	for _, test := range []struct {
		retry, all bool
		want       []string
	}{
		{false, false, []string{"opened/b.png", "deep/er/c.png", "opened", "deep"}},
		{false, true, []string{"opened/b.png", "deep/er/c.png", "opened", "deep"}},
		{true, false, []string{"a.png", "opened/b.png", "deep/er/c.png", "opened", "deep"}},
		{true, true, []string{"a.png", "unselected.png", "opened/b.png", "unselected/slow.png", "deep/er/c.png", "opened", "deep", "closed", "opened/b"}},
	} {
		if got := worthRetrying(failures, items, test.retry, test.all); !slices.Equal(got, test.want) {
			t.Errorf("retry %t, all %t: %q, want %q", test.retry, test.all, got, test.want)
		}
	}
	if got := worthRetrying(nil, items, true, true); got != nil {
		t.Errorf("of no failures %q are tried again", got)
	}
}

func TestTakesAll(t *testing.T) {
	if !takesAll(pipeline.Selection{Seed: 1}) {
		t.Error("a seed alone leaves images out")
	}
	for _, s := range []pipeline.Selection{{Include: []string{"*"}}, {Exclude: []string{"*"}}, {Parts: 2}, {Sample: 1}, {Limit: 1}} {
		if takesAll(s) {
			t.Errorf("%+v leaves nothing out", s)
		}
	}
}

func TestRemaining(t *testing.T) {
	items := []pipeline.Item{{Path: "a"}, {Path: "b"}, {Path: "c"}}
	if got := remaining(items, nil); len(got) != 3 {
		t.Errorf("%d of 3 are left of a new dataset", len(got))
	}
	if got := remaining(items, map[string]bool{"a": true, "c": true, "z": true}); len(got) != 1 || got[0].Path != "b" {
		t.Errorf("%v are left, want b", got)
	}
}

// Only the end of the context closes a dataset as interrupted, not what happens to fail at the time.
func TestCancelled(t *testing.T) {
	signal := errors.New("a signal")
	ctx, cancel := context.WithCancelCause(context.Background())
	if cancelled(ctx, signal) {
		t.Error("a context that goes on was cancelled")
	}
	cancel(signal)
	if !cancelled(ctx, signal) || !cancelled(ctx, errors.Join(signal, os.ErrClosed)) || !cancelled(ctx, context.Canceled) {
		t.Error("a cancelled run is not known")
	}
	if cancelled(ctx, os.ErrClosed) || cancelled(ctx, nil) {
		t.Error("another error is taken for the cancellation")
	}
}

func TestFailureRate(t *testing.T) {
	for _, test := range []struct {
		rows, failures int
		most           float64
		ok             bool
	}{{2, 1, 0.3, false}, {2, 1, 0.4, true}, {2, 0, 0, true}, {0, 0, 0, true}, {0, 5, 1, true}} {
		r := Result{Rows: test.rows, Failures: test.failures}
		if err := r.CheckFailureRate(test.most); (err == nil) != test.ok {
			t.Errorf("%d rows and %d failures against %g: %v", test.rows, test.failures, test.most, err)
		}
	}
	if err := (Result{Failures: 2}).check(); !errors.Is(err, pipeline.ErrNothingReadable) {
		t.Errorf("failures alone give %v", err)
	}
	if err := (Result{Rows: 1, Failures: 2}).check(); err != nil {
		t.Error(err)
	}
}

func TestExtrapolate(t *testing.T) {
	for _, test := range []struct {
		computed, rows, batch, devices int
		want                           float64
	}{
		{8, 80, 8, 1, 20}, // ten batches of two seconds
		{8, 80, 8, 2, 10},
		{3, 3, 8, 1, 2},   // one batch, not full
		{4, 80, 8, 1, 20}, // a sample with failures took a whole batch's time
	} {
		if got := extrapolate(pipeline.Stats{Rows: test.computed, Elapsed: 2 * time.Second}, test.rows, test.batch, test.devices); got != test.want {
			t.Errorf("%+v gives %g s", test, got)
		}
	}
}

// Nothing is opened for images of which none can become a row, and names are spelled as datasets show them.
func TestEstimateWithoutRows(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"a\xff.jpg": "no image", "notes.txt": "a text", "old.flif": "FLIF31\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	o := valid()
	o.Images, o.Model = []string{dir}, "no model"
	e, err := Estimate(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if e.Images != 1 || e.Rows != 0 || e.OtherFiles != 1 || e.Bytes != 0 || e.Duration() != 0 {
		t.Errorf("the estimate is %+v", e)
	}
	if len(e.Kinds) != 1 || e.Kinds[0].First != "a%FF.jpg" || e.Kinds[0].Finding != pipeline.NoPicture {
		t.Errorf("the kinds are %+v", e.Kinds)
	}
	if len(e.NotRead) != 1 || e.NotRead[0].First != "old.flif" {
		t.Errorf("not read are %+v", e.NotRead)
	}
	// A readable one needs the model; what was counted is there all the same.
	f, err := os.Create(filepath.Join(dir, "b.png"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(png.Encode(f, image.NewGray(image.Rect(0, 0, 3, 3))), f.Close()); err != nil {
		t.Fatal(err)
	}
	if e, err = Estimate(context.Background(), o); err == nil || e.Images != 2 || e.Rows != 1 {
		t.Errorf("the estimate is %+v, %v", e, err)
	}
}

// A run makes a dataset, and another one continues it; a dataset of failures alone is an error that leaves them
// to be read.
func TestRun(t *testing.T) {
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	write := func(name string) {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(png.Encode(f, image.NewGray(image.Rect(0, 0, 3, 3))), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "broken.png"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	o := Options{
		Features: Features{Layers: []string{"block1_pool"}, Pool: recipe.PoolAverage, Session: inference.SessionConfig{Device: inference.DeviceCPU}},
		Images:   []string{dir}, Out: out, Resume: true, ToolVersion: "test",
	}
	r, err := Run(context.Background(), o)
	if !errors.Is(err, pipeline.ErrNothingReadable) || !r.Saved || r.Rows != 0 || r.Failures != 1 || r.FailureRate() != 1 {
		t.Fatalf("without anything readable: %+v, %v", r, err)
	}
	write("a.png")
	r, err = Run(context.Background(), o)
	if err != nil || r.Rows != 1 || r.Failures != 1 || r.Present != 0 || r.Images() != 1 || r.Status != featurestore.StatusComplete || r.Dataset != out || r.Dir != out {
		t.Fatalf("with one image: %+v, %v", r, err)
	}
	write("b.png")
	shown, ended := 0, 0
	o.Progress = func(total int) (func(pipeline.Stats), func()) {
		shown = total
		return func(pipeline.Stats) {}, func() { ended++ }
	}
	o.Metrics = &Metrics{}
	r, err = Run(context.Background(), o)
	if err != nil || r.Rows != 2 || r.Present != 1 || r.Images() != 1 || shown != 1 || ended != 1 || r.Stats.Bottleneck().Stage == "" {
		t.Fatalf("resumed: %+v, %v; progress of %d, ended %d times", r, err, shown, ended)
	}
	o.Resume = false
	if _, err = Run(context.Background(), o); !errors.Is(err, featurestore.ErrExists) {
		t.Errorf("a dataset that is there gives %v", err)
	}
	unopened := o
	unopened.Model, unopened.Images, unopened.Session.Precision = "nosuch", []string{filepath.Join(dir, "nosuch")}, inference.PrecisionAuto
	if _, err = Run(context.Background(), unopened); !errors.Is(err, featurestore.ErrExists) {
		t.Errorf("a dataset that is there gives %v only after the model was opened and the images were listed", err)
	}
	o.Out = filepath.Join(t.TempDir(), "other")
	o.Layers = []string{"nosuch"}
	if _, err = Run(context.Background(), o); !errors.Is(err, inference.ErrUnknownLayer) {
		t.Errorf("an unknown layer gives %v", err)
	}
	if err := featurestore.Verify(out); err != nil {
		t.Error(err)
	}
}

func TestLayers(t *testing.T) {
	layers, err := Layers(Features{Session: inference.SessionConfig{Device: inference.DeviceCPU}})
	if err != nil || !slices.ContainsFunc(layers, func(l inference.Layer) bool { return l.Name == "pool5" }) {
		t.Errorf("the default model has the layers %v, %v", layers, err)
	}
}

// A dataset that drifts further than is asked for is not continued, before anything is opened; what is not published cannot be refused.
func TestResumeWithinDrift(t *testing.T) {
	have := recipe.Recipe{
		Model: "vgg16", ModelSHA256: recipe.PublishedModel, Preprocessing: preprocessing.Caffe, Precision: "int16", Method: "Winograd F(4x4)",
		Layers: []recipe.Layer{{Name: "pool5", Shape: []int{2}, Layout: recipe.LayoutC}},
	}
	out := filepath.Join(t.TempDir(), "out")
	w, err := featurestore.Create(out, featurestore.Info{Recipe: have, ToolVersion: "test"}, featurestore.Options{})
	if err == nil {
		err = errors.Join(w.Append(featurestore.Row{Path: "a", SHA256: strings.Repeat("ab", 32), Features: [][]float32{{1, 2}}}), w.Close(featurestore.StatusComplete))
	}
	if err != nil {
		t.Fatal(err)
	}
	o := valid()
	o.Out, o.Resume, o.Model = out, true, "nosuch"
	o.Session = inference.SessionConfig{Device: inference.DeviceCPU, Precision: inference.PrecisionAuto, MaxDrift: 1e-7}
	var usage *OptionsError
	_, err = Run(context.Background(), o)
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), "int16 (Winograd F(4x4)), whose published drift of 1.1e-06 is above --max-drift 1e-07: give --max-drift 1.1e-06 or more, or none") {
		t.Errorf("the error is %v", err)
	}
	for _, enough := range []float64{0, 1.1e-6, 1e-4} {
		o.Session.MaxDrift = enough
		if _, err := Run(context.Background(), o); errors.As(err, &usage) || !errors.Is(err, models.ErrUnknown) && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("with %g: %v", enough, err)
		}
	}
	other := have
	other.ModelSHA256 = "ab"
	exact := other
	exact.Precision, exact.Method = "float32", ""
	if err := errors.Join(driftsWithin(other, 1e-7), driftsWithin(exact, 1e-12)); err != nil {
		t.Error(err)
	}
}
