package featurestore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"fovea/recipe"
)

// ErrRowsLacking means that rows of a dataset have no vectors in new columns.
var ErrRowsLacking = errors.New("rows without vectors")

// addedColumns yields the vectors of new columns, for one row of a dataset after the other, from a dataset of their own.
type addedColumns struct {
	ctx    context.Context
	staged *Dataset
	layers []recipe.Layer
	dtype  DType
	// rowOf has the row that each staged row is for, or -1.
	rowOf []int
	// late are the vectors of rows that are not staged in the order of the dataset, nil if there are none.
	late *lateRows

	// row is the one that comes next.
	row  int
	next func() (stagedRow, bool)
	stop func()
	err  error
}

// stagedRow are the vectors for a row, valid until the next one is asked for.
type stagedRow struct {
	row     int
	vectors [][]float32
}

// newAddedColumns matches staged rows with those of the dataset, by their paths and SHA-256.
func newAddedColumns(ctx context.Context, staged *Dataset, rows *Table, rowAt map[string]int) (*addedColumns, error) {
	a := &addedColumns{ctx: ctx, staged: staged, layers: staged.manifest.Recipe.Layers, dtype: staged.manifest.DType}
	index, err := staged.read(ctx, nil, nil)
	if err != nil {
		return nil, err
	}
	have := make([]bool, rows.Rows)
	for i, path := range index.Paths {
		row, known := rowAt[path]
		if known && index.SHA256[i] == rows.SHA256[row] {
			have[row] = true
		} else { // an image that has changed since
			row = -1
		}
		a.rowOf = append(a.rowOf, row)
	}
	if at := slices.Index(have, false); at >= 0 {
		return nil, fmt.Errorf("%w: the first is %q", ErrRowsLacking, rows.Paths[at])
	}
	return a, a.keepLate()
}

// scan visits the staged rows that are for a row. Their vectors are copied, because a fault of a mapped file must not
// reach whoever uses them.
func (a *addedColumns) scan(yield func(stagedRow) bool) error {
	kept := make([][]float32, len(a.layers))
	err := a.staged.Scan(a.ctx, ScanOptions{}, func(b *Batch) error {
		for i := range b.Rows {
			row := a.rowOf[b.Index[i]]
			if row < 0 {
				continue
			}
			for n, l := range a.layers {
				kept[n] = append(kept[n][:0], b.Vectors[n][i*l.Size():(i+1)*l.Size()]...)
			}
			if !yield(stagedRow{row, kept}) {
				return errEnough
			}
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// seek goes to a row. It only costs time if that is not the one that comes next anyway.
func (a *addedColumns) seek(row int) {
	if a.next != nil && a.row == row {
		return
	}
	a.halt()
	a.row, a.err = row, nil
	a.next, a.stop = iter.Pull(func(yield func(stagedRow) bool) { a.err = a.scan(yield) })
}

// take returns the vectors of the next row. They are valid until the next call.
func (a *addedColumns) take() ([][]float32, error) {
	row := a.row
	a.row++
	if vectors, late, err := a.late.read(row); late {
		return vectors, err
	}
	for {
		r, ok := a.next()
		switch {
		case !ok && a.err != nil:
			return nil, a.err
		case !ok:
			return nil, fmt.Errorf("%w: row %d", ErrRowsLacking, row)
		case r.row == row:
			return r.vectors, nil
		}
	}
}

// fill puts the next rows into a batch.
func (a *addedColumns) fill(b *batch, rows int) error {
	b.reset()
	for range rows {
		vectors, err := a.take()
		if err != nil {
			return err
		}
		b.add(Row{Features: vectors})
	}
	return nil
}

// batch has room for so many rows of the columns.
func (a *addedColumns) batch(rows int) *batch { return newBatch(nil, a.layers, a.dtype, rows) }

// place is where a column's vectors are, or -1.
func (a *addedColumns) place(column string) int {
	if a == nil {
		return -1
	}
	return slices.IndexFunc(a.layers, func(l recipe.Layer) bool { return l.Name == column })
}

// halt ends the scan.
func (a *addedColumns) halt() {
	if a.stop != nil {
		a.stop()
		a.next, a.stop = nil, nil
	}
}

// close gives up what is held.
func (a *addedColumns) close() {
	a.halt()
	a.late.close()
}
