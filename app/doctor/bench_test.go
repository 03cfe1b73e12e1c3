package doctor

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"fovea/inference"
	"fovea/preprocessing"
	"fovea/recipe"
)

// The bench has a row for each arithmetic of CPUs: measured, or with the reason why it was not.
func TestBench(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	t.Setenv("FOVEA_CACHE", t.TempDir())
	r, err := Examine(context.Background(), Options{Bench: true, Session: inference.SessionConfig{Device: inference.DeviceCPU}, Out: t.TempDir()})
	if err != nil || !r.Works || len(r.Precisions) != len(recipe.Arithmetics) {
		t.Fatalf("%+v, %v", r, err)
	}
	taken := 0
	for i, p := range r.Precisions {
		a := recipe.Arithmetics[i]
		if p.Auto {
			taken++
		}
		switch {
		case p.Name != a.Name():
			t.Errorf("row %d is %s, want %s", i, p.Name, a.Name())
		case !used(a):
			if !strings.Contains(p.Unmeasured, "this CPU") || p.ImagesPerSecond != 0 || p.Auto {
				t.Errorf("%+v", p)
			}
		case p.Unmeasured != "" || p.ImagesPerSecond <= 0 || p.Layer != "pool5" || a.Averaged > 0 && !(p.Drift.Averaged > 0 && p.Drift.Averaged < 2*a.Averaged):
			t.Errorf("%+v", p)
		}
	}
	if taken != 1 {
		t.Errorf("auto takes %d precisions", taken)
	}
	var out bytes.Buffer
	if err := r.Write(&out); err != nil || !strings.Contains(out.String(), "<- --precision auto") || !strings.Contains(out.String(), "1 - cosine to pool5 in float32") {
		t.Errorf("%v\n%s", err, &out)
	}
	for _, p := range r.Precisions {
		if !strings.Contains(out.String(), p.Name) || !strings.Contains(out.String(), p.Instructions) {
			t.Errorf("%s is not printed", p.Name)
		}
	}
}

// used says whether this CPU computes by the instructions of a row.
func used(a recipe.Arithmetic) bool {
	row, found := inference.UsedFor(a.Name())
	return found && row == a
}

// What cannot be measured is said, and is no problem of the machine.
func TestBenchWithoutModel(t *testing.T) {
	t.Setenv("FOVEA_CACHE", t.TempDir())
	var r Report
	r.bench(context.Background(), Options{Model: "vgg19"})
	if len(r.Checks) != 1 || r.Checks[0].Status != Warning || !strings.Contains(r.Checks[0].Found, "no weights of vgg19") || r.Precisions != nil {
		t.Errorf("%+v", r)
	}
}

// A model that states no preprocessing is measured with the one that is given.
func TestBenchWithPreprocessing(t *testing.T) {
	t.Setenv("FOVEA_CACHE", t.TempDir())
	options := Options{Model: "../../testdata/savedmodel/keras-late", Session: inference.SessionConfig{Device: inference.DeviceCPU}}
	var without, with Report
	without.bench(context.Background(), options)
	if len(without.Checks) != 1 || !strings.Contains(without.Checks[0].Found, "--preprocessing caffe") {
		t.Errorf("%+v", without)
	}
	options.Preprocessing = preprocessing.Torch
	with.bench(context.Background(), options)
	if len(with.Checks) != 0 || len(with.Precisions) != len(recipe.Arithmetics) || with.Precisions[0].ImagesPerSecond <= 0 {
		t.Errorf("%+v", with)
	}
}

// A cancelled examination has no report.
func TestExamineCancelled(t *testing.T) {
	signal := errors.New("a signal")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(signal)
	for _, bench := range []bool{false, true} {
		if r, err := Examine(ctx, Options{Bench: bench, Out: t.TempDir()}); !errors.Is(err, signal) || r.Works {
			t.Errorf("%+v, %v", r, err)
		}
	}
}
