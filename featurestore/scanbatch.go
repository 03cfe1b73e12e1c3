package featurestore

import (
	"slices"

	"fovea/recipe"
)

// Batch is some rows of a scan. It is valid only during the visit: copy what you want to keep.
type Batch struct {
	// Index is each row's index in the dataset, from 0.
	Index []int
	// Rows are the rows, without Features.
	Rows []Row
	// Vectors holds the vectors of each layer of the scan, row after row: row i of layer l is
	// Vectors[l][i*size : (i+1)*size], where size is the layer's.
	Vectors [][]float32

	// own is memory to reuse for vectors that are not in a mapped file.
	own [][]float32
	// held is the mapped file that contains Vectors, if any.
	held *mapping
}

// visit passes the batch to the caller's function.
func (b *Batch) visit(visit func(*Batch) error) error {
	call := func() error {
		if err := visit(b); err != nil {
			return visitError{err}
		}
		return nil
	}
	if b.held == nil {
		return call()
	}
	return b.held.watch(call)
}

// release gives up the mapped file that contains the batch.
func (b *Batch) release() {
	if b.held != nil {
		clear(b.Vectors)
		b.held.release()
		b.held = nil
	}
}

// keep removes the rows that are not chosen.
func (b *Batch) keep(chosen func(*Row) bool) {
	kept := 0
	rows := len(b.Rows)
	for i := range rows {
		if !chosen(&b.Rows[i]) {
			continue
		}
		if kept < i {
			b.Rows[kept], b.Index[kept] = b.Rows[i], b.Index[i]
			for _, v := range b.Vectors {
				size := len(v) / rows
				copy(v[kept*size:(kept+1)*size], v[i*size:(i+1)*size])
			}
		}
		kept++
	}
	for l, v := range b.Vectors {
		b.Vectors[l] = v[:kept*(len(v)/max(1, rows))]
	}
	b.Rows, b.Index = b.Rows[:kept], b.Index[:kept]
}

// fill takes over a chunk. It copies the rows, and also the vectors unless stay is set and they are
// float32 in a mapped file, to which the batch then points.
func (b *Batch) fill(c chunk, layers []recipe.Layer, stay bool) error {
	var err error
	if b.Rows, err = c.identities(b.Rows[:0]); err != nil {
		return err
	}
	for i, l := range layers {
		v, err := c.vectors(l)
		if err != nil {
			return err
		}
		if stay && c.mapping != nil && v.half == nil {
			b.Vectors[i] = v.single[:len(v.single):len(v.single)]
			continue
		}
		b.own[i] = slices.Grow(b.own[i][:0], v.len())[:v.len()]
		v.copyTo(b.own[i])
		b.Vectors[i] = b.own[i]
	}
	if stay && c.mapping != nil {
		c.mapping.hold()
		b.held = c.mapping
	}
	return nil
}

// identities appends the rows of a chunk without their features.
func (c chunk) identities(rows []Row) ([]Row, error) {
	var t Table
	if err := t.add(c, nil); err != nil {
		return rows, err
	}
	widths, err := c.numbers(columnWidth)
	if err != nil {
		return rows, err
	}
	heights, err := c.numbers(columnHeight)
	if err != nil {
		return rows, err
	}
	places := make([]*Georeference, 0)
	if slices.Contains(c.extra, ExtraGeoreference) {
		if places, err = c.georeferences(); err != nil {
			return rows, err
		}
	}
	for i := range c.rows {
		r := Row{Path: t.Paths[i], Label: t.Labels[i], Split: t.Splits[i], SHA256: t.SHA256[i], Width: widths[i], Height: heights[i]}
		if t.Groups != nil {
			r.Group = t.Groups[i]
		}
		if len(places) > 0 {
			r.Georeference = places[i]
		}
		rows = append(rows, r)
	}
	return rows, nil
}
