package inputs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"fovea/featurestore/imagetable"
	"fovea/pipeline"
)

// openParquet is the pipeline.Opener of Parquet tables of images.
func (o Options) openParquet(file string, open pipeline.OpenFunc) (pipeline.Source, error) {
	if !strings.HasSuffix(strings.ToLower(file), ".parquet") {
		return nil, nil
	}
	return &parquetSource{file: file, open: open, options: imagetable.Options{MaxMemory: o.MaxMemory}}, nil
}

type parquetSource struct {
	file string
	open pipeline.OpenFunc

	options imagetable.Options
	// labelFault is imagetable.Table.LabelFault, once the table is listed.
	labelFault string
	// rowFaults are imagetable.Row.LabelFault of the rows that have one, by number.
	rowFaults map[int]string
}

// LabelFault and RowFault implement pipeline.LabelSource.
func (s *parquetSource) LabelFault() string { return s.labelFault }

func (s *parquetSource) RowFault(index int) string { return s.rowFaults[index] }

// table reads the table's footer.
func (s *parquetSource) table(f pipeline.File) (*imagetable.Table, *witness, error) {
	w := &witness{File: f}
	p, err := imagetable.Open(s.file, w, s.options)
	return p, w, w.explain(err)
}

// witness remembers a failure of the store that a table is read from, which the table's reader may
// mistake for damage.
type witness struct {
	pipeline.File
	failure atomic.Pointer[pipeline.StoreError]
}

func (w *witness) Read(p []byte) (int, error) {
	n, err := w.File.Read(p)
	return n, w.seen(err)
}

func (w *witness) ReadAt(p []byte, at int64) (int, error) {
	n, err := w.File.ReadAt(p, at)
	return n, w.seen(err)
}

func (w *witness) seen(err error) error {
	var failure *pipeline.StoreError
	if errors.As(err, &failure) {
		w.failure.CompareAndSwap(nil, failure)
	}
	return err
}

// explain returns the failure of the store, if there was one, or else the reader's error and what to
// do about it.
func (w *witness) explain(err error) error {
	if failure := w.failure.Load(); failure != nil {
		return failure
	}
	return withRemedy(err)
}

// List implements pipeline.Source.
func (s *parquetSource) List(ctx context.Context, visit func(pipeline.Item) error) (pipeline.Others, error) {
	f, err := s.open(ctx)
	if err != nil {
		return pipeline.Others{}, err
	}
	p, w, err := s.table(f)
	if errors.Is(err, imagetable.ErrNoImages) {
		return pipeline.Others{}, fmt.Errorf("%w: %w", pipeline.ErrNoPictures, err)
	} else if err != nil {
		return pipeline.Others{}, err
	}
	defer p.Close() // read-only
	s.labelFault, s.rowFaults = p.LabelFault(), map[int]string{}
	row, labelled := 0, p.HasLabels()
	return pipeline.Others{}, w.explain(p.List(ctx, func(r imagetable.Row) error {
		item := pipeline.Item{Path: r.Path, Label: r.Label, Labelled: labelled, Index: row}
		if r.LabelFault != "" {
			s.rowFaults[row] = r.LabelFault
		}
		row++
		return visit(item)
	}))
}

// withRemedy says what to do about a damaged table.
func withRemedy(err error) error {
	if errors.Is(err, imagetable.ErrCorrupt) {
		return fmt.Errorf("%w: copy or download it again", err)
	}
	return err
}

// Open implements pipeline.Source.
func (s *parquetSource) Open(_ context.Context, file pipeline.File) (pipeline.Contents, error) {
	p, w, err := s.table(file)
	if err != nil {
		return nil, err
	}
	return parquetContents{p, w}, nil
}

type parquetContents struct {
	*imagetable.Table
	file *witness
}

// Picture implements pipeline.Contents.
func (c parquetContents) Picture(item pipeline.Item) (io.Reader, int64, error) {
	data, err := c.Read(item.Index)
	return bytes.NewReader(data), int64(len(data)), c.file.explain(err)
}
