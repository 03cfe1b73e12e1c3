package vgg_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"fovea/preprocessing"
	"fovea/vgg"
	"fovea/vgg/imagenet"
	"fovea/vgg/weights"
)

// firstFor is the embedded base's first convolution, changed so that it computes the same
// of images that are preprocessed in another way: what publishers' conversions do.
func firstFor(t *testing.T, wanted preprocessing.Spec) weights.Set {
	t.Helper()
	base, err := imagenet.VGG16()
	if err != nil {
		t.Fatal(err)
	}
	kernel, err := base.Tensors["block1_conv1/kernel"].Float32()
	if err != nil {
		t.Fatal(err)
	}
	bias, err := base.Tensors["block1_conv1/bias"].Float32()
	if err != nil {
		t.Fatal(err)
	}
	changed, shifted := make([]float32, len(kernel)), append([]float32(nil), bias...)
	for c := range 3 {
		from := c
		if wanted.Channels == preprocessing.RGB {
			from = 2 - c
		}
		mean, std := wanted.Mean[c]*wanted.Divisor, wanted.Std[c]*wanted.Divisor
		for tap := range 9 {
			for filter := range 64 {
				w := kernel[(tap*3+from)*64+filter]
				changed[(tap*3+c)*64+filter] = w * float32(std)
				shifted[filter] += w * float32(mean-preprocessing.Caffe.Mean[from])
			}
		}
	}
	return weights.Set{Tensors: map[string]weights.Tensor{
		"block1_conv1/kernel": weights.Float32Tensor([]int{3, 3, 3, 64}, changed), "block1_conv1/bias": weights.Float32Tensor([]int{64}, shifted),
	}}
}

// The preprocessing of weights that descend from the VGG group's is measured, whatever was
// folded into them.
func TestRelateMeasuresPreprocessing(t *testing.T) {
	base, err := imagenet.VGG16()
	if err != nil {
		t.Fatal(err)
	}
	specs := []preprocessing.Spec{
		preprocessing.New(preprocessing.BGR, 255, [3]float64{0.4, 0.45, 0.48}, [3]float64{0.3, 0.2, 0.25}),
		preprocessing.New(preprocessing.RGB, 1, [3]float64{80, 90, 100}, [3]float64{50, 60, 70}),
	}
	for _, name := range preprocessing.Names() {
		spec, _ := preprocessing.Preset(name)
		specs = append(specs, spec)
	}
	for _, want := range specs {
		t.Run(want.String(), func(t *testing.T) {
			kin, related, err := vgg.Relate(firstFor(t, want), base)
			if err != nil || !related {
				t.Fatalf("not related: %+v, %v", kin, err)
			}
			if kin.Correlation < 0.9999 || kin.Other > 0.86 {
				t.Errorf("the correlations are %.4f and %.4f", kin.Correlation, kin.Other)
			}
			if _, preset := preprocessing.Preset(want.String()); preset && kin.Spec != want {
				t.Errorf("measured %s, want %s", kin.Spec, want)
			}
			// Compared by what becomes of pixels, since a Spec can be written in two ways.
			pix := []uint8{0, 0, 0, 255, 255, 255, 10, 200, 90}
			var numbers [2][9]float32
			kin.Spec.Apply(numbers[0][:], pix)
			want.Apply(numbers[1][:], pix)
			scale := 255 / (want.Std[0] * want.Divisor)
			for i := range pix {
				if diff := math.Abs(float64(numbers[0][i] - numbers[1][i])); diff > 2e-3*scale {
					t.Errorf("number %d becomes %g by %s, want %g", i, numbers[0][i], kin.Spec, numbers[1][i])
				}
			}
		})
	}
}

func TestRelateToOthers(t *testing.T) {
	base, err := imagenet.VGG16()
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	kernel, bias := make([]float32, 9*3*64), make([]float32, 64)
	for i := range kernel {
		kernel[i] = float32(random.NormFloat64() * 0.2)
	}
	stranger := weights.Set{Tensors: map[string]weights.Tensor{"block1_conv1/kernel": weights.Float32Tensor([]int{3, 3, 3, 64}, kernel), "block1_conv1/bias": weights.Float32Tensor([]int{64}, bias)}}
	if kin, related, err := vgg.Relate(stranger, base); err != nil || related || kin.Correlation > 0.1 {
		t.Errorf("random weights are related: %+v, %v", kin, err)
	}
	// Trained further: the kernels have moved by a third of their size.
	trained := firstFor(t, preprocessing.RGBMeans)
	values, err := trained.Tensors["block1_conv1/kernel"].Float32()
	if err != nil {
		t.Fatal(err)
	}
	for i := range values {
		values[i] += float32(random.NormFloat64() * 0.07)
	}
	trained.Tensors["block1_conv1/kernel"] = weights.Float32Tensor([]int{3, 3, 3, 64}, values)
	if kin, related, err := vgg.Relate(trained, base); err != nil || !related || kin.Spec != preprocessing.RGBMeans {
		t.Errorf("weights trained further are taken for %s (%+v), %v", kin.Spec, kin, err)
	}
	// Kernels that are the same in all channels do not tell the channels' order.
	grey := firstFor(t, preprocessing.Caffe)
	for tap := range 9 {
		for filter := range 64 {
			for c := range 3 {
				values[(tap*3+c)*64+filter] = float32(tap - filter)
			}
		}
	}
	grey.Tensors["block1_conv1/kernel"] = weights.Float32Tensor([]int{3, 3, 3, 64}, values)
	if kin, related, err := vgg.Relate(grey, base); err != nil || related {
		t.Errorf("grey kernels are taken for %+v, %v", kin, err)
	}
	if _, _, err := vgg.Relate(weights.Set{}, base); err == nil {
		t.Error("weights without a first convolution are compared")
	}
}
