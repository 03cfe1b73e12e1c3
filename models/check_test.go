package models

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fovea/inference"
	"fovea/preprocessing"
)

// kerasModel makes a small network in Keras, as its own file and as a SavedModel.
const kerasModel = `
import sys, keras
from keras import layers
keras.utils.set_random_seed(5)
model = keras.Sequential([
    keras.Input((48, 64, 3)), layers.Conv2D(8, 3, padding="same", activation="relu", name="first"),
    layers.MaxPooling2D(name="pool"), layers.Conv2D(4, 3, name="second"), layers.GlobalAveragePooling2D(name="mean"), layers.Dense(3, activation="softmax", name="classes")])
model.layers[0].set_weights([model.layers[0].get_weights()[0] / 100, model.layers[0].get_weights()[1]])
model.save(sys.argv[1] + "/model.keras")
model.export(sys.argv[1] + "/exported")
`

// The script that is printed, run in Keras, and the check agree on every layer, and a wrong
// preprocessing shows.
func TestCheckAgreesWithKeras(t *testing.T) {
	if testing.Short() {
		t.Skip("has Keras compute a whole network")
	}
	python := os.Getenv("FOVEA_PYTHON_TENSORFLOW")
	if python == "" {
		t.Skip("FOVEA_PYTHON_TENSORFLOW is not set: see scripts/python.sh")
	}
	dir := t.TempDir()
	script, found := ReferenceScript("keras")
	if !found {
		t.Fatal("there is no script for Keras")
	}
	for name, content := range map[string]string{"make.py": kerasModel, "reference.py": script} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := WritePhotos(filepath.Join(dir, "photos")); err != nil {
		t.Fatal(err)
	}
	for _, arguments := range [][]string{{"make.py", "."}, {"reference.py", "photos", "model.keras"}} {
		command := exec.Command(python, arguments...)
		command.Dir = dir
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", arguments, err, output)
		}
	}
	reference, err := ReadReference(filepath.Join(dir, "reference.npz"), 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		spec  preprocessing.Spec
		agree bool
	}{"right": {preprocessing.None, true}, "wrong": {preprocessing.Caffe, false}} {
		t.Run(name, func(t *testing.T) {
			model, err := Open(filepath.Join(dir, "exported"), Options{Session: inference.SessionConfig{Device: inference.DeviceCPU}, Preprocessing: test.spec})
			if err != nil {
				t.Fatal(err)
			}
			defer model.Close()
			check, err := CheckOptions{Reference: reference}.Run(context.Background(), model)
			if err != nil {
				t.Fatal(err)
			}
			if len(check.Comparisons) != 5 {
				t.Fatalf("%d layers were compared, not 5: %+v", len(check.Comparisons), check.Comparisons)
			}
			for _, c := range check.Comparisons {
				if agrees := c.Cosine > 0.999999 && c.Worst < 1e-4; agrees != test.agree && c.Layer == "first" || agrees && !test.agree {
					t.Errorf("layer %s: cosine %g, worst %g", c.Layer, c.Cosine, c.Worst)
				} else if test.agree && !agrees {
					t.Errorf("layer %s differs from Keras's: cosine %g, worst %g", c.Layer, c.Cosine, c.Worst)
				}
			}
		})
	}
}

func TestCheckOfEmbeddedBase(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some 40 runs of VGG16")
	}
	model, err := Open(Default, Options{Dir: t.TempDir(), Session: inference.SessionConfig{Device: inference.DeviceCPU}})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	check, err := CheckOptions{}.Run(context.Background(), model)
	if err != nil {
		t.Fatal(err)
	}
	if len(check.Layers) != len(model.Layers) || len(check.Photos) != 4 {
		t.Errorf("%d layers of %d, photographs %v", len(check.Layers), len(model.Layers), check.Photos)
	}
	for _, l := range check.Layers {
		if l.NotFinite > 0 || l.Channels != l.Shape[len(l.Shape)-1] || l.Dead > 10 {
			t.Errorf("%+v", l)
		}
		if linear := strings.HasSuffix(l.Name, "_linear"); linear != (l.Least < 0) {
			t.Errorf("%s has a least value of %g", l.Name, l.Least)
		}
	}
	by := map[string]Candidate{}
	for _, c := range check.Candidates {
		by[c.Spec.String()] = c
	}
	// The right scale tells photographs apart; the scale of others hardly shows them.
	if c := by["caffe"]; c.Cosine < 0.999999 || c.Alike > 0.25 {
		t.Errorf("caffe: %+v", c)
	}
	if c := by["zero_one"]; c.Cosine > 0.5 || c.Alike < 0.7 {
		t.Errorf("zero_one: %+v", c)
	}
	if c := by["rgb_means"]; c.Cosine > 0.9 {
		t.Errorf("rgb_means: %+v", c)
	}
}

func TestCheckRefuses(t *testing.T) {
	model := &inference.Model{Name: "silent"}
	if _, err := (CheckOptions{}).Run(context.Background(), model); !errors.Is(err, ErrPreprocessing) || !strings.Contains(err.Error(), "--preprocessing caffe") {
		t.Errorf("a model that states no preprocessing gives %v", err)
	}
	if _, err := ReadReference(filepath.Join(t.TempDir(), "none.npz"), 0); err == nil {
		t.Error("a missing reference is read")
	}
	if _, found := ReferenceScript("jax"); found {
		t.Error("there is a script for jax")
	}
	c := newComparer(&inference.Model{Layers: []inference.Layer{{Name: "a"}}}, map[string][]float32{"b": {1}}, 1)
	if _, err := c.results(); err == nil || !strings.Contains(err.Error(), "none of the reference's layers") {
		t.Errorf("a reference of other layers gives %v", err)
	}
	c = newComparer(&inference.Model{Layers: []inference.Layer{{Name: "a"}}}, map[string][]float32{"a": {1}}, 1)
	if err := c.add(inference.Layer{Name: "a"}, 0, []float32{1, 2}); err == nil || !strings.Contains(err.Error(), "--photos") {
		t.Errorf("a reference of other photographs gives %v", err)
	}
}
