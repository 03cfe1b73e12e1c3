package vgg_test

import (
	"fmt"
	"log"
	"os"

	"fovea/inference"
	"fovea/picture"
	"fovea/vgg"
	"fovea/vgg/imagenet"
)

// The layers of a network, with the shapes of their values for one image and the number of their weights.
func ExampleConfiguration_Layers() {
	network, err := vgg.ByName("vgg16")
	if err != nil {
		log.Fatal(err)
	}
	layers := network.Layers(true)
	for _, layer := range layers[len(layers)-6:] {
		fmt.Println(layer.Name, layer.Shape, layer.Parameters())
	}
	fmt.Println(network.Parameters(true))
	// Output:
	// pool5 [7 7 512] 0
	// flatten [25088] 0
	// fc6 [4096] 102764544
	// fc7 [4096] 16781312
	// fc8 [1000] 4097000
	// softmax [1000] 0
	// 138357544
}

// One image goes through the convolutional layers of VGG16, with the weights that ship with the program, and
// each channel of the last map is averaged.
func ExampleOpen() {
	set, err := imagenet.VGG16()
	if err != nil {
		log.Fatal(err)
	}
	network, err := vgg.ByName("vgg16")
	if err != nil {
		log.Fatal(err)
	}
	model, err := vgg.Open(network, set, inference.SessionConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{"pool5"}, Pool: "avg", Batch: 1})
	if err != nil {
		log.Fatal(err)
	}

	data, err := os.ReadFile("../testdata/photos/cat.2.jpg")
	if err != nil {
		log.Fatal(err)
	}
	options := picture.Options{Width: model.InputWidth, Height: model.InputHeight, Resize: picture.Squash, Interpolation: picture.Bilinear}
	pixels := make([]float32, options.Width*options.Height*model.Depth())
	if _, err := picture.DecodeTensor(pixels, data, options, model.Preprocessing); err != nil {
		log.Fatal(err)
	}
	features, err := extractor.Extract(pixels, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(model.Preprocessing, extractor.Layers()[0].Shape, len(features[0]))
	// Output: caffe [512] 512
}
