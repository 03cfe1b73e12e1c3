package weights

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// The unpickler trusts the lengths in a pickle and allocates memory for them. checkPickle walks a
// pickle's operations first, without running them, and compares every length with the bytes that
// are left.

// What follows an operation.
const (
	pickleNothing = iota + 1
	pickle1       // so many bytes
	pickle2
	pickle4
	pickle8
	pickleLine
	pickle2Lines
	pickleCounted1 // a length of so many bytes, and what it counts
	pickleCounted4
	pickleCounted8
	pickleFrame // a length of what the operations that follow take
)

var pickleArguments = func() (arguments [256]byte) {
	for argument, operations := range map[byte]string{
		pickleNothing:  "(.012NQRabd}el]ost)u\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98",
		pickle1:        "Khq\x80\x82",
		pickle2:        "M\x83",
		pickle4:        "Jjr\x84",
		pickle8:        "G",
		pickleLine:     "FILPSVgp",
		pickle2Lines:   "ci",
		pickleCounted1: "UC\x8a\x8c",
		pickleCounted4: "TXB\x8b",
		pickleCounted8: "\x8d\x8e\x96",
		pickleFrame:    "\x95",
	} {
		for i := range len(operations) {
			arguments[operations[i]] = argument
		}
	}
	return arguments
}()

// maxPickleLine bounds a number or a name in text.
const maxPickleLine = 1 << 16

// pickleCheck reads a pickle of which so many bytes are left.
type pickleCheck struct {
	r    *bufio.Reader
	left int64
}

// checkPickle reads one pickle to its end, at most size bytes.
func checkPickle(source io.Reader, size int64) error {
	c := &pickleCheck{bufio.NewReader(source), size}
	for {
		operation, err := c.r.ReadByte()
		if err != nil {
			return fmt.Errorf("%w: the pickle does not end: is it truncated? %w", ErrFormat, err)
		}
		c.left--
		if operation == '.' {
			return nil
		}
		if err := c.argument(operation); err != nil {
			return err
		}
	}
}

// argument skips what follows an operation.
func (c *pickleCheck) argument(operation byte) error {
	switch argument := pickleArguments[operation]; argument {
	case pickleNothing:
		return nil
	case pickle1, pickle2, pickle4, pickle8:
		return c.skip(1 << (argument - pickle1))
	case pickleLine:
		return c.line()
	case pickle2Lines:
		if err := c.line(); err != nil {
			return err
		}
		return c.line()
	case pickleCounted1:
		return c.counted(1)
	case pickleCounted4:
		return c.counted(4)
	case pickleCounted8:
		return c.counted(8)
	case pickleFrame: // the operations in it are read one by one
		n, err := c.length(8)
		if err == nil && (n < 0 || n > c.left) {
			err = fmt.Errorf("%w: a frame of %d bytes where %d are left: is it truncated?", ErrFormat, n, c.left)
		}
		return err
	}
	return fmt.Errorf("%w: it is not a pickle: unknown operation 0x%02x", ErrFormat, operation)
}

// length reads a length of so many bytes.
func (c *pickleCheck) length(width int) (int64, error) {
	var length [8]byte
	if _, err := io.ReadFull(c.r, length[:width]); err != nil {
		return 0, fmt.Errorf("%w: it is truncated: %w", ErrFormat, err)
	}
	c.left -= int64(width)
	return int64(binary.LittleEndian.Uint64(length[:])), nil
}

func (c *pickleCheck) counted(width int) error {
	n, err := c.length(width)
	if err != nil {
		return err
	}
	return c.skip(n)
}

func (c *pickleCheck) skip(n int64) error {
	if n < 0 || n > c.left {
		return fmt.Errorf("%w: a value of %d bytes where %d are left: is it truncated?", ErrFormat, n, c.left)
	}
	c.left -= n
	for n > 0 {
		m, err := c.r.Discard(int(min(n, 1<<30)))
		if err != nil {
			return fmt.Errorf("%w: it is truncated: %w", ErrFormat, err)
		}
		n -= int64(m)
	}
	return nil
}

func (c *pickleCheck) line() error {
	for range maxPickleLine {
		b, err := c.r.ReadByte()
		if err != nil {
			return fmt.Errorf("%w: it is truncated: %w", ErrFormat, err)
		}
		c.left--
		if b == '\n' {
			return nil
		}
	}
	return fmt.Errorf("%w: a line of more than %d bytes in a pickle", ErrFormat, maxPickleLine)
}
