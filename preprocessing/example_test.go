package preprocessing_test

import (
	"fmt"
	"log"

	"fovea/preprocessing"
)

// A preprocessing is a name, or the numbers that pixels are scaled by.
func ExampleParse() {
	for _, text := range []string{"tf", "channels=rgb,scale=1/255,mean=0.5,std=0.25"} {
		how, err := preprocessing.Parse(text)
		if err != nil {
			log.Fatal(err)
		}
		low, high := how.Range()
		fmt.Printf("%s gives %g to %g\n", how, low, high)
	}
	// Output:
	// tf gives -1 to 1
	// channels=rgb,scale=1/255,mean=0.5,0.5,0.5,std=0.25,0.25,0.25 gives -2 to 2
}

// The bytes of one pixel become what Caffe's networks are given: blue, green and red, less their means.
func ExampleSpec_Apply() {
	pixels := make([]float32, 3)
	preprocessing.Caffe.Apply(pixels, []uint8{255, 128, 0})
	fmt.Printf("%.3f\n", pixels)
	// Output: [-103.939 11.221 131.320]
}
