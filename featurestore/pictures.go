package featurestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"sort"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"
)

// ErrNoPictures marks a Parquet file that is not meant to hold pictures.
var ErrNoPictures = errors.New("no column of images")

// errCompression marks a valid file that cannot be unpacked.
var errCompression = errors.New("not read")

// Pictures is a Parquet file of pictures: one column holds files of JPEG and the like, others
// may hold names and labels. It is for one goroutine.
//
// The pictures are in a column of bytes, or in the field "bytes" of a struct, which is how
// Hugging Face datasets stores them; that struct's "path", or else a column of texts named
// path, file_name, filename, __key__ or key, names them. Labels are in a column label, labels,
// cls or class of texts, integers or booleans; integers become the names that Hugging Face's
// metadata gives them.
type Pictures struct {
	name   string
	file   io.Closer
	reader *file.Reader
	mem    memory.Allocator
	// starts are the numbers of the row groups' first rows, and of all rows.
	starts  []int64
	columns pictureColumns
	cells   cells
	// group is the row group that is being read, next its next row.
	group, next int64
	broken      error
}

// PictureRow is a picture without its bytes.
type PictureRow struct {
	// Path is the picture's name as a path without "..", of at most 4,096 bytes; where there
	// is none it is the number of the row, of eight digits.
	Path string
	// Label is empty where there is none, or one of more than 1,024 bytes.
	Label string
}

const (
	maxPicturePath  = 4096
	maxPictureLabel = 1024
	// picturesBuffer is what is read of a file at a time, pages excepted.
	picturesBuffer = 256 << 10
	// listRows is the number of rows whose names and labels are read together.
	listRows = 1024
)

// OpenPictures opens a Parquet file of pictures. A valid one of something else is
// ErrNoPictures, a damaged one ErrCorrupt.
func OpenPictures(name string) (*Pictures, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("featurestore: open %q: %w", name, err)
	}
	return ReadPictures(name, f)
}

// PicturesFile is what a Parquet file of pictures is read from.
type PicturesFile interface {
	readSeeker
	io.Closer
}

// ReadPictures is OpenPictures for a file that is open, and that Close closes; name names it in
// errors.
func ReadPictures(name string, f PicturesFile) (*Pictures, error) {
	p, err := openPictures(name, f, memory.DefaultAllocator)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	p.file = f
	return p, nil
}

func openPictures(name string, r readSeeker, mem memory.Allocator) (*Pictures, error) {
	p := &Pictures{name: name, group: -1, mem: &boundedAllocator{mem, maxParquetBuffer}}
	err := guard(func() error {
		size, err := r.Seek(0, io.SeekEnd)
		if err != nil {
			return err
		}
		properties := parquet.NewReaderProperties(p.mem)
		// Else a column of a row group would be read at once, which here may be gigabytes.
		properties.BufferedStreamEnabled, properties.BufferSize = true, picturesBuffer
		if p.reader, err = file.NewParquetReader(r, file.WithReadProps(properties)); err != nil {
			return err
		}
		groups, err := (&parquetSource{reader: p.reader}).groups()
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
		if p.columns, err = findPictureColumns(p.reader.MetaData()); err != nil {
			return err
		}
		return p.columns.checkCompression(p.reader.MetaData())
	})
	if err != nil {
		return nil, p.damaged("open", err)
	}
	return p, nil
}

func (p *Pictures) damaged(verb string, err error) error {
	return fmt.Errorf("featurestore: %s %q: %w", verb, p.name, damaged(err, ErrNoPictures, errCompression, context.Canceled))
}

// Rows is the number of pictures.
func (p *Pictures) Rows() int { return int(p.starts[len(p.starts)-1]) }

// List visits the pictures in their order. It reads names and labels, not the pictures. An
// error of visit ends it and is returned as it is; damage ends it with ErrCorrupt.
func (p *Pictures) List(ctx context.Context, visit func(PictureRow) error) error {
	for group := range p.starts[1:] {
		rows := int(p.starts[group+1] - p.starts[group])
		var own visitError
		err := guard(func() error { return p.listGroup(ctx, group, rows, visit) })
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

func (p *Pictures) listGroup(ctx context.Context, group, rows int, visit func(PictureRow) error) error {
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
			row := PictureRow{Path: path.Clean("/" + names[i])[1:], Label: p.columns.labelOf(classes[i])}
			if row.Path == "" || len(row.Path) > maxPicturePath {
				row.Path = fmt.Sprintf("%08d", p.starts[group]+int64(at+i))
			}
			if err := visit(row); err != nil {
				return visitError{err}
			}
		}
	}
	return nil
}

// texts gives the values of a leaf, -1 for none, some at a time: "" for those that are absent.
func (p *Pictures) texts(group, leaf int) (func(n int) ([]string, error), error) {
	if leaf < 0 {
		return func(n int) ([]string, error) { return make([]string, n), nil }, nil
	}
	column, err := openColumn(p.reader, group, leaf, p.mem)
	if err != nil {
		return nil, err
	}
	return func(n int) ([]string, error) { return readTexts(column, n) }, nil
}

// Read returns a picture's file, valid until the next call. Rows are numbered from 0 and must
// be asked for in ascending order. It holds a page of the file in memory, compressed and
// not: about a megabyte where Polars or Hugging Face datasets wrote it, and 1,024 pictures
// where pyarrow did, unless told otherwise (write_batch_size).
func (p *Pictures) Read(row int) ([]byte, error) {
	if row < 0 || row >= p.Rows() {
		return nil, fmt.Errorf("featurestore: read %q: it has %d rows, no row %d: it has changed since it was listed", p.name, p.Rows(), row)
	}
	var content []byte
	err := guard(func() error {
		at := int64(row)
		group := int64(sort.Search(len(p.starts)-1, func(i int) bool { return p.starts[i+1] > at }))
		if group != p.group {
			column, err := openColumn(p.reader, int(group), p.columns.bytes, p.mem)
			p.group, p.next, p.broken = group, p.starts[group], err
			p.cells = cells{column: column}
		}
		if p.broken != nil {
			return p.broken
		}
		if at < p.next {
			return fmt.Errorf("row %d was asked for after row %d", row, p.next-1)
		}
		p.broken = errors.New("its pages are damaged") // should Arrow panic
		for p.next < at {
			n, err := p.cells.skip(at - p.next)
			if err != nil {
				p.broken = err
				return err
			}
			p.next += n
		}
		var err error
		content, err = p.cells.bytes()
		p.next++
		p.broken = err
		return err
	})
	if err != nil {
		return nil, p.damaged("read", err)
	}
	if content == nil {
		return nil, fmt.Errorf("featurestore: read %q: row %d has no bytes: the image itself is not in the file", p.name, row)
	}
	return content, nil
}

// Close closes the file.
func (p *Pictures) Close() error {
	if p.file == nil {
		return nil
	}
	return p.file.Close()
}
