package finetuning

import (
	"errors"
	"math"
	"slices"
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
			o.Model, o.ClassWeights, o.Scaling, o.Uncalibrated, o.Seed = MLP, "balanced", "l2", true, 9
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
		got, err := optionsOf(&head.Head{Notes: head.Notes{Settings: given.Settings()}})
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
		"model": "auto", "class-weights": "none", "calibrate": "true", "seed": "1", "test-fraction": "0", "near-duplicates": "0",
	}
	if d := cmp.Diff(want, o.Settings()); d != "" {
		t.Error(d)
	}
	o.Lambda = 0.5
	want = map[string]string{
		"model": "softmax", "penalty": "l2", "l1-ratio": "0.5", "scaling": "common", "class-weights": "none", "calibrate": "false",
		"lambda": "0.5", "seed": "1", "test-fraction": "0", "near-duplicates": "0",
	}
	if d := cmp.Diff(want, o.Settings()); d != "" {
		t.Error(d)
	}
	o.Model, o.Lambda = MLP, 0
	want = map[string]string{
		"model": "mlp", "scaling": "common", "class-weights": "none", "calibrate": "true", "seed": "1", "test-fraction": "0", "near-duplicates": "0",
		"units": "256", "dropout": "0", "learning-rate": "0", "batch": "32", "epochs": "100", "patience": "8",
	}
	if d := cmp.Diff(want, o.Settings()); d != "" {
		t.Error(d)
	}
}

// Settings of earlier versions are understood by the names that they had.
func TestOptionsOfFormerSettings(t *testing.T) {
	h := &head.Head{Notes: head.Notes{Settings: map[string]string{"model": "mlp", "layer": "fc7", "rate": "0.002"}}}
	o, err := optionsOf(h)
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
		if _, err := optionsOf(&head.Head{Notes: head.Notes{Settings: settings}}); err == nil || !strings.Contains(err.Error(), want) {
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
		"lambda of auto":  {Model: Auto, Lambda: 0.1},
		"l1-ratio":        {Penalty: ElasticNet, L1Ratio: 1},
		"near-duplicates": {NearDuplicates: 1.5},
		"test-fraction":   {TestFraction: 1},
		"learning-rate":   {Model: MLP, MLP: head.MLPOptions{Rate: 2}},
		"dropout":         {Model: MLP, MLP: head.MLPOptions{Dropout: 1}},
		"patience":        {Model: MLP, MLP: head.MLPOptions{Patience: -1}},
	} {
		var wrong OptionError
		if err := o.Validate(); !errors.As(err, &wrong) || wrong.Option != strings.Fields(option)[0] {
			t.Errorf("%+v: %v, want an error about %s", o, err, option)
		}
	}
}

// samples are unusual values of all settings, as heads record them.
var samples = map[string]string{
	"layers": "fc6,pool5", "model": "", "penalty": "elasticnet", "l1-ratio": "0.25", "scaling": "columns", "class-weights": "balanced",
	"calibrate": "false", "lambda": "0.003", "seed": "18446744073709551615", "test-fraction": "0.125", "near-duplicates": "0.97", "min-class": "3",
	"units": "7", "dropout": "0.375", "learning-rate": "1e-05", "batch": "5", "epochs": "6", "patience": "3",
}

// Each setting, by its name of today and those of earlier versions, is read from a head and recorded again
// with the same text, and changes no other.
func TestEverySettingGoesRound(t *testing.T) {
	names := map[string][]string{}
	for former, now := range formerSettings {
		names[now] = append(names[now], former)
	}
	for _, s := range settings {
		text, found := samples[s.name]
		if !found {
			t.Errorf("this test has no value for %s", s.name)
		}
		for _, model := range s.models {
			if s.name == "model" {
				text = model
			}
			usual := TrainOptions{Model: model}.Settings()
			for _, name := range append(names[s.name], s.name) {
				given := TrainOptions{Model: model}.Settings()
				delete(given, s.name)
				given[name] = text
				o, err := optionsOf(&head.Head{Notes: head.Notes{Settings: given}})
				if err != nil {
					t.Fatalf("%s %s: %v", name, text, err)
				}
				want := TrainOptions{Model: model}.Settings()
				want[s.name] = text
				if s.name == "lambda" { // leaves no images for a temperature
					want["calibrate"] = "false"
				}
				if s.name != "model" && usual[s.name] == text {
					t.Errorf("%s is usual for %s", text, s.name)
				}
				if d := cmp.Diff(want, o.Settings()); d != "" {
					t.Errorf("%s of %s:\n%s", name, model, d)
				}
			}
		}
	}
	for former, now := range formerSettings {
		if !slices.Contains(SettingsOf(""), now) || slices.Contains(SettingsOf(""), former) {
			t.Errorf("the former setting %s is now %s, which there is not", former, now)
		}
	}
}

// A value that cannot be read is an error that names the setting.
func TestMalformedSettings(t *testing.T) {
	for _, s := range settings {
		switch s.field(&TrainOptions{}).(type) {
		case *string, *[]string:
			continue // any text will do
		}
		_, err := optionsOf(&head.Head{Notes: head.Notes{Settings: map[string]string{s.name: "1,5x"}}})
		if err == nil || !strings.Contains(err.Error(), "the head was trained with "+s.name+" 1,5x") {
			t.Errorf("%s: %v", s.name, err)
		}
	}
}

func TestSettingsOf(t *testing.T) {
	if all := SettingsOf(""); len(all) != len(settings) {
		t.Errorf("all settings are %q", all)
	}
	for _, test := range []struct {
		model, name string
		want        bool
	}{
		{Softmax, "lambda", true}, {Auto, "lambda", false}, {Auto, "scaling", true}, {SVM, "lambda", true}, {MLP, "lambda", false}, {Softmax, "units", false}, {MLP, "units", true}, {SVM, "layers", true},
	} {
		if got := slices.Contains(SettingsOf(test.model), test.name); got != test.want {
			t.Errorf("%s uses %s: %t", test.model, test.name, got)
		}
	}
}

// Each bound is where it is said to be: the last value that is taken and the first that is not.
func TestValidateBounds(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	mlp := func(o head.MLPOptions) TrainOptions { return TrainOptions{Model: MLP, MLP: o} }
	for _, good := range []TrainOptions{
		{Penalty: L1}, {Penalty: ElasticNet, L1Ratio: 0.999}, {Model: SVM, Penalty: L2}, {Lambda: 1e300}, {Uncalibrated: true}, {Model: MLP, Uncalibrated: true}, {Scaling: "sqrt"}, {Model: Auto, Scaling: "sqrt"},
		{NearDuplicates: 1}, {NearDuplicates: 1e-9}, {TestFraction: 0.999}, {Scaling: "l2"}, {Scaling: "columns"}, {ClassWeights: "balanced"},
		mlp(head.MLPOptions{Rate: 1, Units: 1, Batch: 1, Epochs: 1, Patience: 1}), mlp(head.MLPOptions{Dropout: -1}), mlp(head.MLPOptions{Dropout: 0.999}),
	} {
		if err := good.Validate(); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	for _, test := range []struct {
		o    TrainOptions
		want string
	}{
		{TrainOptions{Model: "sofmax"}, `model "sofmax" is unknown (did you mean softmax?): use auto, softmax, svm or mlp`},
		{TrainOptions{Model: "tree"}, `model "tree" is unknown: use auto, softmax, svm or mlp`},
		{TrainOptions{Penalty: "l3"}, `penalty "l3" is unknown (did you mean l2?): use l2, l1 or elasticnet`},
		{TrainOptions{Model: SVM, Penalty: L1}, "penalty l1 requires model softmax"},
		{TrainOptions{Model: MLP, Penalty: ElasticNet}, "penalty elasticnet requires model softmax"},
		{TrainOptions{Scaling: "column"}, `scaling "column" is unknown (did you mean columns?): use common, columns, l2 or sqrt`},
		{TrainOptions{ClassWeights: "equal"}, `class-weights "equal" is unknown: use none or balanced`},
		{TrainOptions{Model: MLP, Lambda: 1}, "lambda applies to softmax and svm"},
		{TrainOptions{Model: Auto, Lambda: 1}, "lambda applies to softmax and svm: auto chooses it itself"},
		{TrainOptions{L1Ratio: 1}, "l1-ratio 1: use a share between 0 and 1; the penalties l2 and l1 are the ends"},
		{TrainOptions{L1Ratio: -0.5}, "l1-ratio -0.5: "}, {TrainOptions{L1Ratio: nan}, "l1-ratio NaN: "},
		{TrainOptions{Lambda: -1}, "lambda -1: use a positive number"}, {TrainOptions{Lambda: inf}, "lambda +Inf: "}, {TrainOptions{Lambda: nan}, "lambda NaN: "},
		{TrainOptions{NearDuplicates: -0.1}, "near-duplicates -0.1: "}, {TrainOptions{NearDuplicates: 1.001}, "near-duplicates 1.001: "}, {TrainOptions{NearDuplicates: nan}, "near-duplicates NaN: "},
		{TrainOptions{TestFraction: -0.1}, "test-fraction -0.1: use 0, or a fraction below 1"}, {TrainOptions{TestFraction: 1}, "test-fraction 1: "}, {TrainOptions{TestFraction: nan}, "test-fraction NaN: "},
		{mlp(head.MLPOptions{Rate: 1.5}), "learning-rate 1.5: use a rate above 0 and at most 1"}, {mlp(head.MLPOptions{Rate: -1}), "learning-rate -1: "}, {mlp(head.MLPOptions{Rate: nan}), "learning-rate NaN: "},
		{mlp(head.MLPOptions{Dropout: 1}), "dropout 1: use a dropout from 0 to below 1"}, {mlp(head.MLPOptions{Dropout: nan}), "dropout NaN: "},
		{mlp(head.MLPOptions{Units: -1}), "units -1: use 1 or more"}, {mlp(head.MLPOptions{Batch: -2}), "batch -2: "},
		{mlp(head.MLPOptions{Epochs: -3}), "epochs -3: "}, {mlp(head.MLPOptions{Patience: -4}), "patience -4: "},
	} {
		var wrong OptionError
		if err := test.o.Validate(); !errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), test.want) || !slices.Contains(SettingsOf(""), wrong.Option) {
			t.Errorf("%+v: %v, want %q", test.o, err, test.want)
		}
	}
}
