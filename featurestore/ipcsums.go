package featurestore

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/zeebo/xxh3"
)

// Arrow's format has no checksums. Files written by this package hold some between the records and the
// footer, where other readers do not look, since they find the records by the footer:
//
//	Arrow's own mark of the end of a stream of records
//	the XXH3 of each block of sumBlock bytes, from the start of the file to the end of that mark
//	the trailer: the number of bytes covered by these; sumBlock; the XXH3 of everything after the
//	    trailer; the XXH3 of the sums and the trailer so far; sumMagic: 8 bytes each
//
// So every byte of the file is covered, and reading some columns of some records checks the blocks that
// contain them. Numbers are little-endian. 64-bit XXH3 is as fast as memory, twice as fast as CRC-32C.
const (
	sumBlock        = 64 << 10
	sumMagic        = "FOVEAXX3"
	sumTrailerBytes = 40
)

// ipcEnd is the mark of the end of a stream of records.
var ipcEnd = []byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}

// fileSums are the checksums of an Arrow file. They are for one goroutine.
type fileSums struct {
	// covered is the number of bytes covered by sums.
	covered int64
	blocks  []uint64
	// seen marks the blocks that were compared.
	seen []bool
}

// encodeSums makes what goes between the records and footer, which includes the file's tail.
func encodeSums(covered int64, blocks []uint64, footer []byte) []byte {
	out := make([]byte, 0, 8*len(blocks)+sumTrailerBytes)
	for _, n := range append(blocks, uint64(covered), sumBlock, xxh3.Hash(footer)) {
		out = binary.LittleEndian.AppendUint64(out, n)
	}
	out = binary.LittleEndian.AppendUint64(out, xxh3.Hash(out))
	return append(out, sumMagic...)
}

// readSums reads the checksums of an Arrow file, nil if it has none, and checks the end of the file.
func readSums(r io.ReaderAt, size int64) (*fileSums, error) {
	footer, err := ipcFooterAt(r, size)
	if err != nil {
		return nil, err
	}
	trailer := make([]byte, sumTrailerBytes)
	if footer < sumTrailerBytes {
		return nil, nil
	}
	if _, err := r.ReadAt(trailer, footer-sumTrailerBytes); err != nil {
		return nil, err
	}
	if string(trailer[sumTrailerBytes-len(sumMagic):]) != sumMagic {
		return nil, nil // of an earlier version, or another program; see ipcRecords.ends
	}
	covered := int64(binary.LittleEndian.Uint64(trailer))
	blocks := (covered + sumBlock - 1) / sumBlock
	if covered < 1 || covered > footer || footer-sumTrailerBytes-8*blocks != covered || binary.LittleEndian.Uint64(trailer[8:]) != sumBlock {
		return nil, fmt.Errorf("%w: its checksums are not where they should be", ErrCorrupt)
	}
	raw := make([]byte, size-covered) // sums, trailer, footer
	if _, err := r.ReadAt(raw, covered); err != nil {
		return nil, err
	}
	numbers := make([]uint64, blocks+4)
	for i := range numbers {
		numbers[i] = binary.LittleEndian.Uint64(raw[8*i:])
	}
	if own := blocks + 3; xxh3.Hash(raw[:8*own]) != numbers[own] {
		return nil, fmt.Errorf("%w: its checksums are not those that were written", ErrCorrupt)
	}
	if xxh3.Hash(raw[footer-covered:]) != numbers[blocks+2] {
		return nil, fmt.Errorf("%w: its footer is not the one that was written: the checksum differs", ErrCorrupt)
	}
	return &fileSums{covered: covered, blocks: numbers[:blocks], seen: make([]bool, blocks)}, nil
}

// verify compares the blocks that contain a part of the file, each once. On nil it does nothing.
func (s *fileSums) verify(file []byte, from, to int64) error {
	if s == nil || from >= to {
		return nil
	}
	if from < 0 || to > s.covered || to > int64(len(file)) {
		return fmt.Errorf("%w: its bytes %d to %d have no checksum", ErrCorrupt, from, to)
	}
	for i := from / sumBlock; i*sumBlock < to; i++ {
		if s.seen[i] {
			continue
		}
		if err := s.compare(i, file[i*sumBlock:min((i+1)*sumBlock, s.covered)]); err != nil {
			return err
		}
		s.seen[i] = true
	}
	return nil
}

func (s *fileSums) compare(i int64, block []byte) error {
	if xxh3.Hash(block) == s.blocks[i] {
		return nil
	}
	return fmt.Errorf("%w: its bytes %d to %d are not those that were written: their checksum differs; restore the file from a copy, or recreate the dataset",
		ErrCorrupt, i*sumBlock, i*sumBlock+int64(len(block)))
}

// verifyAll compares all blocks of a file that is not mapped.
func (s *fileSums) verifyAll(r io.ReaderAt) error {
	block := make([]byte, sumBlock)
	for i := range s.blocks {
		at := int64(i) * sumBlock
		part := block[:min(sumBlock, s.covered-at)]
		if _, err := r.ReadAt(part, at); err != nil {
			return err
		}
		if err := s.compare(int64(i), part); err != nil {
			return err
		}
	}
	return nil
}
