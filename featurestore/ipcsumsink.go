package featurestore

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/zeebo/xxh3"
)

// sumSink is what Arrow's file writer writes to. It passes everything on and computes the checksums of
// the blocks. These go before the footer, which it therefore holds back.
type sumSink struct {
	w io.WriteSeeker
	// size is the number of bytes passed on; sums are the checksums of whole blocks, begun is that
	// of the current one.
	size  int64
	sums  []uint64
	begun xxh3.Hasher
	// held is what was written while holding.
	holding bool
	held    []byte
}

func (s *sumSink) Write(p []byte) (int, error) {
	if s.holding {
		s.held = append(s.held, p...)
		return len(p), nil
	}
	if len(p) < hashBeside {
		s.add(p)
		return s.w.Write(p)
	}
	added := make(chan struct{})
	go func() {
		defer close(added)
		s.add(p) // even if the write fails: no footer will follow
	}()
	n, err := s.w.Write(p)
	<-added
	return n, err
}

func (s *sumSink) add(p []byte) {
	for len(p) > 0 {
		n := min(int64(len(p)), sumBlock-s.size%sumBlock)
		if n == sumBlock {
			s.sums = append(s.sums, xxh3.Hash(p[:n]))
		} else {
			_, _ = s.begun.Write(p[:n]) // never fails
		}
		s.size += n
		p = p[n:]
		if n < sumBlock && s.size%sumBlock == 0 {
			s.sums = append(s.sums, s.begun.Sum64())
			s.begun.Reset()
		}
	}
}

// Seek returns the position; it cannot change it.
func (s *sumSink) Seek(offset int64, whence int) (int64, error) {
	at, err := s.w.Seek(offset, whence)
	return at + int64(len(s.held)), err
}

// finish lets end write the footer, and puts the checksums before it.
func (s *sumSink) finish(end func() error) error {
	s.holding = true
	if err := end(); err != nil {
		return err
	}
	s.holding = false
	tail := len(s.held) - ipcTailBytes
	if tail < 0 {
		return errors.New("arrow: it wrote no footer")
	}
	start := tail - int(binary.LittleEndian.Uint32(s.held[tail:]))
	if start < 0 {
		return errors.New("arrow: its footer is longer than what it wrote")
	}
	// There is something before the footer only if the file has no record.
	if _, err := s.Write(append(s.held[:start:start], ipcEnd...)); err != nil {
		return err
	}
	sums := s.sums
	if s.size%sumBlock != 0 {
		sums = append(sums, s.begun.Sum64())
	}
	footer := s.held[start:]
	_, err := s.w.Write(append(encodeSums(s.size, sums, footer), footer...))
	return err
}
