package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// Source is a file that holds many pictures. Sources are for one goroutine at a time, except
// that several Contents may be open.
type Source interface {
	// List visits the pictures in their order, each with its Index and with a Path within
	// the source; further fields are ignored but for Label, the source's own. Damage ends the
	// list with an error, and what was visited before it counts. An error of visit is
	// returned as it is.
	List(ctx context.Context, visit func(Item) error) (skipped int, err error)
	// Open begins to read the pictures.
	Open(ctx context.Context) (Contents, error)
}

// Contents gives pictures of a source, in their order, those that are wanted. It is for one
// goroutine.
type Contents interface {
	// Picture is one picture's bytes and their number. It ends what was given before.
	Picture(item Item) (content io.Reader, size int64, err error)
	Close() error
}

// Opener recognises files of many pictures by their name; a nil Source is any other file.
type Opener func(file string) (Source, error)

// compareItems is the order of the results: by path, bytewise; the pictures of a source
// stand together, in their own order.
func compareItems(a, b Item) int {
	return cmp.Or(cmp.Compare(a.key(), b.key()), cmp.Compare(a.Index, b.Index))
}

func (i Item) key() string { return cmp.Or(i.within, i.Path) }

// maxFileBytes bounds what is read into memory for one picture.
const maxFileBytes = 512 << 20

func tooLarge(size int64) error {
	return fmt.Errorf("%d MB are too many for a picture: the limit is %d MB", size>>20, maxFileBytes>>20)
}

// readContent reads a picture of the given size.
func readContent(r io.Reader, size int64) ([]byte, error) {
	if size > maxFileBytes {
		return nil, tooLarge(size)
	}
	if size < 0 {
		return nil, errors.New("its size is negative: the archive is damaged")
	}
	// Grown as bytes come, since the size is what a file claims.
	data := make([]byte, 0, min(size, 16<<20))
	for int64(len(data)) < size {
		if len(data) == cap(data) {
			data = append(make([]byte, 0, min(size, 2*int64(cap(data)))), data...)
		}
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if errors.Is(err, io.EOF) && int64(len(data)) < size {
			return nil, fmt.Errorf("it ends after %d of %d bytes: %w", len(data), size, io.ErrUnexpectedEOF)
		} else if err != nil && !errors.Is(err, io.EOF) {
			return nil, cause(err)
		}
	}
	return data, nil
}

// openFile opens a file of its own.
func openFile(name string) (*os.File, int64, error) {
	info, err := os.Stat(name) // before it is opened: a pipe would wait for its writer
	if err != nil {
		return nil, 0, cause(err)
	}
	if !info.Mode().IsRegular() {
		return nil, 0, errors.New("not a regular file")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, cause(err)
	}
	return f, info.Size(), nil
}

// sequence reads the pictures of sources one after another, with one source open at a time.
type sequence struct {
	source   Source
	contents Contents
	err      error // of opening the source
}

// read hands a picture's bytes to use, which must be done with them when it returns.
func (s *sequence) read(ctx context.Context, item Item, use func(r io.Reader, size int64) error) error {
	if s.source != item.Source {
		s.close()
		s.source = item.Source
		s.contents, s.err = item.Source.Open(ctx)
	}
	if s.err != nil {
		return s.err
	}
	r, size, err := s.contents.Picture(item)
	if err != nil {
		return err
	}
	return use(r, size)
}

func (s *sequence) close() {
	if s.contents != nil {
		_ = s.contents.Close() // opened for reading
	}
	s.source, s.contents, s.err = nil, nil, nil
}
