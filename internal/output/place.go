package output

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// swept is the number of places that are looked through for those of dead programs; mostPlaces
	// is how many programs may write one name at a time.
	swept, mostPlaces = 8, 1024
	lockName          = "lock"
	// oldName is the second name of a file that is being replaced.
	oldName = "old"
	// longName is what is left of a long name in its place's: names have 255 bytes at most.
	longName = 120
)

// Tests have others, as other file systems do.
var (
	removeOpen = os.Remove
	closeFile  = (*os.File).Close
)

// place is a hidden directory where an output is made.
type place struct {
	dir  string
	lock *os.File
}

// claim takes a place for what will be called base in a directory, and removes those of programs
// that are dead.
func claim(parent, base string) (*place, error) {
	var mine *place
	for n := 1; n <= mostPlaces && (mine == nil || n <= swept); n++ {
		p, err := take(placeName(parent, base, n), mine == nil)
		switch {
		case err != nil && mine == nil:
			return nil, err
		case err != nil || p == nil: // somebody's, or none
		case mine == nil:
			mine = p
		default:
			p.remove()
		}
	}
	if mine == nil {
		return nil, fmt.Errorf("%d programs are writing it, or have left %s and others behind: remove these if no program is", mostPlaces, placeName(parent, base, 1))
	}
	return mine, nil
}

func placeName(parent, base string, n int) string {
	if len(base) > 2*longName {
		sum := sha256.Sum256([]byte(base))
		base = base[:longName] + hex.EncodeToString(sum[:8])
	}
	return filepath.Join(parent, fmt.Sprintf(".%s.fovea-%d", base, n))
}

// file is where an output called base is made, which may have the name of something else in the place.
func (p *place) file(base string) string {
	if base == lockName || base == oldName {
		base = "new"
	}
	return filepath.Join(p.dir, base)
}

// take takes a place and empties it, unless somebody has it, which gives nil. A place that is not
// there is made if that is wanted.
func take(dir string, wanted bool) (*place, error) {
	for {
		created := false
		if wanted {
			err := os.Mkdir(dir, 0o700)
			if err != nil && !errors.Is(err, fs.ErrExist) {
				return nil, err
			}
			created = err == nil
		}
		if !created && !usable(dir) {
			return nil, nil
		}
		lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
		switch {
		case errors.Is(err, fs.ErrNotExist) && wanted:
			continue // it was removed just now
		case errors.Is(err, fs.ErrNotExist):
			return nil, nil
		case err != nil && created:
			return nil, errors.Join(err, os.Remove(dir))
		case err != nil:
			return nil, err
		}
		switch owned, again := own(lock, created); {
		case owned:
			p := &place{dir, lock}
			return p, p.empty()
		case !again || !wanted:
			_ = lock.Close() // nothing was written to it
			return nil, nil
		}
		_ = lock.Close()
	}
}

// usable says whether what has a place's name was made by this user, who alone can write to it.
// Where the name was given up just now it is usable as well.
func usable(dir string) bool {
	info, err := os.Lstat(dir)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return info.IsDir() && info.Mode().Perm()&0o022 == 0 && ok && int(stat.Uid) == os.Geteuid()
}

// own gets the lock of a place. Again says that the place has gone meanwhile.
func own(lock *os.File, created bool) (owned, again bool) {
	switch err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		return false, false
	case err != nil: // no locks in this file system
		return created, false
	}
	held, err := lock.Stat()
	if err != nil {
		return false, false
	}
	named, err := os.Lstat(lock.Name())
	if err != nil || !os.SameFile(held, named) {
		return false, true
	}
	return true, false
}

// empty removes what a dead program has left in the place.
func (p *place) empty() error {
	entries, err := os.ReadDir(p.dir)
	for _, e := range entries {
		if e.Name() != lockName {
			err = errors.Join(err, os.RemoveAll(filepath.Join(p.dir, e.Name())))
		}
	}
	if err != nil {
		p.remove()
	}
	return err
}

// remove gives the place up with all that is in it. What cannot be removed now is removed by the
// next one.
func (p *place) remove() {
	if p == nil || p.lock == nil {
		return
	}
	entries, _ := os.ReadDir(p.dir)
	for _, e := range entries {
		if e.Name() != lockName {
			_ = os.RemoveAll(filepath.Join(p.dir, e.Name()))
		}
	}
	// The lock is held until its name is gone, so that nobody takes half a place.
	_ = removeOpen(p.lock.Name())
	left := os.Remove(p.dir)
	_ = closeFile(p.lock)
	if left != nil {
		// NFS and some of FUSE keep a file that is open under another name. Somebody else's place has a lock and stays.
		_ = os.Remove(p.dir)
	}
	p.lock = nil
}

// syncDir puts a directory's entries on disk, where that can be done.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, d.Close())
}
