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

	"fovea/internal/disk"
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
// the files that had them. On file systems that have neither links nor exchange names (exFAT, some of FUSE) a file that
// was replaced by then stays so, and the error says which.
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

// Tests have others, as other file systems do.
var (
	link          = os.Link
	exchangeNames = disk.Exchange
)

// keepOld gives the file that will be replaced a second name, and notes if there is none.
func (f *File) keepOld() error {
	if !f.Staged() {
		return nil
	}
	err := link(f.final, filepath.Join(f.place.dir, oldName))
	switch {
	case err == nil:
		f.old = filepath.Join(f.place.dir, oldName)
	case errors.Is(err, fs.ErrNotExist):
		f.added = true
	case errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT):
		return err
	default: // not all file systems have links, nor may every file be linked
		f.unlinked = true
	}
	return nil
}

// exchange exchanges the names of the new file and the old one, if the file system can and it is a file.
func (f *File) exchange() bool {
	if exchangeNames(f.File.Name(), f.final) != nil {
		return false
	}
	switch old, err := os.Lstat(f.File.Name()); {
	case err != nil: // some file systems replace, instead of exchanging the two
	case old.Mode().IsRegular():
		f.old = f.File.Name()
	default: // what has come there meanwhile
		return exchangeNames(f.File.Name(), f.final) != nil
	}
	return true
}

// undo gives the name back.
func (f *File) undo() error {
	switch {
	case !f.Staged():
		return nil
	case f.old != "":
		return os.Rename(f.old, f.final)
	case f.added:
		return os.Remove(f.final)
	}
	return errReplaced
}

// errReplaced is of a file that has its name, unlike others that belong to it.
var errReplaced = errors.New("it has been replaced already, which this file system cannot undo, so that it does not fit the others: run the command again")

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
