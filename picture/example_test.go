package picture_test

import (
	"errors"
	"fmt"
	"os"

	"fovea/picture"
	"fovea/preprocessing"
)

// A photo becomes one picture of a batch for VGG16, as Keras prepares it.
func ExampleDecode() {
	data, err := os.ReadFile("../testdata/picture/exif-6.jpg")
	if err != nil {
		panic(err)
	}
	photo, err := picture.Decode(data, picture.Options{Width: 224, Height: 224})
	if err != nil {
		panic(err)
	}
	batch := make([]float32, 8*224*224*3)
	preprocessing.Caffe.Apply(batch[:224*224*3], photo.Pix)
	fmt.Printf("%s of %dx%d pixels; B, G, R of the first: %.3f\n",
		photo.Format, photo.SourceWidth, photo.SourceHeight, batch[:3])

	_, err = picture.Decode([]byte("%PDF-1.7"), picture.Options{Width: 224, Height: 224})
	fmt.Println(errors.Is(err, picture.ErrUnsupported), err)
	// Output:
	// jpeg of 33x18 pixels; B, G, R of the first: [-93.939 135.221 -113.680]
	// true image: header: unsupported format: a PDF document
}

// Ten views of a photo become ten rows of a model's input; the caller averages their features.
func ExampleDecodeTensor() {
	data, err := os.ReadFile("../testdata/photos/cat.3.jpg")
	if err != nil {
		panic(err)
	}
	options := picture.Options{Width: 224, Height: 224, Resize: picture.Crop, Views: picture.TenCrop}
	input := make([]float32, options.Views.Count()*224*224*3)
	if _, err := picture.DecodeTensor(input, data, options, preprocessing.Caffe); err != nil {
		panic(err)
	}
	fmt.Printf("%d numbers\n", len(input))
	// Output:
	// 1505280 numbers
}

// The paper's dense evaluation sees the whole photo at several scales.
func ExampleDecodeDense() {
	data, err := os.ReadFile("../testdata/photos/cat.3.jpg")
	if err != nil {
		panic(err)
	}
	tensors, _, err := picture.DecodeDense(data, picture.Dense{Sides: []int{256, 384}, Flip: true}, preprocessing.Caffe)
	if err != nil {
		panic(err)
	}
	for _, tensor := range tensors {
		fmt.Printf("%dx%d, mirrored %t\n", tensor.Width, tensor.Height, tensor.Mirrored)
	}
	// Output:
	// 384x256, mirrored false
	// 384x256, mirrored true
	// 577x384, mirrored false
	// 577x384, mirrored true
}
