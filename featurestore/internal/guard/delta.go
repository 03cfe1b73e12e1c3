package guard

import (
	"encoding/binary"
	"fmt"
)

// Bounds of delta encodings; writers use blocks of 128 values in 4 parts.
const (
	maxDeltaBlock = 1 << 16
	maxDeltaParts = 1 << 10
)

// checkDelta checks the head of values in a delta encoding, n at most: Arrow's decoders allocate what it claims. It
// returns what follows them.
func checkDelta(data []byte, n int) ([]byte, error) {
	bad := fmt.Errorf("%w: a page's differences are damaged", ErrCorrupt)
	number := func() (v uint64, ok bool) {
		v, used := binary.Uvarint(data)
		data = data[max(0, used):]
		return v, used > 0
	}
	block, ok1 := number()
	parts, ok2 := number()
	total, ok3 := number()
	_, ok4 := number()
	if !ok1 || !ok2 || !ok3 || !ok4 || block == 0 || block > maxDeltaBlock || parts == 0 || parts > maxDeltaParts || block%parts != 0 || total > uint64(n) {
		return nil, bad
	}
	each := block / parts
	for left := int64(total) - 1; left > 0; {
		if _, ok := number(); !ok || uint64(len(data)) < parts {
			return nil, bad
		}
		widths := data[:parts]
		data = data[parts:]
		for _, width := range widths {
			if left <= 0 {
				break // the widths of parts without values mean nothing
			}
			bytes := each * uint64(width) / 8
			if width > 64 || bytes > uint64(len(data)) {
				return nil, bad
			}
			data = data[bytes:]
			left -= int64(each)
		}
	}
	return data, nil
}
