package picture_test

import (
	"errors"
	"fmt"
	"os"

	"fovea/picture"
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
	picture.Caffe.Apply(batch[:224*224*3], photo.Pix)
	fmt.Printf("%s of %dx%d pixels; B, G, R of the first: %.3f\n",
		photo.Format, photo.SourceWidth, photo.SourceHeight, batch[:3])

	_, err = picture.Decode([]byte("%PDF-1.7"), picture.Options{Width: 224, Height: 224})
	fmt.Println(errors.Is(err, picture.ErrUnsupported), err)
	// Output:
	// jpeg of 33x18 pixels; B, G, R of the first: [-93.939 135.221 -113.680]
	// true picture: header: unsupported format: a PDF document
}
