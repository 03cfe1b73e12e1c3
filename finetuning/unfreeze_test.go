package finetuning

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fovea/head"
	"fovea/recipe"
	"fovea/training"
	"fovea/vgg"
	"fovea/vgg/weights"
)

// Blocks that cannot be trained alone are refused before anything is read.
func TestUnfreezeBlocks(t *testing.T) {
	for _, block := range []int{-1, 0, 1, 6} {
		_, err := Unfreeze(context.Background(), UnfreezeOptions{Head: &TrainOptions{}, Source: Source{Dir: "/nowhere"}, Block: block})
		if want := fmt.Sprintf("block %d: use 2 to 5", block); err == nil || err.Error() != want {
			t.Errorf("block %d: %v", block, err)
		}
	}
	_, err := Unfreeze(context.Background(), UnfreezeOptions{Head: &TrainOptions{}, Source: Source{Dir: "/nowhere"}, Block: 5})
	if err == nil || !strings.Contains(err.Error(), "/nowhere") {
		t.Errorf("without a dataset: %v", err)
	}
}

func TestUnfreezeDefaults(t *testing.T) {
	o := UnfreezeOptions{Batch: 3}.withDefaults()
	if o.LearningRate != 1e-5 || o.Batch != 3 || o.Epochs != 10 || o.Patience != 3 || o.Session.Device != "auto" {
		t.Errorf("the defaults are %+v", o)
	}
}

// The column that a block takes is the whole output of the pooling before it, by any of its names; what to
// extract is said where it is missing or pooled.
func TestBottleneckColumn(t *testing.T) {
	c, err := vgg.ByName("vgg16")
	if err != nil {
		t.Fatal(err)
	}
	shapes := map[string][]int{"block1_pool": {112, 112, 64}, "block2_pool": {56, 56, 128}, "block3_pool": {28, 28, 256}, "block4_pool": {14, 14, 512}}
	for block := 2; block <= 5; block++ {
		_, before, err := training.Tail(c, block, 2)
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("block%d_pool", block-1); before != want {
			t.Errorf("block %d takes %s, want %s", block, before, want)
		}
		fc7 := recipe.Layer{Name: "fc7", Shape: []int{4096}}
		for _, name := range []string{before, fmt.Sprintf("pool%d", block-1)} {
			whole := recipe.Layer{Name: name, Shape: shapes[before]}
			if got, err := bottleneckColumn(recipe.Recipe{Layers: []recipe.Layer{fc7, whole}}, c, before); err != nil || got != name {
				t.Errorf("block %d takes %q, %v, want %s", block, got, err, name)
			}
			if _, err := bottleneckColumn(recipe.Recipe{Layers: []recipe.Layer{whole}, Views: "mirror"}, c, before); err == nil || !strings.Contains(err.Error(), "--views center") {
				t.Errorf("averaged views of %s: %v", name, err)
			}
			whole.Shape = whole.Shape[2:]
			if _, err := bottleneckColumn(recipe.Recipe{Layers: []recipe.Layer{whole}}, c, before); err == nil || !strings.Contains(err.Error(), "has "+name+" pooled, projected or averaged over views: extract it with --pool none") {
				t.Errorf("a pooled %s: %v", name, err)
			}
		}
		if _, err := bottleneckColumn(recipe.Recipe{Layers: []recipe.Layer{fc7}}, c, before); err == nil || err.Error() != "has only the layers fc7, and unfreezing needs "+before+": extract it with --layers "+before {
			t.Errorf("without %s: %v", before, err)
		}
	}
}

// Only the features of a VGG can be unfrozen.
func TestFindNetwork(t *testing.T) {
	u := &unfreezing{options: UnfreezeOptions{Source: Source{Dir: "photos"}, Block: 5}}
	if _, err := u.find(recipe.Recipe{Model: "resnet50"}); !errors.Is(err, vgg.ErrUnknown) || !strings.Contains(err.Error(), `photos has features of the model "resnet50"`) {
		t.Errorf("another network: %v", err)
	}
	if _, err := u.find(recipeOf(recipe.Layer{Name: "fc7", Shape: []int{4096}})); err == nil || !strings.HasPrefix(err.Error(), "photos has only the layers fc7") {
		t.Errorf("another layer: %v", err)
	}
}

// The rows to fit, to validate and to test on are all there are, once each, with twins on one side.
func TestUnfreezeDivides(t *testing.T) {
	for _, fraction := range []float64{0, 0.25} {
		f := near(40)
		u := &unfreezing{frozen: f, options: UnfreezeOptions{Head: &TrainOptions{TestFraction: fraction, NearDuplicates: 0.99999, Seed: 4}}}
		if err := u.divide(t.Context()); err != nil {
			t.Fatal(err)
		}
		parts := [][]int{u.fit, u.validation, u.test}
		if d := cmp.Diff(allRows(80), slices.Sorted(slices.Values(slices.Concat(parts...)))); d != "" {
			t.Errorf("rows are lost or doubled: %s", d)
		}
		for i, part := range parts {
			others := slices.Concat(parts[(i+1)%3], parts[(i+2)%3])
			if left := withoutGroupsOf(part, others, u.duplicates.Groups); len(left) != len(part) {
				t.Errorf("%d rows of part %d have twins in others", len(part)-len(left), i)
			}
		}
		learned := 80 - len(u.test)
		if len(u.test) != int(fraction*80) || len(u.validation) != learned/5 || u.result.TrainImages != len(u.fit) || u.result.ValidationImages != len(u.validation) || u.result.TestImages != len(u.test) {
			t.Errorf("held out %g: %d, %d and %d rows, %+v", fraction, len(u.fit), len(u.validation), len(u.test), u.result)
		}
		u.learn = u.learn[:1]
		if err := u.divideTraining(); err == nil || !strings.Contains(err.Error(), "set images aside for validation") {
			t.Errorf("a single training row: %v", err)
		}
	}
}

// Classes of too few rows to train on are left out, and noted in the head; otherwise they are refused.
func TestUnfreezeMinClass(t *testing.T) {
	f := Features{
		X: head.Matrix{Rows: 8, Cols: 1, Data: make([]float32, 8)}, Labels: strings.Fields("ant bee ant bee rat rat ant owl"),
		Splits: strings.Fields("train train train train train test test val"), Hashes: strings.Fields("a b c d e f g h"), Paths: strings.Fields("a b c d e f g h"),
	}
	u := &unfreezing{bottleneck: f, options: UnfreezeOptions{Head: &TrainOptions{}}}
	if err := u.leaveOutRare(); err == nil || !strings.Contains(err.Error(), "2 classes have fewer than two images to train on (owl: 0 of 1, rat: 1 of 2;") || u.bottleneck.X.Rows != 8 {
		t.Errorf("classes of too few: %v", err)
	}
	u.options.Head.MinClass = 2
	if err := u.leaveOutRare(); err != nil {
		t.Fatal(err)
	}
	notes := u.notes()
	d := cmp.Diff(strings.Fields("ant bee ant bee ant"), u.bottleneck.Labels) + cmp.Diff([]head.ClassCount{{Class: "owl"}, {Class: "rat", N: 1}}, notes.LeftOut)
	if d != "" || u.bottleneck.X.Rows != 5 || notes.Settings["min-class"] != "2" {
		t.Errorf("left are %d rows, %s; settings %v", u.bottleneck.X.Rows, d, notes.Settings)
	}
}

// The head of an unfrozen network says how it was trained and on what.
func TestUnfreezeNotes(t *testing.T) {
	u := &unfreezing{
		options: UnfreezeOptions{Head: &TrainOptions{Seed: 6}, Block: 4, ToolVersion: "8"}.withDefaults(), learn: []int{2, 0},
		bottleneck: Features{Hashes: []string{strings.Repeat("b", 64), strings.Repeat("c", 64), strings.Repeat("a", 64)}},
		duplicates: Duplicates{Duplicates: head.Duplicates{Equal: 3, Alike: 2}},
	}
	want := head.Notes{
		ToolVersion: "8", Seed: 6, TrainedOn: 2, Copies: 3, NearCopies: 2, Seen: []string{strings.Repeat("a", 16), strings.Repeat("b", 16)},
		Settings: map[string]string{"unfreeze": "block4", "optimizer": "adam", "learning-rate": "1e-05", "batch": "8", "epochs": "10", "patience": "3"},
	}
	if d := cmp.Diff(want, u.notes()); d != "" {
		t.Error(d)
	}
	if _, err := optionsOf(&head.Head{Notes: u.notes()}); err == nil { // it cannot be trained again on features alone
		t.Error("the settings of an unfreezing are those of a head")
	}
}

// Trained weights take the places of those before, the others stay, and dense layers are left out.
func TestMergeWeights(t *testing.T) {
	c, err := vgg.ByName("vgg16")
	if err != nil {
		t.Fatal(err)
	}
	tensor := func(v float32) weights.Tensor { return weights.Float32Tensor([]int{1}, []float32{v}) }
	u := &unfreezing{configuration: c, base: weights.Set{
		Tensors:  map[string]weights.Tensor{"block4_conv1/kernel": tensor(1), "block5_conv1/kernel": tensor(2), "block5_conv1/bias": tensor(3), "fc1/kernel": tensor(4), "fc6/kernel": tensor(4)},
		Metadata: map[string]string{"origin": "here"},
	}}
	set := u.merge(weights.Set{Tensors: map[string]weights.Tensor{"block5_conv1/kernel": tensor(5), training.ScoresLayer + "/kernel": tensor(6)}})
	got := map[string]float32{}
	for name, tensor := range set.Tensors {
		values, err := tensor.Float32()
		if err != nil {
			t.Fatal(err)
		}
		got[name] = values[0]
	}
	if d := cmp.Diff(map[string]float32{"block4_conv1/kernel": 1, "block5_conv1/kernel": 5, "block5_conv1/bias": 3}, got); d != "" || set.Metadata["origin"] != "here" {
		t.Error(d)
	}
}

// A head that has learned nothing gives all classes the same probability.
func TestZeroHead(t *testing.T) {
	p, err := zeroHead([]string{"a", "b", "c", "d"}, 3).Probabilities(head.Matrix{Rows: 1, Cols: 3, Data: []float32{1, -2, 1e9}})
	if err != nil || cmp.Diff([][]float64{{0.25, 0.25, 0.25, 0.25}}, p) != "" {
		t.Errorf("%v, %v", p, err)
	}
}
