package featurestore

import (
	"errors"
	"fmt"
	"os"

	"fovea/internal/disk"
	"fovea/internal/lockfile"
)

// dirLock is the right to write to a directory. Its file is removed along with it, so that a finished
// dataset contains only its own files.
type dirLock struct {
	dir string
	// made means that the directory was made for the lock. It is removed with the lock if it is empty.
	made bool
	held []*lockfile.Lock
}

// lock makes the caller the directory's only writer, even among programs of the former layout, by
// also locking their lock file if there is one. It creates the directory if necessary.
func lock(dir string) (*dirLock, error) {
	made, err := disk.MakeDir(dir)
	if err != nil {
		return nil, err
	}
	l := &dirLock{dir: dir, made: made}
	if err := l.add(lockFile); err != nil {
		return nil, errors.Join(err, l.release())
	}
	if isFile(dir, formerLock) {
		if err := l.add(formerLock); err != nil {
			return nil, errors.Join(err, l.release())
		}
	}
	return l, nil
}

func (l *dirLock) add(name string) error {
	held, err := lockfile.Take(inDir(l.dir, name))
	switch {
	case errors.Is(err, lockfile.ErrHeld):
		return fmt.Errorf("%q: %w", l.dir, ErrLocked)
	case err != nil:
		return fmt.Errorf("lock %q: %w", l.dir, err)
	}
	l.held = append(l.held, held)
	return nil
}

// handOver exchanges these locks for those of the dataset that has taken the directory's place. The
// locked files themselves moved to aside with the old dataset.
func (l *dirLock) handOver(next *dirLock, aside string) error {
	old := &dirLock{dir: aside, held: l.held}
	for i, name := range []string{lockFile, formerLock} {
		if i < len(l.held) {
			l.held[i].Moved(inDir(aside, name))
		}
		if i < len(next.held) {
			next.held[i].Moved(inDir(l.dir, name))
		}
	}
	l.held, next.held = next.held, nil
	return old.release()
}

// release removes the lock files and then gives up the locks. It leaves a file alone that has taken
// the name meanwhile.
func (l *dirLock) release() error {
	var errs []error
	for _, held := range l.held {
		errs = append(errs, held.Release())
	}
	l.held = nil
	_ = os.Remove(inDir(l.dir, HiddenDir)) // which is not empty if the directory has a dataset
	if l.made {
		_ = os.Remove(l.dir) // the same
	}
	return errors.Join(errs...)
}
