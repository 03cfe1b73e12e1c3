package finetuning_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"fovea/featurestore"
	"fovea/finetuning"
	"fovea/head"
	"fovea/preprocessing"
	"fovea/recipe"
)

// A head is trained on a dataset of features, tested on rows that are held out, saved, and measured
// on another dataset.
func Example() {
	dir, err := os.MkdirTemp("", "finetuning")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir) // an example's
	photos, more := filepath.Join(dir, "photos"), filepath.Join(dir, "more-photos")
	writeFeatures(photos, 100, 1)
	writeFeatures(more, 20, 2)

	file := filepath.Join(dir, "cats-vs-dogs.head")
	trained, err := finetuning.Train(context.Background(), finetuning.TrainOptions{
		Source:       finetuning.Source{Dir: photos},
		Out:          file,
		TestFraction: 0.2,
		Seed:         1,
	})
	if err != nil {
		panic(err)
	}
	notes := trained.Head.Notes
	fmt.Printf("%v: trained on %d images, accuracy %.2f on %d others\n", trained.Head.Classes, notes.TrainedOn, notes.HeldOut.Accuracy, notes.HeldOut.N)

	h, err := head.Load(file)
	if err != nil {
		panic(err)
	}
	result, err := finetuning.Evaluate(context.Background(), finetuning.EvaluateOptions{Head: h, Source: finetuning.Source{Dir: more}})
	if err != nil {
		panic(err)
	}
	fmt.Printf("accuracy %.2f on %d new images, of which %d were trained on\n", result.Accuracy, result.N, result.SeenInTraining)
	// Output:
	// [cat dog]: trained on 80 images, accuracy 1.00 on 20 others
	// accuracy 1.00 on 20 new images, of which 0 were trained on
}

// writeFeatures makes a dataset as extract does, of made-up features: cats have a large first value,
// dogs a large second one.
func writeFeatures(dir string, rows int, seed uint64) {
	w, err := featurestore.Create(dir, featurestore.Info{Recipe: recipe.Recipe{
		Model: "vgg16", ModelSHA256: strings.Repeat("ab", 32), Preprocessing: preprocessing.Caffe, Resize: "squash", Interpolation: "bilinear",
		InputHeight: 224, InputWidth: 224, Pool: recipe.PoolAverage, Precision: "float32", Library: "TensorFlow 2.18.1",
		Layers: []recipe.Layer{{Name: "pool5", Shape: []int{16}, Layout: recipe.LayoutC}},
	}}, featurestore.Options{})
	if err != nil {
		panic(err)
	}
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range rows {
		class, values := i%2, make([]float32, 16)
		for j := range values {
			values[j] = random.Float32()
		}
		values[class] += 2
		err := w.Append(featurestore.Row{
			Path: fmt.Sprintf("%d.jpg", i), Label: []string{"cat", "dog"}[class], SHA256: fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, seed, i))),
			Width: 640, Height: 480, Features: [][]float32{values},
		})
		if err != nil {
			panic(err)
		}
	}
	if err := w.Close(featurestore.StatusComplete); err != nil {
		panic(err)
	}
}
