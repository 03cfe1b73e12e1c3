package imagetable

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"sort"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"

	"fovea/featurestore/internal/guard"
)

var (
	// ErrNoImages means that a valid Parquet file is not meant to hold images.
	ErrNoImages = errors.New("no column of images")
	// ErrCorrupt means that a file is damaged.
	ErrCorrupt = guard.ErrCorrupt
)

// errCompression means that a valid file cannot be decompressed.
var errCompression = errors.New("not read")

// Table is a Parquet file of images: one column holds the files, such as JPEG, others may hold
// names and labels. It is for one goroutine.
type Table struct {
	name   string
	closer io.Closer
	// file checks what Arrow reads; mem is Arrow's memory.
	file   *guard.Source
	reader *file.Reader
	mem    *guard.Allocator
	// starts are the numbers of the row groups' first rows, followed by the number of all rows.
	starts  []int64
	columns columns
	cells   cells
	// group is the row group being read, next its next row.
	group, next int64
	broken      error
}

// Row is an image without its bytes.
type Row struct {
	// Path is the image's name as a path without "..", of at most 4,096 bytes. An image without
	// a name has its row number, in eight digits.
	Path string
	// Label is empty if there is none. One of more than 1,024 bytes is cut after 1,025.
	Label string
	// LabelFault says why there is no label although the row has a value for it, "" otherwise.
	LabelFault string
}

const (
	maxPath  = 4096
	maxLabel = 1024
	// bufferBytes is how much of a file is read at once, apart from pages.
	bufferBytes = 256 << 10
	// listRows is the number of rows whose names and labels are read together.
	listRows = 1024
)

// File is what a table is read from.
type File interface {
	guard.ReadSeeker
	io.Closer
}

// Options say how a table is read.
type Options struct {
	// MaxMemory is how many bytes of memory reading it may take (default: as its size allows, 256 MiB and 16 times
	// the size, but not more than the machine has).
	MaxMemory int64
}

// Open begins to read a table. Close closes the file, as does an error; name names it in errors. A
// valid Parquet file of something else is ErrNoImages, a damaged one ErrCorrupt, and one that needs more memory
// than it may take budget.ErrMemory.
func Open(name string, f File, o Options) (*Table, error) {
	p, err := open(name, f, guard.Limited{Allocator: memory.DefaultAllocator, Most: o.MaxMemory})
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	p.closer = f
	return p, nil
}

func open(name string, r guard.ReadSeeker, mem memory.Allocator) (*Table, error) {
	p := &Table{name: name, group: -1, mem: &guard.Allocator{Allocator: mem}}
	err := guard.Call(func() error {
		size, err := r.Seek(0, io.SeekEnd)
		if err != nil {
			return err
		}
		p.mem.Memory = guard.Budget(mem, size)
		if p.file, err = guard.NewSource(r, size, p.mem.Memory); err != nil {
			return err
		}
		if p.reader, err = file.NewParquetReader(p.file, file.WithReadProps(parquet.NewReaderProperties(p.mem))); err != nil {
			return err
		}
		if err := p.file.Watch(p.reader); err != nil {
			return err
		}
		groups, err := guard.RowGroups(p.reader)
		if err != nil {
			return err
		}
		total := int64(0)
		for _, rows := range groups {
			p.starts = append(p.starts, total)
			total += rows
		}
		p.starts = append(p.starts, total)
		if total > size { // each becomes an item in memory
			return fmt.Errorf("%w: it claims %d rows in %d bytes", ErrCorrupt, total, size)
		}
		if p.columns, err = findColumns(p.reader.MetaData()); err != nil {
			return err
		}
		return p.columns.checkCompression(p.reader.MetaData())
	})
	if err != nil {
		return nil, p.damaged("open", err)
	}
	return p, nil
}

// damaged names the file in an error, and marks it as ErrCorrupt unless it is of another kind.
func (p *Table) damaged(verb string, err error) error {
	return fmt.Errorf("imagetable: %s %q: %w", verb, p.name, guard.Damaged(err, ErrNoImages, errCompression, context.Canceled))
}

// Rows is the number of images.
func (p *Table) Rows() int { return int(p.starts[len(p.starts)-1]) }

// List visits the images in order. It reads names and labels, not the images themselves. An error
// of visit ends it and is returned unchanged; damage ends it with ErrCorrupt.
func (p *Table) List(ctx context.Context, visit func(Row) error) error {
	for group := range p.starts[1:] {
		rows := int(p.starts[group+1] - p.starts[group])
		var own visitError
		p.reset()
		err := guard.Call(func() error { return p.listGroup(ctx, group, rows, visit) })
		switch {
		case errors.As(err, &own):
			return own.error
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return p.damaged("list", err)
		}
	}
	return nil
}

func (p *Table) listGroup(ctx context.Context, group, rows int, visit func(Row) error) error {
	paths, err := p.texts(group, p.columns.path)
	if err != nil {
		return err
	}
	labels, err := p.texts(group, p.columns.label)
	if err != nil {
		return err
	}
	for at := 0; at < rows; at += listRows {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		n := min(listRows, rows-at)
		names, err := paths(n)
		if err != nil {
			return err
		}
		classes, err := labels(n)
		if err != nil {
			return err
		}
		for i := range n {
			row := Row{Path: path.Clean("/" + names[i])[1:]}
			row.Label, row.LabelFault = p.columns.labelOf(classes[i])
			if row.Path == "" || len(row.Path) > maxPath {
				row.Path = fmt.Sprintf("%08d", p.starts[group]+int64(at+i))
			}
			if err := visit(row); err != nil {
				return visitError{err}
			}
		}
	}
	return nil
}

// reset gives back the memory of a row group that was read.
func (p *Table) reset() {
	p.file.Done()
	p.mem.Reset()
}

// texts returns a function that reads the next n values of a leaf, "" for nulls. Leaf -1 has no
// values.
func (p *Table) texts(group, leaf int) (func(n int) ([]string, error), error) {
	if leaf < 0 {
		return func(n int) ([]string, error) { return make([]string, n), nil }, nil
	}
	column, err := p.openColumn(group, leaf)
	if err != nil {
		return nil, err
	}
	return func(n int) ([]string, error) { return readTexts(column, n) }, nil
}

// Read returns an image's file, valid until the next call. Rows are numbered from 0 and must be
// read in ascending order. It holds one page of the file in memory, compressed and uncompressed:
// about a megabyte in files by Polars and Hugging Face datasets, and 1,024 images in files by
// pyarrow unless it was told otherwise (write_batch_size).
func (p *Table) Read(row int) ([]byte, error) {
	if row < 0 || row >= p.Rows() {
		return nil, fmt.Errorf("imagetable: read %q: it has %d rows, no row %d: it has changed since it was listed", p.name, p.Rows(), row)
	}
	var content []byte
	err := guard.Call(func() (err error) {
		content, err = p.cell(int64(row))
		return err
	})
	if err != nil {
		return nil, p.damaged("read", err)
	}
	if content == nil {
		return nil, fmt.Errorf("imagetable: read %q: row %d has no bytes: the image itself is not in the file", p.name, row)
	}
	return content, nil
}

// cell reads the bytes of a row, going on from the row that was read before.
func (p *Table) cell(row int64) ([]byte, error) {
	group := int64(sort.Search(len(p.starts)-1, func(i int) bool { return p.starts[i+1] > row }))
	if group != p.group {
		p.reset() // of the group before
		column, err := p.openColumn(int(group), p.columns.bytes)
		p.group, p.next, p.broken = group, p.starts[group], err
		p.cells = cells{column: column}
	}
	if p.broken != nil {
		return nil, p.broken
	}
	if row < p.next {
		return nil, fmt.Errorf("row %d was read after row %d", row, p.next-1)
	}
	p.broken = errors.New("its pages are damaged") // should Arrow panic
	for p.next < row {
		n, err := p.cells.skip(row - p.next)
		if err != nil {
			p.broken = err
			return nil, err
		}
		p.next += n
	}
	var content []byte
	content, p.broken = p.cells.bytes()
	p.next++
	return content, p.broken
}

// Close closes the file.
func (p *Table) Close() error {
	if p.closer == nil {
		return nil
	}
	return p.closer.Close()
}

// visitError is an error of the caller's visit.
type visitError struct{ error }

func (e visitError) Unwrap() error { return e.error }
