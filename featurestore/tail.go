package featurestore

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
)

// tailBytes is the size of the end of a shard covered by Shard.TailSHA256. It contains Parquet's footer
// with its statistics, or Arrow's with the checksum of the blocks' checksums, which depend on the
// content.
const tailBytes = 64 << 10

// hashTail computes the SHA-256 of the last tailBytes of a file of the given size.
func hashTail(f io.ReaderAt, size int64) (string, error) {
	tail := make([]byte, min(size, tailBytes))
	if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return "", err
	}
	sum := sha256.Sum256(tail)
	return hex.EncodeToString(sum[:]), nil
}

// hashTailFile is hashTail for a file name.
func hashTailFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close() // read-only
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	return hashTail(f, info.Size())
}

// sameTail compares the end of the file with that of the shard in the manifest, which has the same size.
func (s *shardReader) sameTail(listed Shard) error {
	f, ok := s.file.(io.ReaderAt)
	if !ok || listed.TailSHA256 == "" || listed.Bytes != s.stamp.size {
		return nil
	}
	sum, err := hashTail(f, s.stamp.size)
	if err != nil {
		return s.damaged("open", err)
	}
	if sum != listed.TailSHA256 {
		return fmt.Errorf("%w: %s is not the file that %s lists, though of the same size: it is damaged, or was restored or copied from another dataset; "+
			"restore the whole dataset from one copy, or extract anew (extract dataset validate lists all such files)", ErrCorrupt, listed.File, manifestName)
	}
	return nil
}
