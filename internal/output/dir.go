package output

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"fovea/internal/swap"
)

// Dir is a directory in the making.
type Dir struct {
	// Path is the directory until it gets its name; its last part is the name's.
	Path  string
	name  string
	final string
	place *place
}

// NewDir begins a directory; those above it are made. Its caller ends with Commit or Replace, and
// Discard.
func NewDir(name string) (*Dir, error) {
	d, err := newDir(name)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", name, plain(err))
	}
	return d, nil
}

func newDir(name string) (*Dir, error) {
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(name)), 0o755); err != nil {
		return nil, err
	}
	final, err := target(name)
	if err != nil {
		return nil, err
	}
	p, err := claim(filepath.Dir(final), filepath.Base(final))
	if err != nil {
		return nil, err
	}
	d := &Dir{Path: filepath.Join(p.dir, filepath.Base(final)), name: name, final: final, place: p}
	if err := os.Mkdir(d.Path, 0o777); err != nil {
		p.remove()
		return nil, err
	}
	return d, nil
}

// Beside is a name beside the directory for what is needed while it is made, and removed with it.
func (d *Dir) Beside(name string) string { return filepath.Join(d.place.dir, ".beside-"+name) }

// Commit puts all on disk and gives the directory its name, which nothing but an empty directory
// may have.
func (d *Dir) Commit() error {
	err := swap.Sync(d.Path)
	if err == nil {
		err = unix.Rename(d.Path, d.final) // os.Rename refuses empty directories
	}
	if errors.Is(err, unix.EEXIST) || errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.ENOTDIR) {
		return fmt.Errorf("write %s: %w: name a new directory, or an empty one", d.name, fs.ErrExist)
	}
	if err == nil {
		err = syncDir(filepath.Dir(d.final))
	}
	return d.ended(err)
}

// Replace is Commit in the place of a directory that is there, which is removed.
func (d *Dir) Replace() error { return d.ended(swap.Replace(d.Path, d.final)) }

func (d *Dir) ended(err error) error {
	if err != nil {
		return fmt.Errorf("write %s: %w", d.name, plain(err))
	}
	d.place.remove()
	return nil
}

// Discard removes the directory, unless it has its name by now.
func (d *Dir) Discard() { d.place.remove() }

// TempDir makes a directory among the system's temporary files, which the next program that makes
// one of that name removes if this one is killed. Discard removes it.
func TempDir(name string) (*Dir, error) { return NewDir(filepath.Join(os.TempDir(), name)) }
