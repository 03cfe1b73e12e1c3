package boxes

import (
	"encoding/binary"
	"fmt"

	"fovea/picture/internal/fault"
)

// ErrHead is a fault.ErrTruncated before a box's content begins.
var ErrHead = fmt.Errorf("%w", fault.ErrTruncated)

// Split splits data after its first box. What is there of a box that is not whole is its content all the same, with an
// fault.ErrTruncated or, if the box is shorter than its own head, a fault.ErrCorrupt.
func Split(data []byte) (kind string, content, rest []byte, err error) {
	if len(data) < 8 {
		return "", nil, nil, fmt.Errorf("%w: the file ends within a box", ErrHead)
	}
	kind = string(data[4:8])
	head, size := uint64(8), uint64(binary.BigEndian.Uint32(data))
	switch {
	case size == 0: // to the end
		size = uint64(len(data))
	case size == 1 && len(data) < 16:
		return kind, data[8:], nil, fmt.Errorf("%w: the file ends within a box", ErrHead)
	case size == 1:
		head, size = 16, binary.BigEndian.Uint64(data[8:])
	}
	switch {
	case size < head:
		return kind, data[min(head, uint64(len(data))):], nil, fault.Corrupt("the box %q is shorter than its own head", kind)
	case size > uint64(len(data)):
		return kind, data[head:], nil, fault.Truncated("the file ends within the box %q", kind)
	}
	return kind, data[head:size], data[size:], nil
}
