package weights

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"

	"fovea/internal/budget"
)

// The unpickler trusts the lengths in a pickle and allocates memory for them. checkPickle walks a
// pickle's operations first, without running them, compares every length with the bytes that
// are left, and charges what the operations make: one byte can make a dictionary.

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
	pickleFrame   // a length of what the operations that follow take
	pickleNumber1 // a length of so many bytes, and a whole number
	pickleNumber4
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
		pickleCounted1: "UC\x8c",
		pickleCounted4: "TXB",
		pickleNumber1:  "\x8a",
		pickleNumber4:  "\x8b",
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

const (
	// pickleOperationBytes is about what an operation leaves behind: a value on the stack or in the memo.
	// pickleContainerBytes is the same for those that make dictionaries, lists, sets and objects.
	pickleOperationBytes = 64
	pickleContainerBytes = 384
	pickleContainers     = "(}])\x8f\x91\x81\x92Riotld"
	// maxPickleNumber bounds the bytes of a whole number, which takes the square of them in time.
	maxPickleNumber = 256
	// maxPickleBuilds bounds what setting the states of objects, each perhaps as large as all before it, may take.
	maxPickleBuilds = 1 << 31
)

// notUnpickled are functions that the unpickler knows by itself and that no weights need: they copy what they are given.
var notUnpickled = []string{"_array_reconstructor"}

// pickleCheck reads a pickle of which so many bytes are left.
type pickleCheck struct {
	r      *bufio.Reader
	left   int64
	memory *budget.Budget
	// operations counts those so far, builds what setting states may take.
	operations, builds int64
	// frames is the length of all frames, framed what the last one was charged.
	size, frames, framed int64
}

// checkPickle reads one pickle to its end, at most size bytes, and charges what running it makes.
func checkPickle(source io.Reader, size int64, memory *budget.Budget) error {
	c := &pickleCheck{r: bufio.NewReader(source), left: size, size: size, memory: memory}
	for {
		operation, err := c.r.ReadByte()
		if err != nil {
			return fmt.Errorf("%w: the pickle does not end: is it truncated? %w", ErrFormat, err)
		}
		c.left--
		if operation == '.' {
			return nil
		}
		if err := c.charge(operation); err != nil {
			return err
		}
		if err := c.argument(operation); err != nil {
			return err
		}
	}
}

// charge charges what an operation makes, besides the bytes that follow it.
func (c *pickleCheck) charge(operation byte) error {
	c.operations++
	if operation == 'b' {
		if c.builds += c.operations; c.builds > maxPickleBuilds {
			return fmt.Errorf("%w: a pickle that builds too many objects", ErrFormat)
		}
	}
	cost := int64(pickleOperationBytes)
	if strings.IndexByte(pickleContainers, operation) >= 0 {
		cost = pickleContainerBytes
	}
	return c.memory.Take(cost, "what its pickle makes")
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
	case pickleNumber1:
		return c.number(1)
	case pickleNumber4:
		return c.number(4)
	case pickleCounted8:
		return c.counted(8)
	case pickleFrame: // the operations in it are read one by one
		n, err := c.length(8)
		if err == nil && (n < 0 || n > c.left) {
			err = fmt.Errorf("%w: a frame of %d bytes where %d are left: is it truncated?", ErrFormat, n, c.left)
		}
		if err == nil {
			err = c.frame(n)
		}
		return err
	}
	return fmt.Errorf("%w: it is not a pickle: unknown operation 0x%02x", ErrFormat, operation)
}

// frame charges a frame of operations, which is read at once. Frames do not lie in one another, so what the ones
// before have taken is free again.
func (c *pickleCheck) frame(n int64) error {
	c.memory.Give(c.framed)
	c.framed = 0
	if c.frames += n; c.frames > c.size {
		return fmt.Errorf("%w: frames of %d bytes in a pickle of %d", ErrFormat, c.frames, c.size)
	}
	err := c.memory.Take(n, "a frame of its pickle")
	if err == nil {
		c.framed = n
	}
	return err
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
	for _, name := range notUnpickled {
		if head, _ := c.r.Peek(len(name)); n == int64(len(name)) && string(head) == name {
			return fmt.Errorf("%w: it refers to %s, which no weights need", ErrFormat, name)
		}
	}
	// It is read, and made a text.
	if n > 0 && n <= c.left {
		if err := c.memory.Take(2*n, "a value in its pickle"); err != nil {
			return err
		}
	}
	return c.skip(n)
}

// number skips a whole number of many bytes.
func (c *pickleCheck) number(width int) error {
	n, err := c.length(width)
	if err == nil && n > maxPickleNumber {
		err = fmt.Errorf("%w: a number of %d bytes", ErrFormat, n)
	}
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
	line := make([]byte, 0, 64)
	for range maxPickleLine {
		b, err := c.r.ReadByte()
		if err != nil {
			return fmt.Errorf("%w: it is truncated: %w", ErrFormat, err)
		}
		c.left--
		if b == '\n' {
			if slices.Contains(notUnpickled, strings.Trim(string(line), `'"`)) {
				return fmt.Errorf("%w: it refers to %s, which no weights need", ErrFormat, line)
			}
			return c.memory.Take(2*int64(len(line)), "a line of its pickle")
		}
		line = append(line, b)
	}
	return fmt.Errorf("%w: a line of more than %d bytes in a pickle", ErrFormat, maxPickleLine)
}
