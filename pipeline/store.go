package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"
)

// File is a file that is open for reading.
type File interface {
	io.Reader
	io.ReaderAt
	io.Seeker
	io.Closer
	Size() int64
}

// Store holds images outside the file system: a bucket of an object store, or the part of it below
// a name. It may be used by several goroutines.
type Store interface {
	// Files visits the files in any order. An error of visit is returned as it is.
	Files(ctx context.Context, visit func(StoredFile) error) error
	// Open opens a file by its Name. A missing file is fs.ErrNotExist; any other error, including
	// those of reading, means that the store does not answer.
	Open(ctx context.Context, file StoredFile) (File, error)
}

// StoredFile is a file in a Store.
type StoredFile struct {
	// Name is the file's path below that of the store, slash-separated; URL is its full name.
	Name, URL string
	Size      int64
	Modified  time.Time
	// Version distinguishes this file from earlier and later ones of its name, if the store has versions.
	Version string
	// Key is for the use of the store.
	Key string
}

// StoreError is a failure of a store, a disk or the machine, not of an image. It ends the run, which
// can be resumed when the store answers again.
type StoreError struct{ Err error }

func (e *StoreError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *StoreError) Unwrap() error { return e.Err }

// stored is the location of an item in a store.
type stored struct {
	store Store
	file  StoredFile
}

func (s *stored) open(ctx context.Context) (File, error) {
	f, err := s.store.Open(ctx, s.file)
	switch {
	case err == nil:
		return storedFile{f}, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	return nil, &StoreError{err}
}

// storedFile marks the failures of its store, as opposed to those of decoding its bytes.
type storedFile struct{ File }

func (f storedFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	return n, storeError(err)
}

func (f storedFile) ReadAt(p []byte, at int64) (int, error) {
	n, err := f.File.ReadAt(p, at)
	return n, storeError(err)
}

func storeError(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return &StoreError{err}
}

// ofStore returns the *StoreError within an error, or nil.
func ofStore(err error) *StoreError {
	var failure *StoreError
	if errors.As(err, &failure) {
		return failure
	}
	return nil
}

// open opens the item's file.
func (i Item) open(ctx context.Context) (File, error) {
	if i.stored != nil {
		return i.stored.open(ctx)
	}
	return patiently(ctx, i.openFile)
}

// localFile is a file in the file system. Once it is open, all errors of reading it are the
// machine's.
type localFile struct {
	diskFile
	name string
	size int64
}

func (f localFile) Size() int64 { return f.size }

func (f localFile) Read(p []byte) (int, error) {
	n, err := f.diskFile.Read(p)
	return n, f.failed(err)
}

func (f localFile) ReadAt(p []byte, at int64) (int, error) {
	n, err := f.diskFile.ReadAt(p, at)
	return n, f.failed(err)
}

func (f localFile) failed(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return machineError("read", f.name, err)
}

// openFile opens the item's file in the file system.
func (i Item) openFile() (File, error) {
	info, err := disk.Stat(i.File) // first, because opening a pipe would wait for its writer
	switch {
	case errors.Is(err, fs.ErrPermission) || err != nil && !isOwn(err): // of a directory
		return nil, machineError("read", i.File, err)
	case err != nil:
		return nil, i.gone(cause(err))
	case !info.Mode().IsRegular():
		return nil, errors.New("not a regular file")
	}
	f, err := disk.Open(i.File)
	switch {
	case err == nil:
		return localFile{f, i.File, info.Size()}, nil
	case isOwn(err):
		return nil, i.gone(cause(err))
	}
	return nil, machineError("read", i.File, err)
}

// inStore lists the files of a store, as walker does for a directory.
func (l *lister) inStore(store Store, argument string) error {
	err := store.Files(l.ctx, func(f StoredFile) error {
		if strings.HasSuffix(f.Name, "/") || hidden(f.Name) { // some programs mark directories like that
			return nil
		}
		item := Item{Path: f.Name, File: f.URL, Argument: argument, stored: &stored{store, f}}
		known, err := l.source(item)
		switch {
		case errors.Is(err, ErrNoPictures): // a table of something else
			l.Skipped++
			return nil
		case err != nil || known:
			return err
		}
		v, err := item.judge(l.ctx)
		switch {
		case err != nil:
			return err
		case v.picture:
			l.Items = append(l.Items, item)
		default:
			l.pass(f.Name, v)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("pipeline: %w", err) // which names the store
	}
	return nil
}

// asStoreError returns the error if it is a *StoreError, otherwise nil.
func asStoreError(err error) error {
	if failure := ofStore(err); failure != nil {
		return failure
	}
	return nil
}
