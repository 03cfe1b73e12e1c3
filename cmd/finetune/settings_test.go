package main

import (
	"testing"

	"fovea/head"
)

// A head's settings lead back to the options that it was trained with.
func TestOptionsOf(t *testing.T) {
	for _, arguments := range [][]string{
		{"--model", "mlp", "--units", "7", "--dropout", "0.25", "--class-weights", "balanced", "--scaling", "l2", "--calibrate", "--seed", "9"},
		{"--model", "svm", "--layers", "fc6,pool5"},
		{"--penalty", "elasticnet", "--l1-ratio", "0.25"},
		{"--lambda", "0.5", "--near-duplicates", "0", "--features", "somewhere", "--out", "there"},
	} {
		given := &trainOptions{}
		flags := given.flags()
		if err := flags.Parse(arguments); err != nil {
			t.Fatal(err)
		}
		settings := settingsOf(flags, given.Model)
		got, err := optionsOf(&head.Head{Notes: head.Notes{Settings: settings}})
		if err != nil {
			t.Fatal(err)
		}
		if got.Model != given.Model || got.ClassWeights != given.ClassWeights || got.Scaling != given.Scaling || got.Calibrate != given.Calibrate ||
			got.Seed != given.Seed || got.Penalty != given.Penalty || got.L1Ratio != given.L1Ratio || got.layers != given.layers || got.Lambda != given.Lambda || got.NearDuplicates != given.NearDuplicates ||
			got.MLP.Units != given.MLP.Units || got.MLP.Dropout != given.MLP.Dropout {
			t.Errorf("%v came back as %+v", arguments, got)
		}
		for _, name := range []string{"features", "out"} {
			if value, found := settings[name]; found {
				t.Errorf("the settings hold --%s %s", name, value)
			}
		}
	}
	if _, err := optionsOf(&head.Head{}); err == nil {
		t.Error("a head without settings has options")
	}
	if _, err := optionsOf(&head.Head{Notes: head.Notes{Settings: map[string]string{"wings": "2"}}}); err == nil {
		t.Error("an unknown setting is accepted")
	}
}
