package explore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"fovea/featurestore"
	"fovea/internal/spelling"
)

// ErrNoRow says that a name is neither the path nor the number of a row.
var ErrNoRow = errors.New("not a row of the dataset")

// Find returns the place of the row that name means: by its path, as results show it or as it is in the
// dataset, or else by its number from 0. Any other name is ErrNoRow; a dataset without rows is
// featurestore.ErrEmpty.
func Find(ctx context.Context, d *featurestore.Dataset, name string) (row int, err error) {
	if d.Rows() == 0 {
		return 0, fmt.Errorf("the dataset has %w", featurestore.ErrEmpty)
	}
	index, err := d.Index(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the paths of rows: %w", err)
	}
	// What results show comes first, whatever the bytes of another path are.
	if row := slices.IndexFunc(index.Paths, func(path string) bool { return spelling.Spell(path) == name }); row >= 0 {
		return row, nil
	}
	if row := slices.Index(index.Paths, name); row >= 0 {
		return row, nil
	}
	row, err = strconv.Atoi(name)
	switch {
	case err != nil:
		return 0, ErrNoRow
	case row < 0 || row >= d.Rows():
		return 0, fmt.Errorf("%w, which has the rows 0 to %d", ErrNoRow, d.Rows()-1)
	}
	return row, nil
}

// errRead ends a scan that has read what it was for.
var errRead = errors.New("read")

// Vector reads the vector of one row, from 0, and the row's path.
func Vector(ctx context.Context, d *featurestore.Dataset, layer string, row int) (vector []float32, path string, err error) {
	err = d.Scan(ctx, featurestore.ScanOptions{Layers: []string{layer}}, func(b *featurestore.Batch) error {
		at := row - b.Index[0]
		if at >= len(b.Rows) {
			return nil
		}
		size := len(b.Vectors[0]) / len(b.Rows)
		vector, path = slices.Clone(b.Vectors[0][at*size:(at+1)*size]), b.Rows[at].Path
		return errRead
	})
	if errors.Is(err, errRead) {
		return vector, path, nil
	}
	if err == nil {
		err = fmt.Errorf("row %d: %w", row, ErrNoRow)
	}
	return nil, "", err
}
