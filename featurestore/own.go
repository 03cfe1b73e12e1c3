package featurestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"fovea/internal/disk"
)

// at is called at the points where what a writer has done so far can be seen by others. Tests stop
// or kill it there.
var at = func(point string) {}

// own makes the caller the only one who may write to dir, which is made if need be, and to all that
// belongs to it: the dataset that is made beside it or in it, and temporary files. What a writer has
// left in it that is dead is finished or removed; what is left beside it, when the place is needed. Whoever is refused, by ErrLocked, has changed nothing.
//
// The package's documentation has a table of what the lock protects.
func own(dir string) (*dirLock, error) {
	dir, err := realPath(dir)
	if err != nil {
		return nil, err
	}
	at("checked")
	l, err := lock(dir)
	if err != nil {
		return nil, err
	}
	at("owned")
	err = errors.Join(finishInstall(dir), os.RemoveAll(inDir(dir, nextDir)))
	if err != nil {
		return nil, errors.Join(err, l.release())
	}
	return l, nil
}

// realPath is the directory itself, which changes its place, and not a link to it.
func realPath(dir string) (string, error) {
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	return filepath.Abs(dir)
}

// besideOf is where a new dataset for dir is made. Only the owner of dir may touch it.
func besideOf(dir string) string {
	return filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+".new")
}

// removeBeside removes what a dead writer has left beside the directory: a new dataset that is not
// finished, or an old one that was replaced.
func removeBeside(dir string) error {
	beside := besideOf(dir)
	if _, err := os.Lstat(beside); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := onlyOurs(beside); err != nil {
		return err
	}
	// Earlier versions lock the dataset that they make, and not the directory that it is for.
	l, err := lock(beside)
	if err != nil {
		return err
	}
	if err := l.release(); err != nil {
		return err
	}
	return deleteDataset(beside)
}

// place finds where to make the dataset that is to replace the owner's: beside the directory, or in
// it where that is another file system, as at a mount point, or may not be written to.
func (l *dirLock) place() (string, error) {
	if err := removeBeside(l.dir); err != nil && !errors.Is(err, fs.ErrPermission) {
		return "", err
	}
	beside, inside := besideOf(l.dir), inDir(l.dir, nextDir)
	err := os.Mkdir(beside, 0o755)
	if err == nil {
		// What can be renamed into the directory is in the same file system, and not only by its number.
		if err = os.Rename(beside, inside); err == nil {
			return beside, os.Remove(inside)
		}
		if err := os.Remove(beside); err != nil {
			return "", err
		}
	}
	if crossing(err) || errors.Is(err, fs.ErrPermission) {
		return inside, nil
	}
	return "", err
}

// isInside tells whether a dataset is made in the directory that it is for.
func isInside(next string) bool { return filepath.Base(next) == filepath.Base(nextDir) }

// showShards gives the shards of a dataset that was made inside their names. Until then they have
// others, so that patterns such as DIR/**/*.parquet do not find them beside those of the old dataset.
func showShards(next string) error {
	entries, err := os.ReadDir(inDir(next, dataDir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		unseen := filepath.Join(next, dataDir, e.Name())
		if name, ok := strings.CutSuffix(unseen, tempSuffix); ok {
			if err := os.Rename(unseen, name); err != nil {
				return err
			}
		}
	}
	return disk.Sync(inDir(next, dataDir))
}

// removeNext removes a dataset that was made in such a place, or that has come there.
func removeNext(next string) error {
	if isInside(next) {
		return os.RemoveAll(next)
	}
	return deleteDataset(next)
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
	hidden, err := os.ReadDir(inDir(dir, HiddenDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range hidden { // the manifest is the last to go: it says whose the others are
		if name := path.Join(HiddenDir, e.Name()); oursHidden(e.Name()) && name != ManifestFile && name != lockFile {
			if err := os.RemoveAll(inDir(dir, name)); err != nil {
				return err
			}
		}
	}
	if err := removeFormer(dir); err != nil {
		return err
	}
	for _, name := range []string{dataDir, ManifestFile, lockFile, HiddenDir, formerLock, ""} {
		if err := removeFile(inDir(dir, name)); err != nil {
			return err
		}
	}
	return nil
}
