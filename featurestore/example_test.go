package featurestore_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"fovea/featurestore"
	"fovea/recipe"
)

// Write two pictures' features, then read them as a matrix.
func ExampleOpen() {
	parent, err := os.MkdirTemp("", "features")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(parent)
	dir := filepath.Join(parent, "cats")

	info := featurestore.Info{Recipe: recipe.Recipe{
		Model:  "tiny",
		Layers: []recipe.Layer{{Name: "fc7", Shape: []int{3}, Layout: recipe.LayoutC}},
	}}
	w, err := featurestore.Create(dir, info, featurestore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer w.Abort() // does nothing after Close
	err = w.Append(
		featurestore.Row{Path: "cat.1.jpg", Label: "cat", Features: [][]float32{{1, 0, 2.5}}},
		featurestore.Row{Path: "dog.7.jpg", Label: "dog", Features: [][]float32{{0, 4, 0}}},
	)
	if err != nil {
		log.Fatal(err)
	}
	if err := w.Close(featurestore.StatusComplete); err != nil {
		log.Fatal(err)
	}

	dataset, err := featurestore.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	table, err := dataset.Matrix(context.Background(), "fc7")
	if err != nil {
		log.Fatal(err)
	}
	for i, path := range table.Paths {
		fmt.Println(path, table.Labels[i], table.Data[i*table.Cols:(i+1)*table.Cols])
	}
	// Output:
	// cat.1.jpg cat [1 0 2.5]
	// dog.7.jpg dog [0 4 0]
}

// Read the cats of a dataset as a stream, without keeping them in memory.
func ExampleDataset_Scan() {
	parent, err := os.MkdirTemp("", "features")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(parent)
	dir := filepath.Join(parent, "pets")
	info := featurestore.Info{Recipe: recipe.Recipe{
		Model:  "tiny",
		Layers: []recipe.Layer{{Name: "fc7", Shape: []int{2}, Layout: recipe.LayoutC}},
	}}
	w, err := featurestore.Create(dir, info, featurestore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer w.Abort() // does nothing after Close
	err = w.Append(
		featurestore.Row{Path: "cat.1.jpg", Label: "cat", Features: [][]float32{{1, 0}}},
		featurestore.Row{Path: "dog.7.jpg", Label: "dog", Features: [][]float32{{0, 4}}},
		featurestore.Row{Path: "cat.2.jpg", Label: "cat", Features: [][]float32{{3, 2}}},
	)
	if err != nil {
		log.Fatal(err)
	}
	if err := w.Close(featurestore.StatusComplete); err != nil {
		log.Fatal(err)
	}

	dataset, err := featurestore.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	options := featurestore.ScanOptions{Layers: []string{"fc7"}, Labels: []string{"cat"}}
	err = dataset.Scan(context.Background(), options, func(b *featurestore.Batch) error {
		for i, row := range b.Rows {
			fmt.Println(b.Index[i], row.Path, b.Vectors[0][2*i:2*i+2])
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// 0 cat.1.jpg [1 0]
	// 2 cat.2.jpg [3 2]
}
