package featurestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/gofrs/flock"
)

// dirLock is the right to write to a directory. Its file is removed with it, so that a finished
// dataset holds nothing but its own files.
type dirLock struct {
	dir  string
	held []*flock.Flock
}

// lock makes the caller the directory's only writer, also among programs of the former layout,
// whose lock file, if there is one, is locked as well.
func lock(dir string) (*dirLock, error) {
	l := &dirLock{dir: dir}
	if err := l.add(lockFile); err != nil {
		return nil, err
	}
	if isFile(dir, formerLock) {
		if err := l.add(formerLock); err != nil {
			return nil, errors.Join(err, l.release())
		}
	}
	return l, nil
}

// lockAttempts bounds how often a lock file may vanish between its opening and its locking.
const lockAttempts = 100

// add locks a file. Who removes a lock file holds its lock; so a file that was opened before and
// locked after it was removed excludes nobody, and is told by its name, which is then free or that
// of another file.
func (l *dirLock) add(name string) error {
	file := inDir(l.dir, name)
	for range lockAttempts {
		if err := os.Mkdir(inDir(l.dir, HiddenDir), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		f := flock.New(file)
		locked, err := f.TryLock()
		switch {
		case errors.Is(err, fs.ErrNotExist): // the directory was removed by who held the lock before
			continue
		case err != nil:
			return fmt.Errorf("lock %q: %w", l.dir, err)
		case !locked:
			return fmt.Errorf("%q: %w", l.dir, ErrLocked)
		case inPlace(f):
			l.held = append(l.held, f)
			return nil
		}
		if err := f.Unlock(); err != nil {
			return fmt.Errorf("lock %q: %w", l.dir, err)
		}
	}
	return fmt.Errorf("%q: %w: other writers come and go", l.dir, ErrLocked)
}

// inPlace tells whether the locked file is the one that has its name.
func inPlace(f *flock.Flock) bool {
	held, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(f.Path())
	return err == nil && os.SameFile(held, named)
}

// release removes the lock files and then gives up the locks. A file that has taken the name since,
// because another dataset was put in the directory's place, is left alone.
func (l *dirLock) release() error {
	var errs []error
	for _, f := range l.held {
		if inPlace(f) {
			errs = append(errs, removeFile(f.Path()))
		}
		errs = append(errs, f.Unlock())
	}
	l.held = nil
	_ = os.Remove(inDir(l.dir, HiddenDir)) // which is there and not empty if the directory has a dataset
	return errors.Join(errs...)
}
