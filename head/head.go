package head

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"

	"fovea/internal/finite"
	"fovea/recipe"
)

// Head turns features into probabilities of classes.
type Head struct {
	// Classes are sorted by name.
	Classes []string
	// Standardization is applied to the features first.
	Standardization Standardization
	// Hidden, if not nil, is a layer between the standardized columns and the weights.
	Hidden *Hidden
	// Weights has a row for each class, over the standardized columns or the hidden units; Biases has
	// a value for each class.
	Weights [][]float32
	Biases  []float32
	// Novelty, if not nil, tells what is unlike all that the head was trained on.
	Novelty *Novelty

	// Recipe describes the features that the head was trained on.
	Recipe recipe.Recipe
	// Layers are the layers that make up the columns, one after another.
	Layers []recipe.Layer
	// Notes record the training. They do not affect predictions.
	Notes Notes
}

// Hidden is a layer of rectified linear units: max(0, Weights x + Biases).
type Hidden struct {
	// Weights has a row for each unit, over the standardized columns.
	Weights [][]float32
	Biases  []float32
}

// Notes record how a head was trained.
type Notes struct {
	ToolVersion string `json:"tool_version,omitempty"`
	Seed        uint64 `json:"seed"`
	// TrainedOn is the number of training rows.
	TrainedOn int `json:"trained_on"`
	// Copies is the number of images in the dataset that are copies of others, NearCopies the number
	// of further ones that are near duplicates.
	Copies     int `json:"copies,omitempty"`
	NearCopies int `json:"near_copies,omitempty"`
	// Crowded are classes most of whose images would be near duplicates, so that splits did not keep them together.
	Crowded []string `json:"crowded_classes,omitempty"`
	// LeftOut are classes of the dataset that had too few rows to learn from, with the number of these.
	LeftOut []ClassCount `json:"left_out,omitempty"`
	// Settings are the options of the training, by the names of their flags.
	Settings map[string]string `json:"settings,omitempty"`
	Report   Report            `json:"report"`
	// HeldOut are the metrics on the test set, nil if there was none.
	HeldOut *Metrics `json:"held_out,omitempty"`
	// Novelty is that of the test set, nil if there was none, or the head has no novelty model.
	Novelty *NoveltyShare `json:"novelty,omitempty"`
	// Seen are short hashes of the training images, sorted, so that an evaluation recognizes them.
	Seen []string `json:"seen,omitempty"`
}

// LayerNames returns the names of Layers.
func (h *Head) LayerNames() []string {
	return recipe.Recipe{Layers: h.Layers}.LayerNames()
}

// Join makes rows out of the features of n images: a slice for each of Layers, with the values of all
// images one after another.
func (h *Head) Join(features [][]float32, n int) (Matrix, error) {
	if len(features) != len(h.Layers) {
		return Matrix{}, fmt.Errorf("head: features of %d layers for a head on %d", len(features), len(h.Layers))
	}
	m := Matrix{Rows: n, Cols: h.Columns(), Data: make([]float32, 0, n*h.Columns())}
	for i := range n {
		for l, layer := range h.Layers {
			size := layer.Size()
			if len(features[l]) < (i+1)*size {
				return Matrix{}, fmt.Errorf("head: %d values of layer %s for %d images with %d each", len(features[l]), layer.Name, n, size)
			}
			m.Data = append(m.Data, features[l][i*size:(i+1)*size]...)
		}
	}
	return m, nil
}

// Columns is the number of features of a row.
func (h *Head) Columns() int { return len(h.Standardization.Mean) }

// OverflowError says that the scores of a row are beyond float32, so that it has no probabilities.
type OverflowError struct {
	// Row is its place among the rows.
	Row int
}

// Reason says what is wrong, without the row.
func (e *OverflowError) Reason() string {
	return "the head's scores are beyond float32: the features are far larger than those that it was trained on: extract the image again, or train a head on such features"
}

func (e *OverflowError) Error() string { return fmt.Sprintf("head: row %d: %s", e.Row, e.Reason()) }

// Probabilities computes a row of probabilities, in the order of Classes, for each row of x. They add
// up to 1. Where they cannot be computed, that is an OverflowError.
func (h *Head) Probabilities(x Matrix) ([][]float64, error) {
	if err := x.validate(); err != nil {
		return nil, err
	}
	if x.Cols != h.Columns() {
		return nil, fmt.Errorf("head: rows of %d features for a head on %d", x.Cols, h.Columns())
	}
	all := make([][]float64, x.Rows)
	layers := []affine{newAffine(h.Weights, h.Biases)}
	if h.Hidden != nil {
		layers = []affine{newAffine(h.Hidden.Weights, h.Hidden.Biases), layers[0]}
	}
	var group errgroup.Group
	group.SetLimit(allCPUs())
	for start := 0; start < x.Rows; start += blockRows {
		group.Go(func() error {
			end := min(start+blockRows, x.Rows)
			rows, err := h.Standardization.all(Matrix{Rows: end - start, Cols: x.Cols, Data: x.Data[start*x.Cols : end*x.Cols]})
			if err != nil {
				return err
			}
			for i, l := range layers {
				rows = l.apply(rows, i < len(layers)-1)
			}
			for i := range rows.rows {
				scores := make([]float64, len(h.Classes))
				for c := range scores {
					scores[c] = float64(rows.row(i)[c])
				}
				softmax(scores)
				all[start+i] = scores
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if row := slices.IndexFunc(all, func(p []float64) bool { return slices.ContainsFunc(p, math.IsNaN) }); row >= 0 {
		return nil, h.overflow(row)
	}
	return all, nil
}

// overflow says why a row's probabilities are NaN.
func (h *Head) overflow(row int) error {
	numbers := append([][]float32{h.Standardization.Mean, h.Standardization.Scale, h.Biases}, h.Weights...)
	if h.Hidden != nil {
		numbers = append(append(numbers, h.Hidden.Biases), h.Hidden.Weights...)
	}
	if slices.ContainsFunc(numbers, func(values []float32) bool { return finite.First(values) >= 0 }) {
		return errors.New("head: some of the head's numbers are NaN or infinite: train it again")
	}
	return &OverflowError{row}
}

// affine is a layer in the layout that the kernels need.
type affine struct {
	weights dense
	biases  []float32
}

func newAffine(weights [][]float32, biases []float32) affine {
	d := newDense(padded(len(weights), quad), len(weights[0]))
	for i, w := range weights {
		copy(d.row(i), w)
	}
	return affine{d, biases}
}

// apply computes a row of outputs for each row of inputs.
func (a affine) apply(x dense, rectify bool) dense {
	rows, sums := make([]int, x.rows), make([]float32, x.rows*a.weights.rows)
	for i := range rows {
		rows[i] = i
	}
	x.scores(rows, a.weights, sums)
	out := newDense(x.rows, len(a.biases))
	for i := range rows {
		row := out.row(i)
		for c, b := range a.biases {
			row[c] = sums[i*a.weights.rows+c] + b
			if rectify {
				row[c] = max(0, row[c])
			}
		}
	}
	return out
}

// Predict returns the class with the highest probability.
func (h *Head) Predict(probabilities []float64) string { return h.Classes[argmax(probabilities)] }

// ErrMismatch marks features that a head was not trained for.
var ErrMismatch = errors.New("the head was trained on other features")
