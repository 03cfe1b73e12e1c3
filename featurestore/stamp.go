package featurestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"
)

// stamp tells a file from all others that may get its name. A file gets its name when it is whole
// and is never written to after that; so two files with one stamp have one content. The time of the
// inode's change is left out: linking a shard into another dataset changes it.
type stamp struct {
	device, inode uint64
	size, written int64
}

func stampOf(info fs.FileInfo) stamp {
	s := stamp{size: info.Size(), written: info.ModTime().UnixNano()}
	if system, ok := info.Sys().(*syscall.Stat_t); ok {
		s.device, s.inode = uint64(system.Dev), system.Ino
	}
	return s
}

// edition tells which dataset a directory has: where it lies and the stamp of its manifest, zero if
// there is none. It changes whenever the dataset is replaced or moved, or a writer begins or ends:
// before any file that the manifest lists is touched.
type edition struct {
	root     string
	manifest stamp
}

func editionOf(dir string) edition {
	e := edition{root: resolve(dir)}
	if info, err := os.Stat(inDir(e.root, layoutOf(e.root).manifest)); err == nil {
		e.manifest = stampOf(info)
	}
	return e
}

// How often what takes its time, and what is quick, is read again beside writers.
const (
	longAttempts  = 3
	quickAttempts = 10
)

// steady runs a function that reads a directory file by file, and runs it again if the dataset was
// replaced meanwhile: its result, or its error, would be that of no dataset. The function reads where
// the edition lies that it is given. In the end it gives up with ErrReplaced.
func steady[T any](dir string, attempts int, read func(now edition) (T, error)) (T, error) {
	pause := time.Millisecond
	for range attempts {
		before := editionOf(dir)
		result, err := read(before)
		if editionOf(dir) == before {
			return result, err
		}
		time.Sleep(pause)
		pause *= 2
	}
	var none T
	return none, fmt.Errorf("%q %w", dir, ErrReplaced)
}

// roots are the directories that may hold the dataset's files: where it was opened, and, if that
// was while it was being put into its place, the place.
func (d *Dataset) roots() []string { return slices.Compact([]string{d.root, d.dir}) }

// openFile opens one of the dataset's files, which must be the one that was there when the dataset
// was opened.
func (d *Dataset) openFile(name string, was stamp) (*os.File, error) {
	for _, root := range d.roots() {
		f, err := os.Open(inDir(root, name))
		if gone(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		info, err := f.Stat()
		if err == nil && stampOf(info) == was {
			return f, nil
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
	}
	return nil, d.lost(name)
}

// lost is the error for a file that is not the one any more that it was when the dataset was opened.
// If no writer has been at the dataset since, the file alone was deleted or changed.
func (d *Dataset) lost(name string) error {
	if d.manifest.Status == StatusWriting || editionOf(d.dir) != d.edition {
		return fmt.Errorf("%q %w", name, ErrReplaced)
	}
	if _, err := os.Stat(inDir(d.root, name)); gone(err) {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	} else if err != nil {
		return err
	}
	return fmt.Errorf("%w: another program has written to %s", ErrCorrupt, name)
}

// judge makes ErrReplaced of damage that was found when another dataset had the place: files that
// servers have deleted meanwhile cannot be read any more either.
func (d *Dataset) judge(err error) error {
	if errors.Is(err, ErrCorrupt) && editionOf(d.dir) != d.edition {
		return fmt.Errorf("it %w (%v)", ErrReplaced, err) //nolint:errorlint // it is no damage
	}
	return err
}

// withFile runs a function that opens one of the dataset's files below root by itself, and makes
// sure that it was the one that was there when the dataset was opened: it was if that has the name
// before and after.
func (d *Dataset) withFile(name string, was stamp, use func(root string) error) error {
	for _, root := range d.roots() {
		if !d.has(root, name, was) {
			continue
		}
		err := use(root)
		if d.has(root, name, was) {
			return err
		}
	}
	return d.lost(name)
}

func (d *Dataset) has(root, name string, was stamp) bool {
	info, err := os.Stat(inDir(root, name))
	return err == nil && stampOf(info) == was
}

// gone tells whether a file is there no more; servers of files say ESTALE.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESTALE)
}

// openShard opens a shard, which must be the one that was there when the dataset was opened.
func (d *Dataset) openShard(at int) (*shardReader, error) {
	f, err := d.openFile(d.manifest.Shards[at].File, d.stamps[at])
	if err != nil {
		return nil, err
	}
	r, err := readShard(f, d.mem)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(r.groups, d.groups[at]) { // a program has written to the file and hidden it
		r.close()
		return nil, fmt.Errorf("read %q: %w: it has %d rows in %d groups now, it had %d in %d", r.name, ErrCorrupt,
			r.rows, len(r.groups), d.manifest.Shards[at].Rows, len(d.groups[at]))
	}
	return r, nil
}

// failures are those of the dataset. While it was being written when it was opened, they are those
// written so far, of this dataset and no other.
func (d *Dataset) failures() ([]Failure, error) {
	failures, err := d.listedFailures()
	d.recall(failures)
	return failures, err
}

func (d *Dataset) listedFailures() (failures []Failure, err error) {
	if d.manifest.Status == StatusWriting {
		return steady(d.dir, quickAttempts, d.failuresSoFar)
	}
	if d.failed == (stamp{}) {
		return d.manifest.readFailures(context.Background(), d.root, d.layout, d.mem) // says what is the matter
	}
	err = d.withFile(d.layout.failures, d.failed, func(root string) (err error) {
		failures, err = d.manifest.readFailures(context.Background(), root, d.layout, d.mem)
		return err
	})
	return failures, err
}

func (d *Dataset) failuresSoFar(now edition) ([]Failure, error) {
	root := now.root
	m, where, err := readManifest(root)
	if gone(err) || err == nil && !m.Created.Equal(d.manifest.Created) {
		return nil, fmt.Errorf("%q %w", d.dir, ErrReplaced)
	}
	if err != nil {
		return nil, err
	}
	failures, err := m.readFailures(context.Background(), root, where, d.mem)
	if errors.Is(err, fs.ErrNotExist) && m.Status == StatusWriting {
		return nil, nil // it is first written with the first shard
	}
	return failures, err
}
