package featurestore

import (
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v15/arrow/array"

	"fovea/internal/finite"
)

// chunk checks some rows; at is the index of the first one in its file.
func (c *checker) chunk(file string, at int, meta shardMeta, part chunk) error {
	rows, err := part.identities(nil)
	if err != nil {
		return err
	}
	for i := range rows {
		c.path(file, at+i, rows[i].Path)
		count(c.labels, rows[i].Label)
		count(c.splits, rows[i].Split)
		if g := rows[i].Georeference; g != nil {
			if err := g.check(); err != nil {
				c.problem(Problem{File: file, Row: at + i, Path: rows[i].Path, Err: err})
			}
		}
	}
	for _, l := range meta.recipe.Layers {
		report := func(row int, err error) {
			c.problem(Problem{File: file, Row: at + row, Path: rows[row].Path, Layer: l.Name, Err: err})
		}
		values, err := part.vectors(l)
		if err != nil {
			if !part.badVectors(l.Name, l.Size(), report) {
				return err
			}
			continue
		}
		flat := values.single
		if values.half != nil {
			flat = make([]float32, values.len())
			values.copyTo(flat)
		}
		for row := range rows {
			v := flat[row*l.Size() : (row+1)*l.Size()]
			if i := finite.First(v); i >= 0 {
				report(row, fmt.Errorf("%w: value %d is %g", ErrNotFinite, i, v[i]))
			}
		}
	}
	return nil
}

// badVectors reports each row whose vector is null, contains nulls or has a wrong length, and returns
// whether there was one.
func (c chunk) badVectors(name string, size int, report func(row int, err error)) bool {
	column, err := c.column(name)
	if err != nil {
		return false
	}
	list, ok := column.(array.ListLike)
	if !ok {
		return false
	}
	values, found := list.ListValues(), false
	for i := range column.Len() {
		from, to := list.ValueOffsets(i)
		nulls := 0
		for j := from; j < to && j < int64(values.Len()); j++ {
			if values.IsNull(int(j)) {
				nulls++
			}
		}
		switch {
		case column.IsNull(i):
			report(i, errors.New("it is null"))
		case to-from != int64(size):
			report(i, fmt.Errorf("%w: %d values instead of %d", ErrVectorLength, to-from, size))
		case nulls > 0:
			report(i, fmt.Errorf("%d of its values are null", nulls))
		default:
			continue
		}
		found = true
	}
	return found
}

func (c *checker) path(file string, row int, path string) {
	if path == "" {
		c.problem(Problem{File: file, Row: row, Err: errors.New("it has no path")})
		return
	}
	if other, ok := c.paths[path]; ok {
		c.problem(Problem{File: file, Row: row, Path: path, Err: fmt.Errorf("%w, which %s contains too", ErrDuplicatePath, other)})
		return
	}
	c.paths[path] = file
}
