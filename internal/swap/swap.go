// Package swap puts a directory that is whole in the place of an older one, so that there is one of
// the two at any time, whatever fails.
package swap

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Replace gives next the name dir, in one step. What had that name is deleted after that; if there
// was nothing, next is renamed. Both must lie in the same file system, and next must be whole: its
// files are on disk before it gets the name. On an error the old directory is where it was.
func Replace(next, dir string) error {
	if err := Sync(next); err != nil {
		return fmt.Errorf("put %s on disk: %w", next, err)
	}
	err := os.Rename(next, dir)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.ENOTDIR) {
		if err = exchange(next, dir); err == nil {
			err = os.RemoveAll(next) // the old one
		}
	}
	if err != nil {
		return fmt.Errorf("replace %s: %w", dir, err)
	}
	return syncOne(filepath.Dir(dir))
}

// exchange swaps the two names. File systems that cannot do it in one step have the old directory
// set aside for a moment; it comes back if the new one cannot take its place.
func exchange(next, dir string) error {
	err := unix.Renameat2(unix.AT_FDCWD, next, unix.AT_FDCWD, dir, unix.RENAME_EXCHANGE)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	return exchangeInSteps(next, dir)
}

func exchangeInSteps(next, dir string) error {
	aside := next + ".old"
	if err := os.Rename(dir, aside); err != nil {
		return err
	}
	if err := os.Rename(next, dir); err != nil {
		return errors.Join(err, os.Rename(aside, dir))
	}
	return os.Rename(aside, next)
}

// Sync has the system put all files and directories under dir on disk.
func Sync(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !(entry.Type().IsRegular() || entry.IsDir()) {
			return err
		}
		return syncOne(path)
	})
}

func syncOne(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
