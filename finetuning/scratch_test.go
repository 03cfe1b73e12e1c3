package finetuning

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fovea/head"
	"fovea/pipeline"
	"fovea/training"
	"fovea/vgg"
)

// labelled is a set of images without pixels, one for each label, whose files differ.
func labelled(t *testing.T, labels ...string) *imageSet {
	t.Helper()
	s := &imageSet{labels: labels}
	for i := range labels {
		s.items = append(s.items, pipeline.Item{Path: string(rune('a' + i))})
		s.hashes = append(s.hashes, strings.Repeat(string(rune('a'+i)), 64))
	}
	if err := s.classify(); err != nil {
		t.Fatal(err)
	}
	return s
}

// Checkpoints of earlier versions can be resumed: what identifies a training is what they wrote.
func TestIdentity(t *testing.T) {
	configuration, err := vgg.ByName("vgg-a")
	if err != nil {
		t.Fatal(err)
	}
	network := NetworkOptions{Configuration: configuration, Size: 32, Units: 8, Augment: "flip,shift", Optimizer: training.Options{Momentum: 0.9, WeightDecay: 5e-4}}.withDefaults()
	trainer, err := network.trainer(2, 7)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close() // nothing depends on it
	data := &scratchData{imageSet: labelled(t, "cat", "cat", "dog", "dog"), network: network, seed: 7, testFraction: 0.2}
	want := map[string]string{
		"configuration": "vgg-a", "size": "32", "units": "8", "classes": "cat, dog",
		"pictures":  "a78cc4432556cdb35fa4d99ef9576c5821c0ae726ba4148d4a42b729992beb7c",
		"optimizer": "sgd", "learning rate": "0.001", "momentum": "0.9", "dropout": "0", "weight decay": "0.0005", "batch": "8",
		"initializer": "glorot", "augment": "flip,shift", "preprocessing": "caffe", "resize": "squash",
		"validation fraction": "0.2", "seed": "7",
	}
	if d := cmp.Diff(want, data.identity(trainer)); d != "" {
		t.Error(d)
	}
	notes := data.notes(trainer, "1.2.3")
	for name, value := range map[string]string{"learning-rate": "0.001", "test-fraction": "0.2", "config": "vgg-a"} {
		if notes.Settings[name] != value {
			t.Errorf("the head notes %s %q, want %q", name, notes.Settings[name], value)
		}
	}
	if rate := data.settings(trainer)["learning_rate"]; rate != 0.001 {
		t.Errorf("the learning rate is %v, a %T", rate, rate)
	}
}

func TestSplitImages(t *testing.T) {
	labels := []string{"cat", "cat", "cat", "cat", "dog", "dog", "dog", "dog"}
	all := labelled(t, labels...)
	split, err := all.split(0.25, false, 1)
	if err != nil || len(split.Train) != 6 || len(split.Test) != 2 {
		t.Errorf("a quarter is %+v, %v", split, err)
	}
	if split, err := all.split(0, true, 1); err != nil || len(split.Train) != 8 || split.Test != nil {
		t.Errorf("none held out is %+v, %v", split, err)
	}

	marked := labelled(t, labels...)
	marked.items[0].Split, marked.items[4].Split, marked.items[5].Split = "test", "test", "test"
	if split, err := marked.split(0.25, false, 1); err != nil || cmp.Diff([]int{0, 4, 5}, split.Test) != "" {
		t.Errorf("marked images give %+v, %v", split, err)
	}
	if split, err := marked.split(0.25, true, 1); err != nil || len(split.Test) != 2 {
		t.Errorf("an own fraction gives %+v, %v", split, err)
	}
	for i := range labels {
		marked.items[i].Split = map[bool]string{true: "test"}[i < 4]
	}
	if _, err := marked.split(0, false, 1); err == nil || !strings.Contains(err.Error(), "too few images to train on") {
		t.Errorf("a training set of one class gives %v", err)
	}

	copies := labelled(t, labels...)
	for i := range copies.hashes {
		copies.hashes[i] = copies.labels[i] // one file for each class
	}
	if split, err := copies.split(0.5, true, 1); err == nil {
		t.Errorf("copies are split as %+v", split)
	}
}

func TestValidateNetwork(t *testing.T) {
	if err := (NetworkOptions{}).Validate(); err != nil {
		t.Errorf("the defaults give %v", err)
	}
	for want, o := range map[string]NetworkOptions{
		"31 pixels": {Size: 31}, "-1 units": {Units: -1}, "unknown initializer": {Initializer: "zero"}, "batch of -1": {Batch: -1},
		"dropout is 1": {Optimizer: training.Options{Dropout: 1}}, "unknown augmentation": {Augment: "rotate"}, "resize": {Resize: "tile"},
	} {
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v gives %v, want %q", o, err, want)
		}
	}
}

func TestWriteHistory(t *testing.T) {
	dir, loss, accuracy := t.TempDir(), 0.25, 0.9
	history := []training.Epoch{
		{Epoch: 1, Step: 4, Loss: 0.5, Accuracy: 0.75, ValidationLoss: &loss, ValidationAccuracy: &accuracy, Seconds: 2, Elapsed: 2},
		{Epoch: 2, Step: 8, Loss: 0.125, Accuracy: 1, Seconds: 2.5, Elapsed: 4.5},
	}
	if err := writeHistory(dir, history); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"metrics.csv": "epoch,step,loss,accuracy,val_loss,val_accuracy,seconds,elapsed_seconds\n1,4,0.5,0.75,0.25,0.9,2,2\n2,8,0.125,1,,,2.5,4.5\n",
		"metrics.jsonl": `{"epoch":1,"step":4,"loss":0.5,"accuracy":0.75,"val_loss":0.25,"val_accuracy":0.9,"seconds":2,"elapsed_seconds":2}
{"epoch":2,"step":8,"loss":0.125,"accuracy":1,"val_loss":null,"val_accuracy":null,"seconds":2.5,"elapsed_seconds":4.5}
`,
	} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, string(got)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// A head with a standardization gives the logits of the layer made of it.
func TestScoresOf(t *testing.T) {
	h := &head.Head{
		Classes: []string{"cat", "dog"}, Weights: [][]float32{{1, 2, -1}, {0.5, 0, 4}}, Biases: []float32{0.25, -1},
		Standardization: head.Standardization{Mean: []float32{1, -2, 0.5}, Scale: []float32{2, 0.5, 0}},
	}
	scores := scoresOf(h)
	kernel, err := scores[training.ScoresLayer+"/kernel"].Float32()
	if err != nil {
		t.Fatal(err)
	}
	bias, err := scores[training.ScoresLayer+"/bias"].Float32()
	if err != nil {
		t.Fatal(err)
	}
	x := []float32{3, 1, 7}
	for c := range h.Classes {
		want, got := h.Biases[c], bias[c]
		for j := range x {
			want += h.Weights[c][j] * (x[j] - h.Standardization.Mean[j]) * h.Standardization.Scale[j]
			got += kernel[2*j+c] * x[j]
		}
		if got != want {
			t.Errorf("%s: the layer gives %v, the head %v", h.Classes[c], got, want)
		}
	}
}

func TestLargestShare(t *testing.T) {
	if got := largestShare([]string{"cat", "dog", "cat", "cat"}); got != 0.75 {
		t.Errorf("the largest share is %v", got)
	}
}
