package savedmodel_test

import (
	"fmt"
	"log"

	"fovea/inference"
	"fovea/preprocessing"
	"fovea/savedmodel"
)

// What a SavedModel says of itself, without loading it.
func ExampleInspect() {
	description, err := savedmodel.Inspect("../testdata/savedmodel/keras-export", "")
	if err != nil {
		log.Fatal(err)
	}
	for _, signature := range description.Signatures {
		fmt.Println(signature.Name, signature.Inputs[0].DType, signature.Inputs[0].Shape)
	}
	fmt.Println(description.Parameters)
	// Output:
	// serve float [-1 16 16 3]
	// serving_default float [-1 16 16 3]
	// 1213
}

// Inner layers of a SavedModel go by the names that Keras shows, though its graph has other ones.
func ExampleOpen() {
	model, err := savedmodel.Open("../testdata/savedmodel/keras-export", savedmodel.Options{Preprocessing: preprocessing.TF})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	for _, name := range []string{"block2_conv1", "fc1"} {
		layer, err := model.Layer(name)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(name, "is", layer.Name, layer.Shape)
	}

	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{"fc1"}, Batch: 2})
	if err != nil {
		log.Fatal(err)
	}
	pixels := make([]float32, 2*model.InputHeight*model.InputWidth*model.Depth()) // two images, in NHWC order
	features, err := extractor.Extract(pixels, 2)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(features[0]), "values of two images")
	// Output:
	// block2_conv1 is small_1/block2_conv1_1 [8 8 6]
	// fc1 is small_1/fc1_1 [8]
	// 16 values of two images
}
