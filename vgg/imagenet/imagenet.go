package imagenet

import (
	_ "embed" // for the weights

	"fovea/vgg/weights"
)

//go:generate go run ./convert -in vgg16-imagenet-conv.safetensors -out vgg16-conv-float16.safetensors

//go:embed vgg16-conv-float16.safetensors
var vgg16 []byte

// sum is the SHA-256 of the file, which a test compares: computing it at each start would take longer than reading the
// weights.
const sum = "86564d42870377470e97f2da665d5dfec2f01a5774d49f2434156eae9d8bc47f"

// VGG16 are the weights of VGG16's convolutional base, float16, in HWIO order.
func VGG16() (weights.Set, error) { return weights.ParseKnownSafetensors(vgg16, sum) }
