package preprocessing

import "strings"

var unit = [3]float64{1, 1, 1}

// The presets, with the published code that each comes from.
var (
	// Caffe is BGR less the means of ImageNet's channels: the VGG group's own models, and
	// Keras's vgg16.preprocess_input and resnet50.preprocess_input.
	Caffe = New(BGR, 1, [3]float64{103.939, 116.779, 123.68}, unit)
	// Torch is RGB scaled to 0..1, standardized by ImageNet's means and standard deviations:
	// torchvision, timm, Keras's densenet.preprocess_input.
	Torch = New(RGB, 255, [3]float64{0.485, 0.456, 0.406}, [3]float64{0.229, 0.224, 0.225})
	// TF is RGB scaled to -1..1: Keras's MobileNet, Inception, Xception and ResNetV2.
	TF = New(RGB, 127.5, unit, unit)
	// None is RGB from 0 to 255, for models that normalize pixels themselves.
	None = New(RGB, 1, [3]float64{}, unit)
	// ZeroOne is RGB scaled to 0..1: torchvision's ToTensor alone, Keras's Rescaling(1/255).
	ZeroOne = New(RGB, 255, [3]float64{}, unit)
	// RGBMeans is RGB less the means of ImageNet's channels: TF-slim and the
	// npz of D. Frossard.
	RGBMeans = New(RGB, 1, [3]float64{123.68, 116.779, 103.939}, unit)
	// TorchFeatures is that of torchvision's VGG16_Weights.IMAGENET1K_FEATURES: Caffe's
	// convolutions, whose standard deviation of 1/255 undoes the scaling.
	TorchFeatures = New(RGB, 255, [3]float64{0.48235, 0.45882, 0.40784}, [3]float64{1. / 255, 1. / 255, 1. / 255})
	// VGGFace is BGR less the means of the faces that VGGFace was trained on.
	VGGFace = New(BGR, 1, [3]float64{93.5940, 104.7624, 129.1863}, unit)
)

// presets are in the order in which they are listed.
var presets = []struct {
	name    string
	spec    Spec
	meaning string
}{
	{"caffe", Caffe, "the VGG group's weights, Keras's VGG and ResNet50"},
	{"torch", Torch, "torchvision, timm, Keras's DenseNet"},
	{"tf", TF, "Keras's MobileNet, Inception, Xception, ResNetV2"},
	{"none", None, "models that normalize by themselves"},
	{"zero_one", ZeroOne, "pixels divided by 255 and nothing else"},
	{"rgb_means", RGBMeans, "TF-slim, Frossard's npz: caffe in RGB order"},
	{"torch_features", TorchFeatures, "torchvision's IMAGENET1K_FEATURES"},
	{"vggface", VGGFace, "VGGFace in Caffe's and Keras's form"},
}

// Names lists the presets.
func Names() []string {
	names := make([]string, len(presets))
	for i, p := range presets {
		names[i] = p.name
	}
	return names
}

// Preset returns the preset of that name.
func Preset(name string) (Spec, bool) {
	for _, p := range presets {
		if p.name == name {
			return p.spec, true
		}
	}
	return Spec{}, false
}

// Candidates describes Specs, one per line: how to request each, what it does and which models use
// it. Refusals show it.
func Candidates(specs ...Spec) string {
	lines := make([]string, len(specs))
	for i, s := range specs {
		lines[i] = "  --preprocessing " + s.String() + "  (" + s.Describe() + meaning(s) + ")"
	}
	return strings.Join(lines, "\n")
}

func meaning(s Spec) string {
	for _, p := range presets {
		if p.spec == s {
			return "; " + p.meaning
		}
	}
	return ""
}
