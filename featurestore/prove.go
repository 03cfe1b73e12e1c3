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

// provenFile is a file whose SHA-256 matched the manifest when it was last hashed.
type provenFile struct {
	device, inode     uint64
	size              int64
	modified, changed syscall.Timespec
	sum               string
}

// proven are the files that this process has hashed, with the times of this process's clock, which nobody puts
// back, at which each was first hashed; and, once it was hashed again after settling, true.
var proven sync.Map

// prove makes sure that the shard is the one in the manifest, if reading it would not show that anyway:
// pages of Parquet have checksums, and so do Arrow files, except those of earlier versions, which are
// hashed. A shard without a SHA-256, left by a killed writer of an earlier version, cannot be verified.
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
	first, _ := proven.Load(key)
	if first == true {
		return nil
	}
	begun := time.Now()
	sum, err := hashReader(ctx, io.NewSectionReader(f, 0, key.size))
	if err != nil && ctx.Err() != nil {
		return err // it is no damage
	}
	if err != nil {
		return s.damaged("read", err)
	}
	if sum != listed.SHA256 {
		return s.damaged("read", errSum(sum, listed))
	}
	if at, ok := first.(time.Time); ok && begun.Sub(at) > settling {
		proven.Store(key, true)
	} else if !ok {
		proven.Store(key, begun)
	}
	return nil
}

func errSum(sum string, listed Shard) error {
	return fmt.Errorf("%w: its SHA-256 is %s, but %s says %s: restore the file from a copy, or recreate the dataset", ErrCorrupt, sum, manifestName, listed.SHA256)
}

// settling is the time after which a file's next change is sure to get other times than it had: they have steps
// of milliseconds to seconds. How long ago the file changed cannot be told by comparing its times with the
// clock, since either may be wrong, so it counts from when this process first saw the file in that state.
const settling = 2 * time.Second

// identify returns what the system knows about the identity and state of a file.
func identify(f *os.File, sum string) (provenFile, error) {
	info, err := f.Stat()
	if err != nil {
		return provenFile{}, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return provenFile{}, fmt.Errorf("%s: the system does not distinguish files", f.Name())
	}
	return provenFile{uint64(stat.Dev), stat.Ino, stat.Size, stat.Mtim, stat.Ctim, sum}, nil
}

// hashReader returns the hex SHA-256 of what it reads.
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
