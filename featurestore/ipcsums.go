package featurestore

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

// Arrow's format has no checksums. Files that this package writes have some between the records and
// the footer, where other readers do not look, since they find the records by the footer:
//
//	the mark that ends a stream of records, which is Arrow's own
//	a CRC-32C of each block of sumBlock bytes from the start of the file to the end of that mark
//	zeros, up to a multiple of 8 bytes
//	the trailer: the number of bytes that have such a sum (8 bytes); sumBlock (4); the CRC-32C of
//	    all that follows the trailer (4); that of the sums, the zeros and the trailer so far (4);
//	    zero (4); sumMagic (8)
//
// So each byte of the file is covered, and who reads some columns of some records looks at the
// blocks that they lie in, as it reads them. Numbers are little-endian.
const (
	sumBlock        = 64 << 10
	sumMagic        = "FOVEACRC"
	sumTrailerBytes = 32
)

// ipcEnd is what ends a stream of records.
var ipcEnd = []byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// fileSums are the checksums of an Arrow file. They are for one goroutine.
type fileSums struct {
	// covered is the number of bytes that have a sum.
	covered int64
	blocks  []uint32
	// seen are the blocks that were compared.
	seen []bool
}

// encodeSums makes what lies between the records and the footer, which is given with its tail.
func encodeSums(covered int64, blocks []uint32, footer []byte) []byte {
	out := make([]byte, 0, 4*len(blocks)+8+sumTrailerBytes)
	for _, sum := range blocks {
		out = binary.LittleEndian.AppendUint32(out, sum)
	}
	for len(out)%8 != 0 {
		out = append(out, 0)
	}
	out = binary.LittleEndian.AppendUint64(out, uint64(covered))
	out = binary.LittleEndian.AppendUint32(out, sumBlock)
	out = binary.LittleEndian.AppendUint32(out, crc32.Checksum(footer, castagnoli))
	out = binary.LittleEndian.AppendUint32(out, crc32.Checksum(out, castagnoli))
	out = binary.LittleEndian.AppendUint32(out, 0)
	return append(out, sumMagic...)
}

// readSums reads the checksums of an Arrow file, nil if it has none, and compares those of its end.
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
	covered, block := int64(binary.LittleEndian.Uint64(trailer)), binary.LittleEndian.Uint32(trailer[8:])
	blocks := (covered + sumBlock - 1) / sumBlock
	start := footer - sumTrailerBytes - (4*blocks+7)/8*8
	if covered < 1 || covered > footer || block != sumBlock || start != covered {
		return nil, fmt.Errorf("%w: its checksums do not lie where they should", ErrCorrupt)
	}
	raw := make([]byte, size-start) // sums, trailer, footer
	if _, err := r.ReadAt(raw, start); err != nil {
		return nil, err
	}
	own := int(footer-start) - sumTrailerBytes + 16
	if crc32.Checksum(raw[:own], castagnoli) != binary.LittleEndian.Uint32(raw[own:]) || binary.LittleEndian.Uint32(raw[own+4:]) != 0 {
		return nil, fmt.Errorf("%w: its checksums are not those that were written", ErrCorrupt)
	}
	if crc32.Checksum(raw[footer-start:], castagnoli) != binary.LittleEndian.Uint32(raw[own-4:]) {
		return nil, fmt.Errorf("%w: its footer is not the one that was written: the checksum differs", ErrCorrupt)
	}
	s := &fileSums{covered: covered, blocks: make([]uint32, blocks), seen: make([]bool, blocks)}
	for i := range s.blocks {
		s.blocks[i] = binary.LittleEndian.Uint32(raw[4*i:])
	}
	return s, nil
}

// verify compares the blocks that a part of the file lies in, each once. On nil it does nothing.
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
	if crc32.Checksum(block, castagnoli) == s.blocks[i] {
		return nil
	}
	return fmt.Errorf("%w: its bytes %d to %d are not those that were written: their checksum differs; restore the file from a copy, or make the dataset anew",
		ErrCorrupt, i*sumBlock, i*sumBlock+int64(len(block)))
}

// verifyAll compares all of a file that is not in memory.
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
