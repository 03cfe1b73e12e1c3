package finetuning

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"fovea/head"
)

// A head's settings lead back to the options that it was trained with.
func TestOptionsOf(t *testing.T) {
	usual := TrainOptions{Seed: 1, TestFraction: 0.2, NearDuplicates: 0.98}
	for name, change := range map[string]func(o *TrainOptions){
		"defaults": func(*TrainOptions) {},
		"mlp": func(o *TrainOptions) {
			o.Model, o.ClassWeights, o.Scaling, o.Calibrate, o.Seed = MLP, "balanced", "l2", true, 9
			o.MLP = head.MLPOptions{Units: 7, Dropout: 0.25, Rate: 3e-4, Batch: 5, Epochs: 6, Patience: 2}
		},
		"no dropout":  func(o *TrainOptions) { o.Model, o.MLP.Dropout = MLP, -1 },
		"svm":         func(o *TrainOptions) { o.Model, o.Layers = SVM, []string{"fc6", "pool5"} },
		"elastic net": func(o *TrainOptions) { o.Penalty, o.L1Ratio = ElasticNet, 0.25 },
		"no search": func(o *TrainOptions) {
			o.Lambda, o.NearDuplicates, o.TestFraction = 0.5, 0, 0
		},
	} {
		given := usual
		change(&given)
		got, err := OptionsOf(&head.Head{Notes: head.Notes{Settings: given.Settings()}})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d := cmp.Diff(given.withDefaults(), got, cmpopts.IgnoreFields(TrainOptions{}, "Progress", "MLP.Progress")); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
	}
}

// Heads record the settings that they use and no names of files.
func TestSettingsAreThoseOfTheKind(t *testing.T) {
	o := TrainOptions{Source: Source{Dir: "here"}, Out: "there", Seed: 1, MLP: head.MLPOptions{Dropout: -1}}
	want := map[string]string{
		"model": "softmax", "penalty": "l2", "l1-ratio": "0.5", "scaling": "common", "class-weights": "none", "calibrate": "false",
		"lambda": "0", "seed": "1", "test-fraction": "0", "near-duplicates": "0",
	}
	if d := cmp.Diff(want, o.Settings()); d != "" {
		t.Error(d)
	}
	o.Model = MLP
	want = map[string]string{
		"model": "mlp", "scaling": "common", "class-weights": "none", "calibrate": "false", "seed": "1", "test-fraction": "0", "near-duplicates": "0",
		"units": "256", "dropout": "0", "learning-rate": "0", "batch": "32", "epochs": "100", "patience": "8",
	}
	if d := cmp.Diff(want, o.Settings()); d != "" {
		t.Error(d)
	}
}

// Settings of earlier versions are understood by the names that they had.
func TestOptionsOfFormerSettings(t *testing.T) {
	h := &head.Head{Notes: head.Notes{Settings: map[string]string{"model": "mlp", "layer": "fc7", "rate": "0.002"}}}
	o, err := OptionsOf(h)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"fc7"}, o.Layers); d != "" || o.MLP.Rate != 0.002 || o.TestFraction != 0.2 || o.NearDuplicates != 0.98 {
		t.Errorf("the options are %+v", o)
	}
}

// What cannot be understood is an error that names it.
func TestOptionsOfUnknownSettings(t *testing.T) {
	for want, settings := range map[string]map[string]string{
		"does not record its settings": nil,
		"wings 2":                      {"wings": "2"},
		"unfreeze block5":              {"unfreeze": "block5"},
		"seed many":                    {"seed": "many"},
	} {
		if _, err := OptionsOf(&head.Head{Notes: head.Notes{Settings: settings}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("settings %v: %v, want %q", settings, err, want)
		}
	}
}

func TestValidate(t *testing.T) {
	if err := (TrainOptions{}).Validate(); err != nil {
		t.Errorf("the zero value: %v", err)
	}
	for option, o := range map[string]TrainOptions{
		"model":           {Model: "forest"},
		"penalty":         {Model: SVM, Penalty: L1},
		"scaling":         {Scaling: "huge"},
		"class-weights":   {ClassWeights: "heavy"},
		"lambda":          {Model: MLP, Lambda: 0.1},
		"calibrate":       {Lambda: 0.1, Calibrate: true},
		"l1-ratio":        {Penalty: ElasticNet, L1Ratio: 1},
		"near-duplicates": {NearDuplicates: 1.5},
		"test-fraction":   {TestFraction: 1},
		"learning-rate":   {Model: MLP, MLP: head.MLPOptions{Rate: 2}},
		"dropout":         {Model: MLP, MLP: head.MLPOptions{Dropout: 1}},
		"patience":        {Model: MLP, MLP: head.MLPOptions{Patience: -1}},
	} {
		var wrong OptionError
		if err := o.Validate(); !errors.As(err, &wrong) || wrong.Option != option {
			t.Errorf("%+v: %v, want an error about %s", o, err, option)
		}
	}
}
