package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Sync puts the content of a file on disk, or the names in a directory.
func Sync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// MakeDir makes a directory, and those above it, so that their names are on disk. It says whether
// the directory is new.
//
// Names are put on disk even if they are there already: who made them may have been killed before
// that. So all names above whatever is in a directory that was made here are on disk.
func MakeDir(dir string) (made bool, err error) {
	err = os.Mkdir(dir, 0o755)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := MakeDir(filepath.Dir(dir)); err != nil {
			return false, err
		}
		err = os.Mkdir(dir, 0o755)
	}
	if err != nil {
		if info, statErr := os.Stat(dir); statErr != nil || !info.IsDir() {
			return false, err
		}
	}
	return err == nil, syncName(dir)
}

// syncName puts the name of a directory on disk, where that can be done: the directory above it may
// belong to others, who let nobody read it, or be of another file system, which cannot.
func syncName(dir string) error {
	err := Sync(filepath.Dir(dir))
	for _, cannot := range []error{fs.ErrPermission, unix.EINVAL, unix.ENOTSUP, unix.EROFS} {
		if errors.Is(err, cannot) {
			return nil
		}
	}
	return err
}
