package weights

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// The unpickler takes the lengths in a pickle on trust and makes room for them. checkPickle
// walks a pickle's operations first, without running them, and holds every length against
// the bytes that are left.

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

// checkPickle reads one pickle to its end, of at most size bytes.
func checkPickle(source io.Reader, size int64) error {
	r := bufio.NewReader(source)
	left := size
	skip := func(n int64) error {
		if n < 0 || n > left {
			return fmt.Errorf("%w: a value of %d bytes where %d are left: is it truncated?", ErrFormat, n, left)
		}
		left -= n
		for n > 0 {
			m, err := r.Discard(int(min(n, 1<<30)))
			if err != nil {
				return fmt.Errorf("%w: it is truncated: %w", ErrFormat, err)
			}
			n -= int64(m)
		}
		return nil
	}
	for {
		operation, err := r.ReadByte()
		if err != nil {
			return fmt.Errorf("%w: the pickle does not end: is it truncated? %w", ErrFormat, err)
		}
		left--
		argument := pickleArguments[operation]
		switch argument {
		case pickleNothing:
			if operation == '.' {
				return nil
			}
		case pickle1, pickle2, pickle4, pickle8:
			err = skip(1 << (argument - pickle1))
		case pickleLine, pickle2Lines:
			for range int(argument-pickleLine) + 1 {
				n := int64(0)
				if n, err = pickleTextLine(r); err != nil {
					return err
				}
				left -= n
			}
		case pickleCounted1, pickleCounted4, pickleCounted8, pickleFrame:
			width := map[byte]int{pickleCounted1: 1, pickleCounted4: 4, pickleCounted8: 8, pickleFrame: 8}[argument]
			var length [8]byte
			if _, err := io.ReadFull(r, length[:width]); err != nil {
				return fmt.Errorf("%w: it is truncated: %w", ErrFormat, err)
			}
			left -= int64(width)
			n := int64(binary.LittleEndian.Uint64(length[:]))
			if argument == pickleFrame {
				if n < 0 || n > left {
					return fmt.Errorf("%w: a frame of %d bytes where %d are left: is it truncated?", ErrFormat, n, left)
				}
				continue
			}
			err = skip(n)
		default:
			return fmt.Errorf("%w: it is no pickle: an operation 0x%02x", ErrFormat, operation)
		}
		if err != nil {
			return err
		}
	}
}

func pickleTextLine(r *bufio.Reader) (n int64, err error) {
	for ; n < maxPickleLine; n++ {
		b, err := r.ReadByte()
		if err != nil {
			return n, fmt.Errorf("%w: it is truncated: %w", ErrFormat, err)
		}
		if b == '\n' {
			return n + 1, nil
		}
	}
	return n, fmt.Errorf("%w: a line of more than %d bytes in a pickle", ErrFormat, maxPickleLine)
}
