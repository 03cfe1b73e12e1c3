package models

import (
	"errors"
	"testing"

	"fovea/preprocessing"
	"fovea/vgg/weights"
)

// safetensors 0.8.0 stores kernels that were transposed in NumPy with their new shape and the numbers as they lay
// before (findings/safetensors-numpy-transposed.sh). The VGG group's are no longer theirs then, and are refused.
func TestImportRefusesKernelsOutOfOrder(t *testing.T) {
	if testing.Short() {
		t.Skip("opens many models, one after the other")
	}
	hwio := conversion{preprocessing.Caffe, torchvision("weight"), torchvision("bias"), false}.convert(t)
	set, err := weights.Read(hwio)
	if err != nil {
		t.Fatal(err)
	}
	out := weights.Set{Tensors: map[string]weights.Tensor{}}
	turned := 0
	for name, tensor := range set.Tensors {
		if s := tensor.Shape; len(s) == 4 {
			tensor.Shape = []int{s[3], s[2], s[0], s[1]}
			turned++
		}
		out.Tensors[name] = tensor
	}
	if turned != 13 {
		t.Fatalf("%d kernels have another shape", turned)
	}
	if _, err := Import(written(t, out, "weights.safetensors"), ImportOptions{Dir: t.TempDir()}); !errors.Is(err, ErrPreprocessing) {
		t.Errorf("imported without a word: %v", err)
	}
	// The same kernels in the order that their shape tells are known.
	if _, err := Import(hwio, ImportOptions{Dir: t.TempDir()}); err != nil {
		t.Errorf("the weights as they were: %v", err)
	}
}
