package lockfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// ErrHeld: another process, or another part of this one, has the lock.
var ErrHeld = errors.New("another process holds the lock")

// Lock is a right that is held.
type Lock struct {
	file *flock.Flock
	path string
}

// attempts bounds how often a lock file may vanish between its opening and its locking.
const attempts = 100

// Take locks the file of that name, which it makes, with its directory. It does not wait: a lock
// that another has is ErrHeld, and then nothing was changed.
//
// Who removes a lock file holds its lock; so a file that was opened before and locked after it was
// removed excludes nobody, and is told by its name, which is then free or that of another file.
func Take(path string) (*Lock, error) {
	for range attempts {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); errors.Is(err, fs.ErrExist) {
			continue // it was removed again while this looked at it
		} else if err != nil {
			return nil, err
		}
		l := &Lock{flock.New(path), path}
		locked, err := l.file.TryLock()
		switch {
		case errors.Is(err, fs.ErrNotExist): // the directory was removed by who held the lock before
			continue
		case err != nil:
			return nil, err
		case !locked:
			return nil, ErrHeld
		case l.inPlace():
			return l, nil
		}
		if err := l.file.Unlock(); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: others come and go", ErrHeld)
}

// inPlace tells whether the locked file is the one that has its name.
func (l *Lock) inPlace() bool {
	held, err := l.file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(l.path)
	return err == nil && os.SameFile(held, named)
}

// Moved says that the file, which stays locked, has got another name.
func (l *Lock) Moved(path string) { l.path = path }

// Release removes the file and then gives up the lock. A file that has taken the name since is
// left alone.
func (l *Lock) Release() error {
	var err error
	if l.inPlace() {
		err = os.Remove(l.path)
	}
	return errors.Join(err, l.file.Unlock())
}
