// Command peerdata makes a dataset of averaged pool5 out of another program's features, so that
// finetune trains heads on them as on its own. It takes the images, with labels and hashes, from a
// dataset of the same images, and the features from a file of little-endian float32, a row of 512 for
// each image, in the dataset's order (scripts/peers/averages.py writes it). The recipe is the
// dataset's, with the other program for the model.
//
//	peerdata DATASET FEATURES PROGRAM OUT
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"

	"fovea/featurestore"
	"fovea/recipe"
)

// channels is the size of VGG16's pool5, averaged over positions.
const channels = 512

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: peerdata DATASET FEATURES PROGRAM OUT")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, "peerdata:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, like, features, program, out string) (err error) {
	dataset, err := featurestore.Open(like)
	if err != nil {
		return err
	}
	images, err := dataset.Index(ctx)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(features)
	if err != nil {
		return err
	}
	if len(raw) != images.Rows*channels*4 {
		return fmt.Errorf("%s has %d bytes: %s has %d images, which take %d", features, len(raw), like, images.Rows, images.Rows*channels*4)
	}
	how := dataset.Recipe()
	how.Model, how.Pool = program, "avg"
	how.Layers = []recipe.Layer{{Name: "pool5", Shape: []int{channels}, Layout: "C"}}
	writer, err := featurestore.Create(out, featurestore.Info{Recipe: how}, featurestore.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, writer.Abort()) }() // does nothing after Close
	for i := range images.Rows {
		row := featurestore.Row{
			Path: images.Paths[i], Label: images.Labels[i], Split: images.Splits[i], SHA256: images.SHA256[i],
			Width: 1, Height: 1, // the index has no sizes, and heads ask for none
			Features: [][]float32{decode(raw[4*channels*i:])},
		}
		if err := writer.Append(row); err != nil {
			return err
		}
	}
	return writer.Close(featurestore.StatusComplete)
}

// decode returns the first row of the bytes.
func decode(raw []byte) []float32 {
	values := make([]float32, channels)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return values
}
