package output

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// File is a file being written, which gets its name by Commit.
type File struct {
	*os.File
	// name is what the caller called it, final where it leads, "" for a stream.
	name, final string
	place       *place
	// before is the file that will be replaced, nil for none.
	before fs.FileInfo
	closed bool
}

// Create begins a file. The caller ends it with Commit or Discard.
func Create(name string) (*File, error) {
	f, err := create(name)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", name, plain(err))
	}
	return f, nil
}

// Stdout is the standard output as a File.
func Stdout() *File { return &File{File: os.Stdout, name: "the standard output"} }

func create(name string) (*File, error) {
	final, err := Target(name)
	if err != nil {
		return nil, err
	}
	if direct, err := stream(final); err != nil || direct != nil {
		return &File{File: direct, name: name}, err
	}
	if insideDataset(final) {
		return nil, errors.New("it is a dataset's own file, or would lie among them: choose another name")
	}
	f := &File{name: name, final: final}
	if f.before, err = replaceable(final); err != nil {
		return nil, err
	}
	if f.place, err = claim(filepath.Dir(final), filepath.Base(final)); errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%w in %s, where it is written until it is complete: allow writing there, or choose another file", plain(err), filepath.Dir(final))
	} else if err != nil {
		return nil, err
	}
	f.File, err = os.OpenFile(filepath.Join(f.place.dir, filepath.Base(final)), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err == nil && f.before != nil {
		f.likeBefore()
	}
	if err != nil {
		f.place.remove()
		return nil, err
	}
	return f, nil
}

// insideDataset says whether a file would lie among a dataset's own.
func insideDataset(file string) bool {
	above := filepath.Dir(filepath.Dir(file))
	switch filepath.Base(filepath.Dir(file)) {
	case "data", ".fovea":
		_, err := os.Stat(filepath.Join(above, ".fovea", "manifest.json"))
		return err == nil
	}
	return false
}

// likeBefore gives the file the owner, if permitted, and the mode of the old one.
func (f *File) likeBefore() {
	if stat, ok := f.before.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(stat.Uid), int(stat.Gid)) // only root may, and who is of that group
	}
	_ = f.Chmod(f.before.Mode().Perm()) // not all file systems have modes
}

// Staged says that the file can be read under another name until Commit; streams have
// not.
func (f *File) Staged() bool { return f.place != nil }

// Commit puts the file on disk and gives it its name. If it fails, the name stays what it was, and
// Discard must still be called.
func (f *File) Commit() error {
	err := f.finish()
	if err == nil {
		err = f.rename()
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", f.name, plain(err))
	}
	return nil
}

// finish puts the content on disk.
func (f *File) finish() error {
	if f.closed {
		return fs.ErrClosed
	}
	var err error
	if f.Staged() {
		err = f.Sync()
	}
	f.closed = true
	return errors.Join(err, f.Close())
}

func (f *File) rename() error {
	if !f.Staged() {
		return nil
	}
	err := os.Rename(f.File.Name(), f.final)
	if errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("%w: something is mounted there, which cannot be replaced: choose another file", unix.EBUSY)
	} else if err != nil {
		return err
	}
	f.place.remove()
	return syncDir(filepath.Dir(f.final))
}

// Discard removes what was written, unless it already has its name.
func (f *File) Discard() {
	if !f.closed {
		f.closed = true
		_ = f.Close() // it goes away, or is a stream whose writes have told
	}
	f.place.remove()
}

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
// then they get them right after one another. The zero value is empty.
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

// Commit gives all of them their names.
func (f *Files) Commit() error {
	if err := f.each((*File).finish); err != nil {
		return err
	}
	defer f.alone()()
	return f.each((*File).rename)
}

func (f *Files) each(step func(*File) error) error {
	for _, file := range f.list {
		if err := step(file); err != nil {
			return fmt.Errorf("write %s: %w", file.name, plain(err))
		}
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

// plain leaves out the names of places, which mean nothing to users.
func plain(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}
