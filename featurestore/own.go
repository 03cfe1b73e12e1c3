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

// at is called at the points where others can see what a writer has done so far. Tests stop or kill
// the process there.
var at = func(point string) {}

// own makes the caller the only writer of dir, which it creates if necessary, and of everything that
// belongs to it: a dataset being built beside or in it, and temporary files. It completes or removes
// what a dead writer left in dir; what it left beside dir is removed when the place is needed. A caller
// that gets ErrLocked has changed nothing.
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

// realPath resolves links: the directory itself is what moves.
func realPath(dir string) (string, error) {
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	return filepath.Abs(dir)
}

// besideOf is where a new dataset for dir is built. Only the owner of dir may touch it.
func besideOf(dir string) string {
	return filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+".new")
}

// removeBeside removes what a dead writer left beside the directory: an unfinished new dataset, or an
// old one that was replaced.
func removeBeside(dir string) error {
	beside := besideOf(dir)
	if _, err := os.Lstat(beside); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := onlyOurs(beside); err != nil {
		return err
	}
	// Earlier versions lock the dataset that they build, not the directory that it is for.
	l, err := lock(beside)
	if err != nil {
		return err
	}
	if err := l.release(); err != nil {
		return err
	}
	return deleteDataset(beside)
}

// place decides where to build the dataset that will replace the owner's: beside the directory, or in
// it if the place beside is not writable or on another file system, as at a mount point.
func (l *dirLock) place() (string, error) {
	if err := removeBeside(l.dir); err != nil && !errors.Is(err, fs.ErrPermission) {
		return "", err
	}
	return near(besideOf(l.dir), inDir(l.dir, nextDir))
}

// Suffixes of the names of directories in which updates make new rows, and vectors for new columns.
const (
	syncSuffix = "sync"
	addSuffix  = "add"
)

// stagingOf is where an update of dir makes what is new. Only the owner of dir may touch it.
func stagingOf(dir, suffix string) string {
	return filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+"."+suffix)
}

// stage decides where to make what is new, like place. What an earlier update left there stays.
func (l *dirLock) stage(suffix string) (string, error) {
	beside, inside := stagingOf(l.dir, suffix), inDir(l.dir, HiddenDir+"/"+suffix)
	for _, there := range []string{beside, inside} {
		if _, err := os.Lstat(there); err == nil {
			return there, nil
		}
	}
	return near(beside, inside)
}

// near chooses a place beside a directory, or inside it if that is not writable or on another file system.
func near(beside, inside string) (string, error) {
	err := os.Mkdir(beside, 0o755)
	if err == nil {
		// Only a rename shows that both are on the same file system: equal device numbers do not.
		if err = os.Rename(beside, inside); err == nil {
			// On disk, too: the inner place must not come back, after a loss of power, when the outer one is in use.
			return beside, errors.Join(os.Remove(inside), disk.Sync(filepath.Dir(inside)))
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

// isInside reports whether a dataset is being built in the directory that it is for.
func isInside(next string) bool { return filepath.Base(next) == filepath.Base(nextDir) }

// showShards gives the shards of a dataset that was built inside the directory their final names. Until
// then, patterns such as DIR/**/*.parquet must not match them besides those of the old dataset.
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

// removeNext removes a dataset that was built in such a place, or moved there.
func removeNext(next string) error {
	if isInside(next) {
		return os.RemoveAll(next)
	}
	return deleteDataset(next)
}

// deleteDataset deletes a dataset's files, and then its directory if that is empty.
func deleteDataset(dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if !strings.HasPrefix(filepath.Base(dir), ".") && filepath.Base(filepath.Dir(dir)) != HiddenDir {
		return fmt.Errorf("%q was not deleted: its name is not that of a temporary dataset", dir)
	}
	if err := removeDataset(dir); err != nil {
		return err
	}
	hidden, err := os.ReadDir(inDir(dir, HiddenDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range hidden { // the manifest goes last: it says what the others belong to
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
