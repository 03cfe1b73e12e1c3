package featurestore

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"fovea/recipe"
)

// Table is the vectors of one layer, with what identifies their rows.
type Table struct {
	// Rows and Cols are the shape of Data; Cols is the layer's size.
	Rows, Cols int
	// Data holds the values row by row: row i is Data[i*Cols : (i+1)*Cols].
	Data []float32
	// Paths, Labels, Splits and SHA256 have one element per row; null labels and splits are "".
	Paths, Labels, Splits, SHA256 []string
	// Groups are those of the rows, "" for null. It is nil if the dataset has no such column.
	Groups []string
}

// maxReaders bounds the shards read concurrently, each of which needs memory for the compressed
// vectors of a row group.
const maxReaders = 4

// Matrix reads one layer of all rows, in the order in which they were appended. In Parquet it reads
// only the columns that it needs.
//
// Besides the table it needs memory for one row group's compressed column and a few megabytes of
// values for each of at most four shards read concurrently. A dataset without rows is ErrEmpty.
func (d *Dataset) Matrix(ctx context.Context, layer string) (*Table, error) {
	return d.MatrixIn(ctx, layer, func(values int) ([]float32, error) { return make([]float32, values), nil })
}

// MatrixIn is Matrix with the values in memory that allocate returns, such as a mapped file for
// datasets larger than the machine's memory.
func (d *Dataset) MatrixIn(ctx context.Context, layer string, allocate func(values int) ([]float32, error)) (*Table, error) {
	l, ok := d.manifest.Recipe.Layer(layer)
	if !ok {
		return nil, fmt.Errorf("featurestore: %q has no layer %q: it has %s", d.dir, layer, strings.Join(d.manifest.Recipe.LayerNames(), ", "))
	}
	if d.manifest.Rows == 0 {
		return nil, fmt.Errorf("featurestore: %q has %w", d.dir, ErrEmpty)
	}
	t, err := d.read(ctx, &l, allocate)
	if err != nil {
		return nil, fmt.Errorf("featurestore: read %q: %w", d.dir, d.judge(err))
	}
	return t, nil
}

// Index is Matrix without vectors: Cols is 0 and Data empty. A dataset without rows has an
// empty index.
func (d *Dataset) Index(ctx context.Context) (*Table, error) {
	t, err := d.read(ctx, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("featurestore: read %q: %w", d.dir, d.judge(err))
	}
	return t, nil
}

// read reads a layer, or none, of all shards, each into its own part of the table.
func (d *Dataset) read(ctx context.Context, layer *recipe.Layer, allocate func(values int) ([]float32, error)) (*Table, error) {
	rows := d.manifest.Rows
	t := &Table{
		Rows: rows, Paths: make([]string, rows), Labels: make([]string, rows),
		Splits: make([]string, rows), SHA256: make([]string, rows),
	}
	if slices.Contains(d.manifest.ExtraColumns, ExtraGroup) {
		t.Groups = make([]string, rows)
	}
	if layer != nil {
		t.Cols = layer.Size()
		var err error
		if t.Data, err = allocate(rows * t.Cols); err != nil {
			return nil, err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(min(maxReaders, runtime.GOMAXPROCS(0)))
	start := 0
	for i, s := range d.manifest.Shards {
		part := t.part(start, start+s.Rows)
		start += s.Rows
		group.Go(func() error { return d.readShard(ctx, i, layer, part) })
	}
	return t, group.Wait()
}

// part is a view for appending rows: its slices have capacity but no length.
func (t *Table) part(from, to int) *Table {
	p := &Table{
		Cols: t.Cols, Data: t.Data[from*t.Cols : to*t.Cols],
		Paths: t.Paths[from:from:to], Labels: t.Labels[from:from:to],
		Splits: t.Splits[from:from:to], SHA256: t.SHA256[from:from:to],
	}
	if t.Groups != nil {
		p.Groups = t.Groups[from:from:to]
	}
	return p
}

func (d *Dataset) readShard(ctx context.Context, at int, layer *recipe.Layer, into *Table) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	r, err := d.openShard(at)
	if err != nil {
		return err
	}
	defer r.close()
	if err := r.prove(ctx, d.manifest.Shards[at]); err != nil {
		return err
	}
	columns := []string{columnPath, columnLabel, columnSplit, columnSHA256}
	if slices.Contains(r.meta.extra, ExtraGroup) {
		columns = append(columns, columnGroup)
	}
	if layer != nil {
		columns = append(columns, layer.Name)
	}
	return r.scan(ctx, columns, func(c chunk) error { return into.add(c, layer) })
}

// add appends a chunk's rows. The values are copied once.
func (t *Table) add(c chunk, layer *recipe.Layer) error {
	if layer != nil {
		v, err := c.vectors(*layer)
		if err != nil {
			return err
		}
		at := len(t.Paths) * t.Cols
		v.copyTo(t.Data[at : at+v.len()])
	}
	// Labels and splits repeat: equal ones share one string.
	shared := map[string]string{}
	share := func(s string) string {
		if known, ok := shared[s]; ok {
			return known
		}
		own := strings.Clone(UnescapeText(s))
		shared[strings.Clone(s)] = own
		return own
	}
	own := func(s string) string { return strings.Clone(UnescapeText(s)) }
	type textColumn struct {
		name string
		dst  *[]string
		keep func(string) string
	}
	columns := []textColumn{
		{columnPath, &t.Paths, own}, {columnLabel, &t.Labels, share},
		{columnSplit, &t.Splits, share}, {columnSHA256, &t.SHA256, own},
	}
	if slices.Contains(c.extra, ExtraGroup) {
		columns = append(columns, textColumn{columnGroup, &t.Groups, share})
	}
	var err error
	for _, column := range columns {
		if *column.dst, err = c.texts(*column.dst, column.name, column.keep); err != nil {
			return err
		}
	}
	return nil
}
