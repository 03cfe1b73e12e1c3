package featurestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// replaceDataset has write make a dataset in a hidden directory beside dir, and then puts it
// into dir's place in one step: at any time, dir holds the old dataset, whole, or the new
// one. The old one is deleted after that.
func replaceDataset(dir string, overwrite bool, write func(dir string) error) error {
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved // the directory itself changes its place, not a link to it
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	exists, err := hasDataset(dir)
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o755)
	if exists {
		if !overwrite {
			return fmt.Errorf("%q %w: overwrite it, or choose another directory", dir, ErrExists)
		}
		if err := onlyOurs(dir); err != nil {
			return err
		}
		l, err := lock(dir)
		if err != nil {
			return err
		}
		defer l.release() //nolint:errcheck // the end of the process frees it, too
		if info, err := os.Stat(dir); err == nil {
			mode = info.Mode().Perm()
		}
	}
	beside := filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+".new")
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	err = write(beside)
	if err == nil {
		err = swap(beside, dir, exists, mode)
	}
	// Whichever is here now is not wanted: an unfinished new dataset, or the old one.
	return errors.Join(err, deleteDataset(beside))
}

// swap gives the dataset in beside the place dir, and what is there, if anything, the place
// beside.
func swap(beside, dir string, exists bool, mode fs.FileMode) error {
	if _, err := Open(beside); err != nil {
		return fmt.Errorf("the new dataset cannot be read, the old one stays: %w", err)
	}
	if err := os.Chmod(beside, mode); err != nil {
		return err
	}
	var err error
	if exists {
		err = unix.Renameat2(unix.AT_FDCWD, beside, unix.AT_FDCWD, dir, unix.RENAME_EXCHANGE)
	} else {
		for _, name := range []string{tempDir, lockFile, HiddenDir, dataDir, formerTemp, formerLock} { // of a writer killed at once
			_ = os.Remove(inDir(dir, name)) // what is not empty stops the renaming
		}
		err = os.Rename(beside, dir)
	}
	if err != nil {
		return fmt.Errorf("put the new dataset in the place of %q, which stays as it is: %w; write it to a new directory instead", dir, err)
	}
	return syncDir(filepath.Dir(dir))
}

// onlyOurs fails if a dataset's directory holds files of others, which replacing it would
// delete.
func onlyOurs(dir string) error {
	for _, part := range []struct {
		dir  string
		ours func(name string) bool
	}{
		{"", ours},
		{HiddenDir, oursHidden},
		{dataDir, func(name string) bool { _, _, ok := shardIndex(name); return ok }},
	} {
		entries, err := os.ReadDir(filepath.Join(dir, part.dir))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, e := range entries {
			if !part.ours(e.Name()) {
				return fmt.Errorf("%q holds %q, which is none of the dataset's files and would be deleted: move it away, or write to a new directory", dir, filepath.Join(part.dir, e.Name()))
			}
		}
	}
	return nil
}

// deleteDataset deletes a dataset's files and then its directory, if nothing else is in it.
func deleteDataset(dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if !strings.HasPrefix(filepath.Base(dir), ".") {
		return fmt.Errorf("%q is not deleted: its name is not that of a temporary dataset", dir)
	}
	if err := removeDataset(dir); err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(inDir(dir, tempDir)), removeFormer(dir)); err != nil {
		return err
	}
	for _, name := range []string{dataDir, ManifestFile, lockFile, HiddenDir, formerLock, ""} {
		if err := removeFile(inDir(dir, name)); err != nil {
			return err
		}
	}
	return nil
}
