package output

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// Write writes a file, which gets its name if write returns no error.
func Write(name string, write func(io.Writer) error) error {
	var files Files
	defer files.Discard()
	if err := files.Write(name, write); err != nil {
		return err
	}
	return files.Commit()
}

// WriteFile writes a file with the given content.
func WriteFile(name string, content []byte) error { return Write(name, whole(content)) }

// whole writes the given content.
func whole(content []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	}
}

// Files are files that belong together: none gets its name before all are complete and on disk, and
// then they get them right after one another, or none does. The zero value is empty.
type Files struct{ list []*File }

// Write writes one of them.
func (f *Files) Write(name string, write func(io.Writer) error) error {
	file, err := Create(name)
	if err != nil {
		return err
	}
	f.list = append(f.list, file)
	if err := write(file); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// WriteFile writes one of them with the given content.
func (f *Files) WriteFile(name string, content []byte) error { return f.Write(name, whole(content)) }

// Commit gives all of them their names. If one cannot have it, such as on a full disk, the others give theirs back to
// the files that had them, as far as the file system has links.
func (f *Files) Commit() error {
	if err := f.each((*File).finish); err != nil {
		return err
	}
	defer f.alone()()
	if len(f.list) > 1 {
		if err := f.each((*File).keepOld); err != nil {
			return err
		}
	}
	for i, file := range f.list {
		if err := file.rename(); err != nil {
			err = file.explain(err)
			for _, named := range slices.Backward(f.list[:i]) {
				err = errors.Join(err, named.explain(named.undo()))
			}
			return err
		}
	}
	return f.each((*File).settle)
}

func (f *Files) each(step func(*File) error) error {
	for _, file := range f.list {
		if err := file.explain(step(file)); err != nil {
			return err
		}
	}
	return nil
}

// keepOld gives the file that will be replaced a second name, and notes if there is none.
func (f *File) keepOld() error {
	if !f.Staged() {
		return nil
	}
	err := os.Link(f.final, filepath.Join(f.place.dir, oldName))
	f.kept, f.added = err == nil, errors.Is(err, fs.ErrNotExist)
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return err
	}
	return nil // not all file systems have links, nor may every file be linked
}

// undo gives the name back.
func (f *File) undo() error {
	switch {
	case f.kept:
		return os.Rename(filepath.Join(f.place.dir, oldName), f.final)
	case f.added:
		return os.Remove(f.final)
	}
	return nil
}

// alone keeps other processes from naming files in the same directory until it is released, so that
// the files of two programs with the same names do not get mixed. It has no effect on file systems
// without locks.
func (f *Files) alone() (end func()) {
	if len(f.list) < 2 || !f.list[0].Staged() {
		return func() {}
	}
	dir, err := os.Open(filepath.Dir(f.list[0].final))
	if err != nil {
		return func() {}
	}
	_ = unix.Flock(int(dir.Fd()), unix.LOCK_EX)
	return func() { _ = dir.Close() } // which gives the lock up
}

// Discard removes those that have no names yet.
func (f *Files) Discard() {
	for _, file := range f.list {
		file.Discard()
	}
	f.list = nil
}
