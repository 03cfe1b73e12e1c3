package models

import (
	"reflect"
	"testing"

	"fovea/convolution"
	"fovea/inference"
	"fovea/vgg/imagenet"
)

// readyKernels is how many kernels a model took that were transformed before its graph was there.
func readyKernels(model *inference.Model) (n int) {
	for _, o := range model.Graph.Operations() {
		if o.Type() == "FoveaReadyKernel" {
			n++
		}
	}
	return n
}

// Kernels that are transformed while the library is being loaded give the same features, to the bit. If not all of them
// can be used, none is.
func TestOpenWithPreparedKernels(t *testing.T) {
	if testing.Short() {
		t.Skip("computes with VGG16")
	}
	set, err := imagenet.VGG16()
	if err != nil {
		t.Fatal(err)
	}
	c, err := configuration(Default)
	if err != nil {
		t.Fatal(err)
	}
	options := Options{Session: inference.SessionConfig{Device: inference.DeviceCPU}}
	other := convolution.Kernel{Variable: "other", Shape: []int{3, 3, 16, 16}, Decode: func([]float32) error { return nil }}
	first := convolution.Kernel{Variable: "block1_conv1/kernel", Shape: []int{3, 3, 3, 64}, Decode: set.Tensors["block1_conv1/kernel"].Decode}
	var want []float32
	for _, test := range []struct {
		name    string
		kernels *convolution.Prepared
		ready   int
	}{
		{"none", nil, 0},
		{"all", options.prepare(set), 13},
		{"one", convolution.Prepare(inference.Float32, []convolution.Kernel{first}), 1},
		{"one too many", convolution.Prepare(inference.Float32, []convolution.Kernel{first, other}), 0},
	} {
		model, err := options.openWith(c, set, test.kernels)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if model.Convolutions.Count == 0 {
			t.Skip("this processor has no faster convolutions")
		}
		got := pool5(t, model)
		if want == nil {
			want = got
		}
		if ready := readyKernels(model); ready != test.ready || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d kernels were ready, want %d; equal features: %v", test.name, ready, test.ready, reflect.DeepEqual(got, want))
		}
		test.kernels.Close()
		if err := model.Close(); err != nil {
			t.Error(err)
		}
	}
}
