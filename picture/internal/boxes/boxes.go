package boxes

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Why a file is not read.
var (
	ErrTruncated = errors.New("truncated")
	// ErrHead is an ErrTruncated before a box's content begins.
	ErrHead        = fmt.Errorf("%w", ErrTruncated)
	ErrCorrupt     = errors.New("corrupt")
	ErrUnsupported = errors.New("unsupported")
)

// fault is one of the reasons, and what is wrong.
type fault struct {
	reason error
	what   string
}

func (f *fault) Error() string { return f.what }
func (f *fault) Unwrap() error { return f.reason }

// Fault is an error that wraps one of the reasons and reads as what is wrong.
func Fault(reason error, format string, arguments ...any) error {
	return &fault{reason, fmt.Sprintf(format, arguments...)}
}

// Split splits data behind its first box. What is there of a box that is not whole is its content all the same, with an
// ErrTruncated or, if the box is shorter than its own head, an ErrCorrupt.
func Split(data []byte) (kind string, content, rest []byte, err error) {
	if len(data) < 8 {
		return "", nil, nil, Fault(ErrHead, "the file ends within a box")
	}
	kind = string(data[4:8])
	head, size := uint64(8), uint64(binary.BigEndian.Uint32(data))
	switch {
	case size == 0: // to the end
		size = uint64(len(data))
	case size == 1 && len(data) < 16:
		return kind, data[8:], nil, Fault(ErrHead, "the file ends within a box")
	case size == 1:
		head, size = 16, binary.BigEndian.Uint64(data[8:])
	}
	switch {
	case size < head:
		return kind, data[min(head, uint64(len(data))):], nil, Fault(ErrCorrupt, "the box %q is shorter than its own head", kind)
	case size > uint64(len(data)):
		return kind, data[head:], nil, Fault(ErrTruncated, "the file ends within the box %q", kind)
	}
	return kind, data[head:size], data[size:], nil
}
