package swap

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"fovea/internal/disk"
	"fovea/internal/lockfile"
	"fovea/internal/output"
)

// ErrLocked: another process is replacing the directory.
var ErrLocked = errors.New("another process is writing it")

// Swap is the right to replace a directory. The new one is made in Next, in a hidden directory
// beside it that nobody else touches meanwhile.
type Swap struct {
	// Next is to be created by the caller. Its last element is that of the directory.
	Next string

	dir, beside string
	lock        *lockfile.Lock
}

// Names in the hidden directory.
const (
	lockName = "lock"
	nextName = "next"
	// oldName holds the old directory while a file system exchanges the two in steps.
	oldName = "old"
)

// Begin begins to replace a directory, or to make a new one. It first cleans up after a process
// that died. The caller ends it with Close; until then others get ErrLocked.
func Begin(dir string) (*Swap, error) {
	if _, err := disk.MakeDir(filepath.Dir(filepath.Clean(dir))); err != nil {
		return nil, fmt.Errorf("replace %s: %w", dir, err)
	}
	dir, err := output.Target(dir) // what a link leads to is replaced, not the link
	if err != nil {
		return nil, fmt.Errorf("replace %s: %w", dir, err)
	}
	s := &Swap{dir: dir, beside: filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+".new")}
	s.Next = filepath.Join(s.beside, nextName, filepath.Base(dir))
	if _, err := disk.MakeDir(filepath.Dir(dir)); err != nil {
		return nil, fmt.Errorf("replace %s: %w", dir, err)
	}
	lock, err := lockfile.Take(filepath.Join(s.beside, lockName))
	if errors.Is(err, lockfile.ErrHeld) {
		err = ErrLocked
	}
	if err != nil {
		return nil, fmt.Errorf("replace %s: %w", dir, err)
	}
	s.lock = lock
	err = errors.Join(s.restore(), os.RemoveAll(filepath.Dir(s.Next)))
	if err == nil {
		err = os.Mkdir(filepath.Dir(s.Next), 0o755)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("replace %s: %w", dir, err), s.Close())
	}
	return s, nil
}

// restore puts back a directory that was set aside and not replaced, and deletes one that was
// replaced.
func (s *Swap) restore() error {
	old := filepath.Join(s.beside, oldName)
	_, err := os.Lstat(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.Rename(old, s.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	if err := disk.Sync(filepath.Dir(s.dir)); err != nil { // who replaced it may not have come to that
		return err
	}
	return os.RemoveAll(old)
}

// Commit gives Next the directory's name, in one step if the file system can, and then deletes the
// old directory. Next must be complete; its files are put on disk first. On an error the old
// directory is where it was.
func (s *Swap) Commit() error {
	if err := syncAll(s.Next); err != nil {
		return fmt.Errorf("put %s on disk: %w", s.Next, err)
	}
	err := os.Rename(s.Next, s.dir)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.ENOTDIR) {
		err = exchange(s.Next, s.dir, filepath.Join(s.beside, oldName))
	}
	if err == nil {
		err = disk.Sync(filepath.Dir(s.dir)) // before the old one is touched
	}
	if err == nil {
		err = os.RemoveAll(s.Next) // the old one, if there was one
	}
	if err != nil {
		return fmt.Errorf("replace %s: %w", s.dir, err)
	}
	return nil
}

// Close gives up the right and deletes what was not committed.
func (s *Swap) Close() error {
	err := os.RemoveAll(filepath.Dir(s.Next))
	err = errors.Join(err, s.lock.Release())
	_ = os.Remove(s.beside) // unless it holds more, or another has begun
	return err
}

// at is called between steps. Tests kill the program there.
var at = func(point string) {}

// Tests have another, as other file systems do.
var exchangeNames = disk.Exchange

// exchange exchanges the two names. On file systems that cannot do it in one step, the old
// directory is set aside for a moment; it is put back if the new one cannot take its place, if
// necessary by the next Begin.
func exchange(next, dir, aside string) error {
	err := exchangeNames(next, dir)
	if !disk.CannotExchange(err) {
		return err
	}
	at("before")
	if err := os.Rename(dir, aside); err != nil {
		return err
	}
	at("aside")
	if err := os.Rename(next, dir); err != nil {
		return errors.Join(err, os.Rename(aside, dir))
	}
	at("replaced")
	if err := disk.Sync(filepath.Dir(dir)); err != nil { // before the old one is touched
		return err
	}
	return os.RemoveAll(aside)
}

// syncAll flushes all files and directories under dir to disk.
func syncAll(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !(entry.Type().IsRegular() || entry.IsDir()) {
			return err
		}
		return disk.Sync(path)
	})
}
