package imagenet

import (
	_ "embed" // for the weights

	"fovea/vgg/weights"
)

//go:generate go run ./convert -in vgg16-imagenet-conv.safetensors -out vgg16-conv-float16.safetensors

//go:embed vgg16-conv-float16.safetensors
var vgg16 []byte

// VGG16 are the weights of VGG16's convolutional base, float16, in HWIO order.
func VGG16() (weights.Set, error) { return weights.ParseSafetensors(vgg16) }
