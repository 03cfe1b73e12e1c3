package featurestore

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
	"golang.org/x/sync/errgroup"
)

// Table is one layer of a dataset in memory.
type Table struct {
	// Rows and Cols are the shape of Data.
	Rows, Cols int
	// Data are the vectors, row after row.
	Data []float32
	// Paths, Labels, Splits and SHA256 have an entry per row; a null is empty.
	Paths, Labels, Splits, SHA256 []string
}

// ErrEmpty says that a dataset has no rows.
var ErrEmpty = errors.New("the dataset has no rows")

// Matrix reads a layer of all rows into one matrix, and the columns that describe the rows.
// Other layers are not read. Values are copied once, a record at a time, from the decoded
// columns to their place; beyond the matrix only some records per CPU are in memory.
func (d *Dataset) Matrix(ctx context.Context, layer string) (*Table, error) {
	l, found := d.manifest.Recipe.Layer(layer)
	if !found {
		return nil, fmt.Errorf("featurestore: %s has no layer %q, only %s", d.dir, layer, strings.Join(d.manifest.Recipe.LayerNames(), ", "))
	}
	rows := d.Rows()
	if rows == 0 {
		return nil, fmt.Errorf("featurestore: %s: %w", d.dir, ErrEmpty)
	}
	t := &Table{Rows: rows, Cols: l.Size(), Data: make([]float32, rows*l.Size())}
	for _, field := range t.texts() {
		*field.values = make([]string, rows)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.NumCPU())
	start := 0
	for _, s := range d.shards {
		from := start
		start += s.rows
		group.Go(func() error { return t.fill(ctx, s, layer, from) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return t, nil
}

type textColumn struct {
	name   string
	values *[]string
}

func (t *Table) texts() []textColumn {
	return []textColumn{{"path", &t.Paths}, {"label", &t.Labels}, {"split", &t.Splits}, {"sha256", &t.SHA256}}
}

// fill reads a shard into the rows from start on.
func (t *Table) fill(ctx context.Context, s *shardReader, layer string, start int) error {
	columns := []string{layer}
	for _, field := range t.texts() {
		columns = append(columns, field.name)
	}
	end := start + s.rows
	err := s.records(ctx, columns, func(record arrow.Record) error {
		n := int(record.NumRows())
		if start+n > end {
			return fmt.Errorf("%w: it has more rows than its footer says", ErrFormat)
		}
		for _, field := range t.texts() {
			if err := texts((*field.values)[start:start+n], record, field.name); err != nil {
				return err
			}
		}
		err := vectors(t.Data[start*t.Cols:(start+n)*t.Cols], record, layer, t.Cols)
		start += n
		return err
	})
	if err == nil && start != end {
		err = fmt.Errorf("featurestore: %s: %w: it has %d rows fewer than its footer says", s.name, ErrFormat, end-start)
	}
	return err
}
