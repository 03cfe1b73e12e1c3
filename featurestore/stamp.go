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

// stamp distinguishes a file from all others that may get its name. A file gets its name when it is
// whole and is never written to after that, so files with equal stamps have equal content. The inode's
// change time is omitted: linking a shard into another dataset changes it.
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

// edition identifies the dataset in a directory: where it is, and the stamp of its manifest, zero if
// there is none. It changes whenever the dataset is replaced or moved, or a writer starts or ends,
// before any file listed in the manifest is touched.
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

// How often slow and quick reads are repeated while writers interfere.
const (
	longAttempts  = 3
	quickAttempts = 10
)

// steady runs a function that reads a directory file by file, and runs it again if the dataset was
// replaced meanwhile, since the result would mix two datasets. The function must read the edition that
// it is given. steady finally gives up with ErrReplaced.
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

// roots are the directories that may contain the dataset's files: where it was opened and, if it was on
// its way to its place then, that place.
func (d *Dataset) roots() []string { return slices.Compact([]string{d.root, d.dir}) }

// openFile opens one of the dataset's files, which must be the same as when the dataset was opened.
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

// lost is the error for a file that is no longer the same as when the dataset was opened. Unless a
// writer replaced the dataset since, only this file was deleted or changed.
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

// judge turns damage into ErrReplaced if the dataset has been replaced meanwhile: files that were
// deleted on a server cannot be read any more.
func (d *Dataset) judge(err error) error {
	if errors.Is(err, ErrCorrupt) && editionOf(d.dir) != d.edition {
		return fmt.Errorf("it %w (%v)", ErrReplaced, err) // it is not damage
	}
	return err
}

// withFile runs a function that itself opens one of the dataset's files below root, and makes sure that
// the file is the same as when the dataset was opened, by checking before and after.
func (d *Dataset) withFile(name string, was stamp, use func(root string) error) error {
	for _, root := range d.roots() {
		if !hasStamp(root, name, was) {
			continue
		}
		err := use(root)
		if hasStamp(root, name, was) {
			return err
		}
	}
	return d.lost(name)
}

// hasStamp says whether the file is the one that had the stamp.
func hasStamp(root, name string, was stamp) bool {
	info, err := os.Stat(inDir(root, name))
	return err == nil && stampOf(info) == was
}

// gone reports whether a file has disappeared; file servers say ESTALE.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESTALE)
}

// openShard opens a shard, which must be the same as when the dataset was opened.
func (d *Dataset) openShard(at int) (*shardReader, error) {
	f, err := d.openFile(d.manifest.Shards[at].File, d.stamps[at])
	if err != nil {
		return nil, err
	}
	r, err := readShard(f, d.mem)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(r.groups, d.groups[at]) { // a program has written to the file and hidden that
		r.close()
		return nil, fmt.Errorf("read %q: %w: it has %d rows in %d groups now, it had %d in %d", r.name, ErrCorrupt,
			r.rows, len(r.groups), d.manifest.Shards[at].Rows, len(d.groups[at]))
	}
	return r, nil
}

// failures returns the failures of the dataset; if it was being written when it was opened, those
// written so far.
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
		return d.manifest.readFailures(context.Background(), d.root, d.layout, d.mem) // says what is wrong
	}
	err = d.withFile(d.layout.failures, d.failed, func(root string) (err error) {
		failures, err = d.manifest.readFailures(context.Background(), root, d.layout, d.mem)
		return err
	})
	return failures, err
}

func (d *Dataset) failuresSoFar(now edition) ([]Failure, error) {
	root := now.root
	m, where, err := readManifest(root, d.mem)
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
