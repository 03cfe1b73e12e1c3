package output

import (
	"fmt"
	"os"
	"path/filepath"
)

// Dir is a directory for what is needed while a program runs.
type Dir struct {
	Path  string
	place *place
}

// TempDir makes a directory among the system's temporary files, which the next program that makes
// one of that name removes if this one is killed. Discard removes it.
func TempDir(name string) (*Dir, error) {
	p, err := claim(os.TempDir(), name)
	if err != nil {
		return nil, noTempDir(err)
	}
	d := &Dir{Path: filepath.Join(p.dir, name), place: p}
	if err := os.Mkdir(d.Path, 0o777); err != nil {
		p.remove()
		return nil, noTempDir(err)
	}
	return d, nil
}

func noTempDir(err error) error {
	return fmt.Errorf("make a temporary directory in %s: %w: set TMPDIR to a directory that can be written to", os.TempDir(), plain(err))
}

// Discard removes the directory.
func (d *Dir) Discard() { d.place.remove() }
