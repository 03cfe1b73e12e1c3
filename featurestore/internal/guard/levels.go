package guard

import (
	"encoding/binary"
	"errors"
)

// ErrLevels means that the levels of a page are damaged, or not the expected ones.
var ErrLevels = errors.New("pages of another form")

// ReadLevels reads n levels of a number of bits, at most 8, at the beginning of a page, run by
// run, and returns what follows them. They are in Parquet's RLE format: 4 bytes of length,
// then runs of one level and runs of levels one by one ("bit-packed"). It fails with
// ErrLevels when they are damaged or accept refuses a run.
func ReadLevels(data []byte, width, n int, accept func(level, count int) bool) ([]byte, error) {
	if len(data) < 4 {
		return nil, ErrLevels
	}
	length := int64(binary.LittleEndian.Uint32(data))
	if data = data[4:]; length > int64(len(data)) {
		return nil, ErrLevels
	}
	return data[length:], ReadRuns(data[:length], width, n, accept)
}

// ReadRuns is ReadLevels without the length.
func ReadRuns(runs []byte, width, n int, accept func(level, count int) bool) error {
	for n > 0 {
		header, used := binary.Uvarint(runs)
		if used <= 0 || header>>1 == 0 || header>>1 > 1<<32 {
			return ErrLevels
		}
		runs = runs[used:]
		if header&1 == 0 { // one level, in a byte, header/2 times
			if len(runs) == 0 {
				return ErrLevels
			}
			count := min(n, int(header>>1))
			if !accept(int(runs[0]), count) {
				return ErrLevels
			}
			runs = runs[1:]
			n -= count
			continue
		}
		// header/2 times 8 levels of width bits, the lowest first; some may be too many.
		packed := int(header>>1) * width
		if packed > len(runs) {
			return ErrLevels
		}
		count := min(n, int(header>>1)*8)
		if !acceptPacked(runs[:packed], width, count, accept) {
			return ErrLevels
		}
		runs = runs[packed:]
		n -= count
	}
	return nil
}

// acceptPacked passes levels on one by one.
func acceptPacked(packed []byte, width, count int, accept func(level, count int) bool) bool {
	for i := range count {
		level := 0
		for b := range width {
			at := i*width + b
			level |= int(packed[at/8]>>(at%8)&1) << b
		}
		if !accept(level, 1) {
			return false
		}
	}
	return true
}
