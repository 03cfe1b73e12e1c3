package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"fovea/picture"
)

// Source is a file that contains many images. A Source is for one goroutine at a time, but several
// Contents may be open. Sources are compared by ==.
type Source interface {
	// List visits the images in order, each with its Index, its Path within the source, which
	// need not be unique, the Label that the source has for it, if any, and whether it knows labels; all other fields
	// are ignored. A Path that begins with # is a part of the file, such as a frame, rather than a file in it. others are
	// the other files in the source. Damage ends the list with an error, but the images visited so
	// far count. ErrNoPictures means that the file is not meant to contain images, ErrOneImage that it
	// is an image itself. An error of visit is returned unchanged.
	List(ctx context.Context, visit func(Item) error) (others Others, err error)
	// Open starts reading the images from the source's file, which is open. Closing the Contents
	// closes it, and so does an error.
	Open(ctx context.Context, file File) (Contents, error)
}

// Contents reads images of a source, in order, skipping those that are not requested. It is for one
// goroutine.
type Contents interface {
	// Picture returns an image's bytes and their number, valid until the next call.
	Picture(item Item) (content io.Reader, size int64, err error)
	Close() error
}

// FactsContents are Contents of parts of a file, of which what the file says holds.
type FactsContents interface {
	Contents
	// Facts are those of the image that was read last.
	Facts(item Item) (picture.Facts, error)
}

// Opener recognizes sources by their file name and returns nil for all other files. An error means
// that the file is a source that cannot be read, and says what to do.
type Opener func(file string, open OpenFunc) (Source, error)

// ErrOneImage means that a file is not a Source but an image.
var ErrOneImage = errors.New("an image by itself")

// OpenFunc opens the file of a Source for listing. It may be called several times.
type OpenFunc func(context.Context) (File, error)

// source lists the images in holder, if one of the openers recognizes that file. Errors become
// failures, except ErrNoPictures.
func (l *lister) source(holder Item) (known bool, err error) {
	holder.listed = &watch{}
	for _, open := range l.openers {
		source, err := open(holder.File, holder.openToList)
		if err != nil {
			l.fail(holder, err)
			return true, nil
		}
		if source == nil {
			continue
		}
		if err := l.contents(source, holder); !errors.Is(err, ErrOneImage) {
			return true, err
		}
	}
	return false, nil
}

func (l *lister) contents(source Source, holder Item) error {
	taken := map[string]int{}
	others, err := source.List(l.ctx, func(item Item) error {
		if item.Label != "" {
			l.Labeled++
		}
		name := unused(taken, item.Path)
		path, number := holder.Path+"/"+name, len(name)-len(item.Path)
		if strings.HasPrefix(name, "#") {
			path, number = holder.Path+name, len(name)
		}
		l.Items = append(l.Items, Item{
			Path: path, number: number, within: holder.Path, root: holder.root, stored: holder.stored, listed: holder.listed,
			File: holder.File, Argument: holder.Argument, Label: item.Label, Labelled: item.Labelled, Source: source, Index: item.Index,
		})
		return context.Cause(l.ctx)
	})
	l.add(holder.Path+"/", others)
	switch {
	case l.ctx.Err() != nil:
		return context.Cause(l.ctx)
	case errors.Is(err, ErrNoPictures), errors.Is(err, ErrOneImage):
		return err
	case ofStore(err) != nil:
		return ofStore(err)
	case err != nil:
		l.fail(holder, err)
	}
	return nil
}

// unused returns the name if it is not taken, otherwise the name with a number: x.jpg#2.
func unused(taken map[string]int, name string) string {
	unique := name
	for taken[unique] > 0 {
		taken[name]++
		unique = fmt.Sprintf("%s#%d", name, taken[name])
	}
	taken[unique]++
	return unique
}

func (l *lister) fail(item Item, err error) {
	l.Failures = append(l.Failures, Failure{Item: item, Stage: StageList, Reason: cause(err).Error()})
}

// compareItems is the order of the results: bytewise by path, with the images of a source together,
// in the order of the source.
func compareItems(a, b Item) int {
	return cmp.Or(cmp.Compare(a.key(), b.key()), cmp.Compare(a.Index, b.Index))
}

func (i Item) key() string { return cmp.Or(i.within, i.Path) }

func tooLarge(size int64) error {
	return fmt.Errorf("%d MB are too many for an image, the limit is %d MB: scale it down", size>>20, picture.MaxFileBytes>>20)
}

// readContent reads an image of the given size.
func readContent(r io.Reader, size int64) ([]byte, error) {
	if size > picture.MaxFileBytes {
		return nil, tooLarge(size)
	}
	if size < 0 {
		return nil, errors.New("its size is negative: the archive is damaged")
	}
	// The buffer grows as bytes arrive, because the size is only what the file claims.
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

// sequence reads the images of sources one after another, with one source open at a time.
type sequence struct {
	source   Source
	contents Contents
	watch    watch // of the source's file
	err      error // of opening the source
}

// read passes an image's bytes to use, which must not keep them.
func (s *sequence) read(ctx context.Context, item Item, use func(r io.Reader, size int64) error) error {
	if s.source != item.Source {
		s.close()
		s.source = item.Source
		s.err = s.open(ctx, item)
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

// open opens the file of the item's source.
func (s *sequence) open(ctx context.Context, item Item) error {
	f, err := item.open(ctx)
	if err != nil {
		return err
	}
	if s.watch, err = item.watchListed(f); err != nil {
		return errors.Join(err, f.Close())
	}
	s.contents, err = item.Source.Open(ctx, f)
	return err
}

// readSeen is read, and returns what identifies the source's file. If the file changes meanwhile,
// undo reverts what use has done, so that the file is opened and read again, unless it is no longer
// what was listed.
func (s *sequence) readSeen(ctx context.Context, item Item, use func(r io.Reader, size int64) error, undo func()) (Seen, error) {
	for attempt := 1; ; attempt++ {
		err := s.read(ctx, item, use)
		if s.contents == nil {
			return Seen{}, err
		}
		seen, changing := s.watch.end()
		if changing == nil {
			return seen, err
		}
		if err == nil {
			undo()
		}
		s.close()
		if err := awaitReread(ctx, attempt); err != nil {
			s.source, s.err = item.Source, err // later images in it would fail in the same way
			return Seen{}, err
		}
	}
}

func (s *sequence) close() {
	if s.contents != nil {
		_ = s.contents.Close() // opened for reading
	}
	*s = sequence{}
}
