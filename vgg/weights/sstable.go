package weights

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/snappy"

	"fovea/internal/budget"
)

// TensorFlow stores the index of a checkpoint, and all of one of version 1, as a LevelDB table:
// blocks of sorted entries, an index block of their locations, and a footer that locates the index.
// The usual libraries trust a block's length; here the whole table is already in memory, and every
// length is checked against it.

const (
	sstableMagic       = 0xdb4775248b80fb57
	sstableFooter      = 48
	sstableTrailer     = 5 // the kind of compression and a checksum
	compressedNot      = 0
	compressedBySnappy = 1
	// maxIndexBlock bounds the decompressed size of an index.
	maxIndexBlock = 64 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedCRC is the checksum of LevelDB and of TensorFlow.
func maskedCRC(data ...[]byte) uint32 {
	var crc uint32
	for _, part := range data {
		crc = crc32.Update(crc, castagnoli, part)
	}
	return (crc>>15 | crc<<17) + 0xa282ead8
}

func isSSTable(tail []byte) bool {
	return len(tail) >= 8 && binary.LittleEndian.Uint64(tail[len(tail)-8:]) == sstableMagic
}

// sstableEntries calls yield for every entry in turn. The values are views of data where
// their block is not compressed; the keys are valid during the call only.
func sstableEntries(data []byte, memory *budget.Budget, yield func(key, value []byte) error) error {
	if len(data) < sstableFooter || !isSSTable(data) {
		return fmt.Errorf("%w: it does not end as a TensorFlow checkpoint does: is it truncated?", ErrFormat)
	}
	footer := data[len(data)-sstableFooter:]
	_, rest, err := blockHandle(footer)
	if err != nil {
		return err
	}
	where, _, err := blockHandle(rest)
	if err != nil {
		return err
	}
	index, err := sstableBlock(data, where, maxIndexBlock, memory)
	if err != nil {
		return err
	}
	next := uint64(0)
	return blockEntries(index, func(_, value []byte) error {
		at, _, err := blockHandle(value)
		if err != nil {
			return err
		}
		if at.offset < next { // no valid table has a block twice
			return fmt.Errorf("%w: its blocks overlap", ErrFormat)
		}
		next = at.offset + at.length
		block, err := sstableBlock(data, at, maxTensorBytes, memory)
		if err != nil {
			return err
		}
		return blockEntries(block, yield)
	})
}

type handle struct{ offset, length uint64 }

func blockHandle(b []byte) (h handle, rest []byte, err error) {
	for _, number := range []*uint64{&h.offset, &h.length} {
		n := 0
		if *number, n = binary.Uvarint(b); n <= 0 {
			return h, nil, fmt.Errorf("%w: the location of a block is damaged", ErrFormat)
		}
		b = b[n:]
	}
	return h, b, nil
}

// sstableBlock checks and unpacks a block.
func sstableBlock(data []byte, h handle, limit int, memory *budget.Budget) ([]byte, error) {
	size := uint64(len(data))
	if h.offset > size || h.length > size-h.offset || size-h.offset-h.length < sstableTrailer {
		return nil, fmt.Errorf("%w: a block of %d bytes at %d lies outside the file: is it truncated?", ErrFormat, h.length, h.offset)
	}
	block := data[h.offset : h.offset+h.length]
	trailer := data[h.offset+h.length:][:sstableTrailer]
	if maskedCRC(block, trailer[:1]) != binary.LittleEndian.Uint32(trailer[1:]) {
		return nil, fmt.Errorf("%w: the checksum of its block at %d does not match: it is damaged", ErrFormat, h.offset)
	}
	switch trailer[0] {
	case compressedNot:
		return block, nil
	case compressedBySnappy:
		// Snappy compresses at most 64 bytes into 3.
		length, err := snappy.DecodedLen(block)
		if err != nil || length > limit || length > 64*(len(block)+1) {
			return nil, fmt.Errorf("%w: a compressed block at %d of %d bytes", ErrFormat, h.offset, length)
		}
		if err := memory.Take(int64(length), "a compressed block"); err != nil {
			return nil, err
		}
		unpacked, err := snappy.Decode(nil, block)
		if err != nil {
			return nil, fmt.Errorf("%w: its block at %d: %w", ErrFormat, h.offset, err)
		}
		return unpacked, nil
	}
	return nil, fmt.Errorf("%w: its block at %d is compressed in an unknown way (%d)", ErrFormat, h.offset, trailer[0])
}

// blockEntries calls yield for a block's entries. A key is stored as the length of the prefix it
// shares with the previous key and the rest; the block ends with offsets of unshared keys, which
// only searching needs.
func blockEntries(block []byte, yield func(key, value []byte) error) error {
	damaged := fmt.Errorf("%w: a block's entries are damaged", ErrFormat)
	if len(block) < 4 {
		return damaged
	}
	restarts := uint64(binary.LittleEndian.Uint32(block[len(block)-4:]))
	if restarts > uint64(len(block)-4)/4 {
		return damaged
	}
	entries := block[:len(block)-4-4*int(restarts)]
	var key []byte
	for len(entries) > 0 {
		var shared, added, length uint64
		for _, number := range []*uint64{&shared, &added, &length} {
			n := 0
			if *number, n = binary.Uvarint(entries); n <= 0 {
				return damaged
			}
			entries = entries[n:]
		}
		left := uint64(len(entries))
		if shared > uint64(len(key)) || added > left || length > left-added {
			return damaged
		}
		key = append(key[:shared], entries[:added]...)
		if err := yield(key, entries[added:added+length:added+length]); err != nil {
			return err
		}
		entries = entries[added+length:]
	}
	return nil
}
