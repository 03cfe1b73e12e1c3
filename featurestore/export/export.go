package export

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"fovea/featurestore"
	"fovea/recipe"
)

// Format is a file format to export to.
type Format string

// Formats.
const (
	// CSV has the columns path, label, split, sha256, width, height and one per value, named
	// LAYER_0 and so on. Numbers have as many digits as it takes to read the same float32. Columns on request are after
	// height: group, and crs, x_min, y_min, x_max and y_max.
	CSV Format = "csv"
	// NPY is NumPy's array file, version 1.0: a matrix of float32 (float16 for a dataset of
	// float16), one row per image. It has no place for paths and labels: see Index.
	NPY Format = "npy"
	// LIBSVM is "LABEL INDEX:VALUE ...", labels by their number in alphabetical order, from 0, indices
	// from 1, without zeros. Every row needs a label.
	LIBSVM Format = "libsvm"
	// TFRecord holds a tf.train.Example per row, with the features path, label, split, sha256
	// (bytes), width, height (int64) and the layer's name (floats). A null label or split is an
	// absent feature. Columns on request are features of bytes, too; bounds as text, since its floats are of 32 bits.
	TFRecord Format = "tfrecord"
)

// Formats are all formats, in the order in which they are listed for users.
var Formats = []Format{CSV, NPY, LIBSVM, TFRecord}

// encoder writes rows in one format.
type encoder interface {
	// begin writes what precedes the rows.
	begin() error
	row(r *featurestore.Row, vector []float32) error
}

// Write writes one layer of the rows that the scan selects to w and returns their number. The
// scan's layers are ignored.
func Write(ctx context.Context, w io.Writer, d *featurestore.Dataset, layer recipe.Layer, scan featurestore.ScanOptions, format Format) (int, error) {
	buffer := bufio.NewWriterSize(w, 1<<20)
	e, err := newEncoder(ctx, buffer, d, layer, scan, format)
	if err != nil {
		return 0, err
	}
	if err := e.begin(); err != nil {
		return 0, fmt.Errorf("export: %w", err)
	}
	rows, size := 0, layer.Size()
	scan.Layers = []string{layer.Name}
	err = d.Scan(ctx, scan, func(b *featurestore.Batch) error {
		for i := range b.Rows {
			if err := e.row(&b.Rows[i], b.Vectors[0][i*size:(i+1)*size]); err != nil {
				return fmt.Errorf("export: row %q: %w", b.Rows[i].Path, err)
			}
		}
		rows += len(b.Rows)
		return nil
	})
	if err != nil {
		return rows, err
	}
	if err := buffer.Flush(); err != nil {
		return rows, fmt.Errorf("export: %w", err)
	}
	return rows, nil
}

func newEncoder(ctx context.Context, w *bufio.Writer, d *featurestore.Dataset, layer recipe.Layer, scan featurestore.ScanOptions, format Format) (encoder, error) {
	switch format {
	case CSV:
		return &csvEncoder{w: w, layer: layer, columns: columnsOf(d)}, nil
	case NPY:
		// The header, which comes first, states the number of rows.
		rows, err := countRows(ctx, d, scan)
		return &npyEncoder{w: w, rows: rows, cols: layer.Size(), dtype: d.Manifest().DType}, err
	case LIBSVM:
		numbers, err := labelNumbers(ctx, d)
		return &libsvmEncoder{w: w, numbers: numbers}, err
	case TFRecord:
		return &tfrecordEncoder{w: w, layer: layer.Name}, nil
	}
	return nil, fmt.Errorf("export: unknown format %q: use one of %v", format, Formats)
}

func countRows(ctx context.Context, d *featurestore.Dataset, scan featurestore.ScanOptions) (int, error) {
	if !scan.Selects() {
		return d.Rows(), nil
	}
	rows := 0
	scan.Layers = []string{}
	err := d.Scan(ctx, scan, func(b *featurestore.Batch) error { rows += len(b.Rows); return nil })
	return rows, err
}

// labelNumbers numbers the dataset's labels from 0 in alphabetical order, whichever rows are
// selected.
func labelNumbers(ctx context.Context, d *featurestore.Dataset) (map[string]int, error) {
	counts, err := d.Counts(ctx)
	if err != nil {
		return nil, err
	}
	delete(counts.Labels, "")
	numbers := map[string]int{}
	for i, label := range slices.Sorted(maps.Keys(counts.Labels)) {
		numbers[label] = i
	}
	return numbers, nil
}

// writeLabels writes labelNumbers as CSV: number,label.
func writeLabels(ctx context.Context, w io.Writer, d *featurestore.Dataset) error {
	numbers, err := labelNumbers(ctx, d)
	if err != nil {
		return err
	}
	buffer := bufio.NewWriter(w)
	fmt.Fprintln(buffer, "number,label")
	for i, label := range slices.Sorted(maps.Keys(numbers)) { // which is how they are numbered
		fmt.Fprintf(buffer, "%d,%s\n", i, quote(label))
	}
	return buffer.Flush()
}

// WriteIndex writes path, label, split, sha256, width, height and the columns on request of the rows that the scan selects
// as CSV, in the order of Write.
func WriteIndex(ctx context.Context, w io.Writer, d *featurestore.Dataset, scan featurestore.ScanOptions) error {
	buffer := bufio.NewWriter(w)
	columns := columnsOf(d)
	fmt.Fprintln(buffer, columns.header())
	scan.Layers = []string{}
	err := d.Scan(ctx, scan, func(b *featurestore.Batch) error {
		for i := range b.Rows {
			columns.write(buffer, &b.Rows[i])
			if err := buffer.WriteByte('\n'); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return buffer.Flush()
}
