package training

import (
	"bytes"
	"testing"

	"fovea/inference"
	"fovea/vgg"
	"fovea/vgg/imagenet"
)

// The last block of VGG16 with its ImageNet weights computes at first what the whole network does, and
// a step changes every part of it.
func TestTail(t *testing.T) {
	if testing.Short() {
		t.Skip("trains whole networks, one after the other")
	}
	c, err := vgg.ByName("vgg16")
	if err != nil {
		t.Fatal(err)
	}
	set, err := imagenet.VGG16()
	if err != nil {
		t.Fatal(err)
	}
	n, before, err := Tail(c, 5, 2)
	if err != nil || before != "block4_pool" || n.Classes() != 2 || n.InputSize() != 14*14*512 {
		t.Fatalf("%v behind %s: %v", n, before, err)
	}
	pixels := make([]float32, 2*224*224*3)
	for i := range pixels {
		pixels[i] = float32(i%251) - 120 + float32(i/150528)*float32(i%17)
	}
	features := whole(t, c, pixels, before, "pool5")

	trainer, err := New(n, Options{Optimizer: Adam, LearningRate: 1e-4}, inference.SessionConfig{Device: inference.DeviceCPU})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	initial, err := n.Initial(GlorotUniform, 1)
	if err != nil {
		t.Fatal(err)
	}
	for name := range initial.Tensors {
		if tensor, found := set.Tensors[name]; found {
			initial.Tensors[name] = tensor
		}
	}
	if err := trainer.Assign(initial); err != nil {
		t.Fatal(err)
	}
	averages, err := trainer.Output(AverageLayer, features[0], 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range averages {
		sum := 0.0
		for position := range 49 {
			sum += float64(features[1][i/512*49*512+position*512+i%512])
		}
		if want := sum / 49; !near(float64(got), want, 1e-4) {
			t.Fatalf("average %d is %g, want %g", i, got, want)
		}
	}
	old, err := trainer.Weights()
	if err != nil {
		t.Fatal(err)
	}
	first, err := trainer.Step(features[0], []int32{0, 1})
	if err != nil {
		t.Fatal(err)
	}
	changed, err := trainer.Weights()
	if err != nil {
		t.Fatal(err)
	}
	if len(changed.Tensors) != 2*3+2 {
		t.Errorf("%d tensors are trained", len(changed.Tensors))
	}
	for name, tensor := range changed.Tensors {
		if bytes.Equal(tensor.Raw, old.Tensors[name].Raw) {
			t.Errorf("%s has not changed", name)
		}
	}
	for range 4 {
		if _, err := trainer.Step(features[0], []int32{0, 1}); err != nil {
			t.Fatal(err)
		}
	}
	last, err := trainer.Evaluate(features[0], []int32{0, 1})
	if err != nil || last.Loss >= first.Loss {
		t.Errorf("the loss goes from %g to %g (%v)", first.Loss, last.Loss, err)
	}

	for _, block := range []int{0, 1, 6} {
		if _, _, err := Tail(c, block, 2); err == nil {
			t.Errorf("block %d is taken", block)
		}
	}
}

func near(a, b, tolerance float64) bool {
	return a-b <= tolerance*max(1, b) && b-a <= tolerance*max(1, b)
}

// whole computes layers of the whole network.
func whole(t *testing.T, c vgg.Configuration, pixels []float32, layers ...string) [][]float32 {
	t.Helper()
	set, err := imagenet.VGG16()
	if err != nil {
		t.Fatal(err)
	}
	model, err := vgg.Open(c, set, inference.SessionConfig{Device: inference.DeviceCPU})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	e, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: layers, Batch: 2})
	if err != nil {
		t.Fatal(err)
	}
	features, err := e.Extract(pixels, 2)
	if err != nil {
		t.Fatal(err)
	}
	return features
}
