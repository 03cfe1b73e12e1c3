package featurestore

import (
	"slices"

	"fovea/recipe"
)

// Batch is some rows of a scan. It is valid during the visit only: what is to stay must be
// copied.
type Batch struct {
	// Index is each row's place in the dataset, from 0.
	Index []int
	// Rows are the rows, without Features.
	Rows []Row
	// Vectors holds, for each layer of the scan, the vectors row after row: row i of layer l
	// is Vectors[l][i*size : (i+1)*size], with the layer's size.
	Vectors [][]float32

	// own is memory that is used again for batches whose vectors do not lie in a mapped file.
	own [][]float32
	// held is the file that Vectors lie in, if they do.
	held *mapping
}

// visit hands the batch to the caller's function.
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

// release gives up the file that the batch lies in.
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

// fill takes a chunk over: the rows copied, the vectors, if they may stay where they are and
// are float32 in a mapped file, as they lie there.
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
	for i := range c.rows {
		rows = append(rows, Row{Path: t.Paths[i], Label: t.Labels[i], Split: t.Splits[i], SHA256: t.SHA256[i], Width: widths[i], Height: heights[i]})
	}
	return rows, nil
}
