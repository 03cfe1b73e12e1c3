package vectors_test

import (
	"context"
	"fmt"
	"log"

	"fovea/vectors"
)

// The rows that point in the direction most like that of a query come first.
func ExampleNearest() {
	source := vectors.Matrix([]float32{1, 0, 0, 2, 3, 3, -1, 0}, 2, 100) // four rows of two values
	query := vectors.Block{Rows: 1, Cols: 2, Data: []float32{1, 2}}
	nearest, err := vectors.Nearest(context.Background(), source, query, 2)
	if err != nil {
		log.Fatal(err)
	}
	for _, n := range nearest[0] {
		fmt.Printf("row %d: %.3f\n", n.Row, n.Similarity)
	}
	// Output:
	// row 2: 0.949
	// row 1: 0.894
}

func ExampleCosine() {
	fmt.Printf("%.2f\n", vectors.Cosine([]float32{1, 0}, []float32{1, 1}))
	// Output: 0.71
}
