package output

import (
	"errors"
	"fmt"
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
	// finished is what came of putting the content on disk, once the file is closed.
	closed   bool
	finished error
	// old is the second name of the file that is replaced, "" for none; added says that there is no such file, unlinked
	// that it can have no second name.
	old             string
	added, unlinked bool
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
	f.File, err = os.OpenFile(f.place.file(filepath.Base(final)), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
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
	if err == nil {
		err = f.settle()
	}
	return f.explain(err)
}

// Finish puts the content on disk, before something that should not happen unless it is there. Commit is still to be
// called, which then takes no more room.
func (f *File) Finish() error { return f.explain(f.finish()) }

// explain names the file in an error.
func (f *File) explain(err error) error {
	if err != nil {
		return fmt.Errorf("write %s: %w", f.name, plain(err))
	}
	return nil
}

// finish puts the content on disk, once.
func (f *File) finish() error {
	if f.closed {
		return f.finished
	}
	var err error
	if f.Staged() {
		err = f.Sync()
	}
	f.closed = true
	f.finished = errors.Join(err, f.Close())
	return f.finished
}

func (f *File) rename() error {
	if !f.Staged() {
		return nil
	}
	if f.unlinked && f.exchange() {
		return nil
	}
	err := os.Rename(f.File.Name(), f.final)
	if errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("%w: something is mounted there, which cannot be replaced: choose another file", unix.EBUSY)
	}
	return err
}

// settle gives up the place of a file that has its name, and puts the name on disk.
func (f *File) settle() error {
	if !f.Staged() {
		return nil
	}
	f.place.remove()
	return syncDir(filepath.Dir(f.final))
}

// Discard removes what was written, unless it already has its name.
func (f *File) Discard() {
	if !f.closed {
		f.closed, f.finished = true, fs.ErrClosed
		_ = f.Close() // it goes away, or is a stream whose writes have told
	}
	f.place.remove()
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
