package serving_test

import (
	"fmt"
	"os"

	"fovea/head"
	"fovea/serving"
)

func ExamplePredictor() {
	h, err := head.Load("../testdata/heads/cats-vs-dogs.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	predictor, err := serving.Open(h, serving.Options{Batch: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer predictor.Close() // nothing is written
	photo, err := os.ReadFile("../testdata/photos/cat.3.jpg")
	if err != nil {
		fmt.Println(err)
		return
	}
	outcome, err := predictor.Predict(photo)
	if err != nil {
		fmt.Println(err)
		return
	}
	unsure := serving.Decision{Threshold: 0.9, Unsure: "unsure"}
	fmt.Println(unsure.Decide(outcome, predictor.Classes()))
	// Output: cat
}
