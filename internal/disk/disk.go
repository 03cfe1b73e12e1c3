package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Free is how many bytes anybody may still write to the file system of a directory.
func Free(dir string) (int64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, err
	}
	return int64(stat.Bavail) * int64(stat.Bsize), nil // they have other types on other systems
}

// Exchange exchanges the names of two files or directories in one step.
func Exchange(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}

// CannotExchange says whether an error of Exchange is that the file system cannot. Some of FUSE rename instead, which
// fails if there is a directory that is not empty.
func CannotExchange(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, unix.EINVAL) || errors.Is(err, fs.ErrExist)
}

// Sync flushes the content of a file, or the names in a directory, to disk.
func Sync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// MakeDir makes a directory, and those above it, with their names flushed to disk. It says whether
// the directory is new.
//
// Existing names are flushed as well: whoever made them may have been killed before that. So all
// names above the content of such a directory are on disk.
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
