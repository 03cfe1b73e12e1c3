package featurestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"fovea/internal/disk"
)

// A directory that cannot change its name with another in one step, since it is a mount point or
// its file system knows no such step (NFS), gets its new dataset in several. So does one that
// --overwrite empties. What makes them one is where readers look:
//
//	the whole new dataset is renamed to .fovea/arriving: from here on readers find it there
//	its manifest and list of failures get a second name in .fovea/, over those of the old one
//	data/ is renamed to one below .fovea/leaving
//	.fovea/arriving/data is renamed to data/: from here on readers find the dataset in its place
//	.fovea/arriving and .fovea/leaving are deleted
//
// Whatever was done of it, doing all of it once more finishes it; every writer does so before it
// begins. Readers that know nothing of it, such as other programs, find in data/ the old rows, none
// at all, or the new ones.

// resolve is the directory that the dataset in dir lies in: dir itself or, while it is on its way
// into it, .fovea/arriving.
func resolve(dir string) string {
	if arriving := inDir(dir, arrivingDir); isFile(arriving, dataDir) {
		return arriving
	}
	return dir
}

// install moves the dataset in next, which is on the directory's file system, into its place.
func (l *dirLock) install(next string) error {
	err := errors.Join(movable(l.dir), unix.Access(l.dir, unix.W_OK), os.RemoveAll(inDir(next, tempDir)), removeFile(inDir(next, lockFile)), disk.Sync(inDir(next, HiddenDir)), disk.Sync(next))
	if err != nil {
		return errors.Join(err, removeNext(next))
	}
	at("before arriving")
	if err := os.Rename(next, inDir(l.dir, arrivingDir)); err != nil {
		return errors.Join(err, removeNext(next))
	}
	if err := errors.Join(disk.Sync(l.dir), disk.Sync(inDir(l.dir, HiddenDir)), disk.Sync(filepath.Dir(next))); err != nil {
		return err
	}
	at("arriving")
	if err := finishInstall(l.dir); err != nil {
		return fmt.Errorf("put the new dataset in the place of %q: %w; the next run will complete it", l.dir, err)
	}
	return nil
}

// empty replaces the existing dataset by one without rows, as the writer starts it.
func (w *Writer) empty() error {
	if _, err := rowFiles(w.config.dir); err != nil {
		return err
	}
	next := *w.config
	next.dir = inDir(w.lock.dir, nextDir)
	started := w.manifest
	started.Status = StatusWriting
	err := prepareDirs(next.dir)
	if err == nil {
		err = started.write(&next)
	}
	if err != nil {
		return errors.Join(err, removeNext(next.dir))
	}
	return w.lock.install(next.dir)
}

// movable fails if the directory of rows cannot be renamed.
func movable(dir string) error {
	data, err := os.Lstat(inDir(dir, dataDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	above, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !data.IsDir() || stampOf(data).device != stampOf(above).device {
		return fmt.Errorf("the rows of %q are elsewhere, because %s is a link or a mount point: the dataset cannot be replaced in one step; choose another directory", dir, dataDir)
	}
	return nil
}

// finishInstall does what remains of an install, which may be all or nothing.
func finishInstall(dir string) error {
	arriving := inDir(dir, arrivingDir)
	if resolve(dir) == arriving {
		if err := installHidden(arriving, dir); err != nil {
			return err
		}
		at("hidden files installed")
		if err := installData(arriving, dir); err != nil {
			return err
		}
	}
	if isFile(dir, arrivingDir) {
		if err := errors.Join(removeFormer(dir), unlessBusy(os.RemoveAll(arriving))); err != nil {
			return err
		}
		at("arrived")
	}
	return clearLeaving(dir)
}

// unlessBusy ignores that a directory is not empty after everything in it was deleted: NFS keeps a file
// that a reader has open there under another name. The next writer deletes it.
func unlessBusy(err error) error {
	if errors.Is(err, syscall.ENOTEMPTY) {
		return nil
	}
	return err
}

// installHidden replaces the files of the hidden directory by those of the arriving dataset. Links
// keep their stamps, so readers do not notice.
func installHidden(arriving, dir string) error {
	if err := os.MkdirAll(inDir(dir, tempDir), 0o755); err != nil {
		return err
	}
	old, err := os.ReadDir(inDir(dir, HiddenDir))
	if err != nil {
		return err
	}
	for _, e := range old {
		name := path.Join(HiddenDir, e.Name())
		if e.Type().IsRegular() && oursHidden(e.Name()) && name != lockFile && !isFile(arriving, name) {
			if err := removeFile(inDir(dir, name)); err != nil {
				return err
			}
		}
	}
	files, err := os.ReadDir(inDir(arriving, HiddenDir))
	if err != nil {
		return err
	}
	for _, e := range files {
		name := path.Join(HiddenDir, e.Name())
		if !e.Type().IsRegular() {
			continue
		}
		second := tempPath(dir, name)
		if err := errors.Join(removeFile(second), linkOrCopy(inDir(arriving, name), second)); err != nil {
			return err
		}
		if err := os.Rename(second, inDir(dir, name)); err != nil {
			return err
		}
	}
	return errors.Join(installSeen(arriving, dir), os.RemoveAll(inDir(dir, tempDir)), disk.Sync(inDir(dir, HiddenDir)))
}

// installSeen replaces what images were read from by the arriving dataset's.
func installSeen(arriving, dir string) error {
	if err := os.RemoveAll(inDir(dir, seenDir)); err != nil {
		return err
	}
	files, err := os.ReadDir(inDir(arriving, seenDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range files {
		name := path.Join(seenDir, e.Name())
		if err := linkSeen(inDir(arriving, name), inDir(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// installData moves the arriving rows to their place.
func installData(arriving, dir string) error {
	data := inDir(dir, dataDir)
	if isFile(dir, dataDir) { // otherwise they have left already
		if err := os.MkdirAll(inDir(dir, leavingDir), 0o755); err != nil {
			return err
		}
		leaving, err := os.MkdirTemp(inDir(dir, leavingDir), "*")
		if err != nil {
			return err
		}
		if err := os.Remove(leaving); err != nil { // only its name is needed
			return err
		}
		if err := errors.Join(os.Rename(data, leaving), disk.Sync(dir), disk.Sync(inDir(dir, HiddenDir)), disk.Sync(inDir(dir, leavingDir))); err != nil {
			return err
		}
		at("data left")
	}
	if err := os.Rename(inDir(arriving, dataDir), data); err != nil {
		return err
	}
	at("data arrived")
	return errors.Join(disk.Sync(dir), disk.Sync(arriving))
}

// clearLeaving deletes rows that were replaced.
func clearLeaving(dir string) error {
	leaving, err := os.ReadDir(inDir(dir, leavingDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range leaving {
		if err := deleteRows(filepath.Join(inDir(dir, leavingDir), e.Name()), inDir(dir, dataDir)); err != nil {
			return err
		}
	}
	return unlessBusy(os.Remove(inDir(dir, leavingDir)))
}

// deleteRows deletes a directory of rows. Foreign files among them, such as file browsers leave, are
// moved to the directory of rows that replaces it.
func deleteRows(dir, to string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		from := filepath.Join(dir, e.Name())
		_, _, shard := shardIndex(e.Name())
		switch {
		case shard:
			err = os.Remove(from)
		case !strings.HasPrefix(e.Name(), ".nfs"): // deleted, but still open
			err = os.Rename(from, filepath.Join(to, e.Name()))
		}
		if err != nil {
			return err
		}
	}
	return unlessBusy(os.Remove(dir))
}
