package mapped

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fovea/internal/disk"
)

// Dir is a directory of blocks. The zero value keeps nothing. Processes and goroutines may use one directory at a time.
type Dir struct {
	Path string
	// Most is how many bytes its files may have together (default 1 GiB): those written first are removed.
	Most int64
}

const (
	defaultMost = 1 << 30
	// spared is what must be free on the file system besides a block for it to be written.
	spared = 2 << 30
	suffix = ".block"
	// mostNoted is how many keys are noted that have no block.
	mostNoted = 256
	// lost is the age of unfinished files from which on their process is taken for killed.
	lost = time.Hour
)

// Key is the name of a block that depends on these texts alone.
func Key(texts ...string) string {
	sum := sha256.New()
	for _, t := range texts {
		fmt.Fprintf(sum, "%d:%s,", len(t), t)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

func (d Dir) file(key string) string { return filepath.Join(d.Path, key+suffix) }

// Keep keeps a block under a key if Keep has been called for it before, and takes note of the call otherwise. It does
// nothing for one that is there, where the disk is nearly full, and on file systems of networks.
func (d Dir) Keep(key string, block []byte) error {
	if d.Path == "" || len(block) == 0 {
		return nil
	}
	info, err := os.Stat(d.file(key))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = d.note(key)
	case err == nil && info.Size() == 0:
		var free int64
		if free, err = disk.Free(d.Path); err == nil && free >= int64(len(block))+spared {
			err = d.write(key, block)
		}
	}
	if err != nil {
		return fmt.Errorf("mapped: keep a block: %w", err)
	}
	return nil
}

// note takes note of a key, by an empty file.
func (d Dir) note(key string) error {
	if err := os.MkdirAll(d.Path, 0o755); err != nil || !suits(d.Path) {
		return err
	}
	f, err := os.OpenFile(d.file(key), os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	entries, err := os.ReadDir(d.Path)
	if err != nil || len(entries) <= mostNoted { // as it nearly always is, while a model is being opened
		return err
	}
	return d.forget(d.file(key))
}

// write writes a block and its trailer beside the file, and gives it the file's name. After a power cut, any part of it
// may be missing, which the checksum tells.
func (d Dir) write(key string, block []byte) (err error) {
	unfinished := filepath.Join(d.Path, fmt.Sprintf("%s-%016x", key, rand.Uint64()))
	f, err := os.OpenFile(unfinished, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(unfinished) // the first error says more
		}
	}()
	_, err = f.Write(block)
	if err == nil {
		_, err = f.Write(trailerOf(block))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(unfinished, d.file(key)); err != nil {
		return err
	}
	return d.forget(d.file(key))
}

// forget removes the files that were written first until the others fit, the notes that were taken first, and what killed
// processes left. The new file remains.
func (d Dir) forget(newest string) error {
	entries, err := os.ReadDir(d.Path)
	if err != nil {
		return err
	}
	var files []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			files = append(files, info)
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	most, noted := cmp.Or(d.Most, defaultMost), 0
	for _, info := range files {
		name := filepath.Join(d.Path, info.Name())
		most -= info.Size()
		stays := most >= 0
		switch {
		case !strings.HasSuffix(name, suffix):
			stays = time.Since(info.ModTime()) < lost
		case info.Size() == 0:
			noted++
			stays = noted <= mostNoted
		}
		if stays || name == newest {
			continue
		}
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
