package featurestore

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"fovea/internal/disk"
)

// tempFile is written under a temporary name and gets its final name only when it is whole
// and on disk. It counts and hashes what it is given.
//
// It remembers the first failed write and repeats that error ever after, because Arrow's
// writers drop some: a file must never be renamed after one.
type tempFile struct {
	file   *os.File
	buffer *bufio.Writer
	hash   hash.Hash
	// tail is the end of what was written, of at least tailBytes if that is as long.
	tail []byte
	size int64
	err  error
}

func createTemp(path string, wrap func(io.Writer) io.Writer) (*tempFile, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	var w io.Writer = &eagerFile{file: f}
	if wrap != nil {
		w = wrap(w)
	}
	return &tempFile{file: f, buffer: bufio.NewWriterSize(w, 1<<20), hash: sha256.New()}, nil
}

// eagerFile has the system begin to put on disk what is written at once, so that commit,
// which waits for all of it, waits for the end only.
type eagerFile struct {
	file *os.File
	at   int64
}

func (e *eagerFile) Write(p []byte) (int, error) {
	n, err := e.file.Write(p)
	// Not all file systems can; commit finds out what fails.
	_ = unix.SyncFileRange(int(e.file.Fd()), e.at, int64(n), unix.SYNC_FILE_RANGE_WRITE)
	e.at += int64(n)
	return n, err
}

func (t *tempFile) Write(p []byte) (int, error) {
	if t.err != nil {
		return 0, t.err
	}
	var n int
	var err error
	if len(p) < hashBeside {
		n, err = t.buffer.Write(p)
		t.hash.Write(p)
	} else {
		written := make(chan struct{})
		go func() {
			defer close(written)
			n, err = t.buffer.Write(p)
		}()
		t.hash.Write(p) // of a write that fails, too: the file has no sum any more
		<-written
	}
	t.err = err
	t.size += int64(n)
	t.tail = append(t.tail, p[max(0, len(p)-tailBytes):]...)
	if len(t.tail) >= 2*tailBytes {
		t.tail = t.tail[:copy(t.tail, t.tail[len(t.tail)-tailBytes:])]
	}
	return n, err
}

// hashBeside is the number of bytes from which a write is hashed at the same time. Hashing takes
// longer and so begins at once, here; of two goroutines the new one may have to wait for a processor.
const hashBeside = 256 << 10

// Seek only tells the position, which is all that the Arrow IPC writer asks for.
func (t *tempFile) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekCurrent {
		return 0, errors.New("only the current position can be asked for")
	}
	return t.size, nil
}

func (t *tempFile) sum() string { return hex.EncodeToString(t.hash.Sum(nil)) }

// tailSum is what hashTail will find.
func (t *tempFile) tailSum() string {
	sum := sha256.Sum256(t.tail[max(0, len(t.tail)-tailBytes):])
	return hex.EncodeToString(sum[:])
}

// commit puts the file on disk and gives it its final name, replacing what has that name.
func (t *tempFile) commit(final string) error {
	err := t.err
	if err == nil {
		err = t.buffer.Flush()
	}
	if err == nil {
		err = t.file.Sync()
	}
	if closeErr := t.file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return errors.Join(err, os.Remove(t.file.Name()))
	}
	if err := os.Rename(t.file.Name(), final); err != nil {
		return err
	}
	return disk.Sync(filepath.Dir(final))
}

// discard closes and removes the file.
func (t *tempFile) discard() {
	t.err = ErrClosed
	_ = t.file.Close() // it goes away
	_ = os.Remove(t.file.Name())
}
