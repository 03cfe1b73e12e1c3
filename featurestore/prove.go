package featurestore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// provenFile is a file that had the SHA-256 of its manifest when it was last hashed.
type provenFile struct {
	device, inode     uint64
	size              int64
	modified, changed syscall.Timespec
	sum               string
}

// proven has the files that need not be hashed again by this process.
var proven sync.Map

// prove makes sure that the shard is the one that a manifest lists, as far as reading it does not
// show that anyway: the pages of Parquet have checksums, and so have Arrow files but those of
// earlier versions, which are hashed. A shard without a SHA-256, of an earlier version whose writer
// was killed, cannot be told from another.
func (s *shardReader) prove(ctx context.Context, listed Shard) error {
	src, ok := s.src.(*ipcSource)
	if !ok || src.sums != nil || listed.SHA256 == "" {
		return nil
	}
	f, ok := s.file.(*os.File)
	if !ok {
		return nil
	}
	key, err := identify(f, listed.SHA256)
	if err != nil {
		return err
	}
	if _, known := proven.Load(key); known {
		return nil
	}
	sum, err := hashReader(ctx, io.NewSectionReader(f, 0, key.size))
	if err != nil {
		return s.damaged("read", err)
	}
	if sum != listed.SHA256 {
		return s.damaged("read", fmt.Errorf("%w: its SHA-256 is %s, but %s says %s: restore the file from a copy, or make the dataset anew", ErrCorrupt, sum, manifestName, listed.SHA256))
	}
	if key.settled() {
		proven.Store(key, true)
	}
	return nil
}

// settled says that the file was not changed lately: systems count the times of files in steps of some
// milliseconds, or seconds, and another change in the same step would not show.
func (f provenFile) settled() bool {
	return time.Since(time.Unix(f.changed.Unix())) > settling && time.Since(time.Unix(f.modified.Unix())) > settling
}

const settling = 2 * time.Second

// identify says which file it is, and in which state, as far as the system knows.
func identify(f *os.File, sum string) (provenFile, error) {
	info, err := f.Stat()
	if err != nil {
		return provenFile{}, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return provenFile{}, fmt.Errorf("%s: the system does not tell files apart", f.Name())
	}
	return provenFile{uint64(stat.Dev), stat.Ino, stat.Size, stat.Mtim, stat.Ctim, sum}, nil
}

// hashReader is the hex SHA-256 of what is read.
func hashReader(ctx context.Context, r io.Reader) (string, error) {
	hash, part := sha256.New(), make([]byte, 1<<20)
	for {
		if err := context.Cause(ctx); err != nil {
			return "", err
		}
		n, err := r.Read(part)
		hash.Write(part[:n])
		if err == io.EOF {
			return hex.EncodeToString(hash.Sum(nil)), nil
		}
		if err != nil {
			return "", err
		}
	}
}
