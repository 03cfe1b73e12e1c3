package explore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"fovea/featurestore"
	"fovea/internal/spelling"
	"fovea/vectors"
)

// Row is a row that was found. Path and Label are raw bytes, as on the file system, until they are spelled.
type Row struct {
	// Row is the place in the dataset, from 0.
	Row   int    `json:"row"`
	Path  string `json:"path"`
	Label string `json:"label,omitempty"`
	// Width and Height are the picture's, in pixels, Bytes is the size of its file: each 0 if it is not known.
	Width  int   `json:"width,omitempty"`
	Height int   `json:"height,omitempty"`
	Bytes  int64 `json:"bytes,omitempty"`
	// Gone and Changed say what has become of the file since it was extracted, where Duplicates knows.
	Gone    bool `json:"gone,omitempty"`
	Changed bool `json:"changed,omitempty"`
	// Real names the file itself, in the same way for all links to it, where Duplicates knows.
	Real string `json:"-"`
	// Similarity is the cosine with what was looked for, -1 to 1.
	Similarity float64 `json:"similarity"`
}

// rowOf is a row of a dataset.
func rowOf(number int, r featurestore.Row) Row {
	return Row{Row: number, Path: r.Path, Label: r.Label, Width: int(r.Width), Height: int(r.Height)}
}

// Spelled returns rows with their names as results show them: as valid UTF-8, spelled by
// featurestore.EscapeText.
func Spelled(rows []Row) []Row {
	out := slices.Clone(rows)
	for i := range out {
		out[i].Path, out[i].Label = featurestore.EscapeText(out[i].Path), featurestore.EscapeText(out[i].Label)
	}
	return out
}

// Nearest returns the k rows among the selected ones whose vectors have the highest cosine similarity with a
// vector of the selection's layer, the most similar first. The row except is left out; -1 leaves out none.
// Every row is compared; the dataset is streamed.
func Nearest(ctx context.Context, d *featurestore.Dataset, s Selection, vector []float32, k, except int) ([]Row, error) {
	layer, scan, err := s.Resolve(ctx, d)
	if err != nil {
		return nil, err
	}
	var rows []Row // all that were scanned, in the order of the scan
	source := streamed(d, layer, scan, func(b *featurestore.Batch) {
		for i, r := range b.Rows {
			rows = append(rows, rowOf(b.Index[i], r))
		}
	})
	// One more than k, because except may be among them.
	nearest, err := vectors.Nearest(ctx, source, vectors.Block{Rows: 1, Cols: layer.Size(), Data: vector}, k+1)
	if errors.Is(err, vectors.ErrZero) {
		return nil, fmt.Errorf("%w, so that nothing is similar to it: choose a picture with something on it", vectors.ErrZero)
	}
	if err != nil {
		return nil, fmt.Errorf("find the nearest rows: %w", located(err, rows))
	}
	found := make([]Row, 0, k)
	for _, n := range nearest[0] {
		if r := rows[n.Row]; r.Row != except && len(found) < k {
			r.Similarity = n.Similarity
			found = append(found, r)
		}
	}
	return found, nil
}

// located adds a row's number in the dataset and its path, and what to do, to a vectors.NotFiniteError.
func located(err error, rows []Row) error {
	var bad *vectors.NotFiniteError
	if !errors.As(err, &bad) || bad.Row >= len(rows) {
		return err
	}
	r := rows[bad.Row]
	return fmt.Errorf("row %d, %s, has a value that is not finite: extract its features again (extract dataset validate lists such rows)", r.Row, spelling.Line(featurestore.EscapeText(r.Path)))
}
