package featurestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"fovea/internal/disk"
)

// replaceDataset lets write make a dataset where nobody looks for one, and then moves it to dir in one
// step: at any time, dir contains the whole old dataset or the whole new one. The old one is deleted
// after that. dir is locked all the time. read says how the new one is opened to prove that it can be read.
func replaceDataset(dir string, overwrite bool, read ReadOptions, write func(dir string) error) (err error) {
	if dir, err = realPath(dir); err != nil {
		return err
	}
	// Without the lock at first, whose file must not get into a directory that is not ours.
	if err := replaceable(dir, overwrite); err != nil {
		return err
	}
	l, err := own(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.release()) }()
	if err := replaceable(dir, overwrite); err != nil { // another writer may just have finished
		return err
	}
	next, err := l.place()
	if err != nil {
		return err
	}
	if err := write(next); err != nil {
		return errors.Join(err, removeNext(next))
	}
	at("written")
	return l.put(next, read)
}

// replaceable fails if the directory contains anything that must not be replaced.
func replaceable(dir string, overwrite bool) error {
	exists, err := steadyDataset(dir)
	switch {
	case err != nil:
		return err
	case !exists:
		return nil
	case !overwrite:
		return fmt.Errorf("%q %w: overwrite it, or choose another directory", dir, ErrExists)
	}
	return errors.Join(onlyOurs(dir), movable(dir))
}

// put moves the dataset in next to the owner's directory, and deletes what was there.
func (l *dirLock) put(next string, read ReadOptions) error {
	if err := l.ready(next, read); err != nil {
		return errors.Join(err, removeNext(next))
	}
	if isInside(next) {
		return l.install(next)
	}
	err := l.exchange(next)
	if crossing(err) || disk.CannotExchange(err) {
		return l.install(next)
	}
	return errors.Join(err, removeNext(next)) // which is the old one by now, or not needed
}

// ready makes sure that a new dataset is fit to replace the old one.
func (l *dirLock) ready(next string, read ReadOptions) error {
	if err := showShards(next); err != nil {
		return err
	}
	if _, err := read.Open(next); err != nil {
		return fmt.Errorf("the new dataset cannot be read, so the old one is kept: %w", err)
	}
	if l.made {
		return nil
	}
	info, err := os.Stat(l.dir)
	if err != nil {
		return err
	}
	return os.Chmod(next, info.Mode().Perm())
}

// Tests have another, as other file systems do.
var exchangeDirs = disk.Exchange

// exchange swaps the directories of the two datasets in one step. The new one is locked before it gets
// the name, and until the caller is done, so that no other writer starts in between.
func (l *dirLock) exchange(next string) error {
	n, err := lock(next)
	if err != nil {
		return err
	}
	at("locked")
	if err := exchangeDirs(next, l.dir); err != nil {
		return errors.Join(fmt.Errorf("put the new dataset in the place of %q, which is unchanged: %w", l.dir, err), n.release())
	}
	at("exchanged")
	err = errors.Join(l.handOver(n, next), disk.Sync(filepath.Dir(l.dir)))
	at("handed over")
	return err
}

// crossing reports whether a rename failed because it would cross file systems, or because a file
// system is mounted there.
func crossing(err error) bool {
	return slices.ContainsFunc([]error{syscall.EXDEV, syscall.EBUSY, syscall.EROFS}, func(known error) bool { return errors.Is(err, known) })
}

// onlyOurs fails if a dataset's directory contains foreign files, which replacing it would delete.
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
				return fmt.Errorf("%q contains %q, which is not one of the dataset's files and would be deleted: move it away, or write to a new directory", dir, filepath.Join(part.dir, e.Name()))
			}
		}
	}
	return nil
}
