package codec

import (
	"encoding/binary"
	"io"
	"slices"
	"time"
)

// What goes through the pipes is of a fixed size, followed by the file, the pixels or a message.

// greeting is what a process says first, so that no file is sent to a program that is something else.
const greeting = "fovea picture codec 3\n"

// What follows the greeting.
const (
	isConfined    = 'c'
	isNotConfined = 'n'
)

type request struct {
	Kind uint8
	// Deep asks for all bits of samples of more than 8.
	Deep bool
	// Keep asks to leave the decoder open. With Again, the request is for another frame of the one that is open, with
	// its memory, and no file follows.
	Keep, Again    bool
	Index          uint32 // of the frame
	Pixels, Memory int64
	Time           time.Duration
	Size           int64 // of the file that follows
}

type reply struct {
	Reason                uint8 // an index of reasons
	Channels              uint8
	Premultiplied         bool
	Sample                uint8
	Bits                  [maxChannels]uint8
	Signed                [maxChannels]bool
	Float, JPEG           bool
	Width, Height, Stride uint32
	Time                  time.Duration // that the processor took
	Size                  int64         // of the pixels or the message that follows
}

func send(to io.Writer, header any, body []byte) error {
	if err := binary.Write(to, binary.LittleEndian, header); err != nil {
		return err
	}
	_, err := to.Write(body)
	return err
}

// receive reads size bytes, into memory that grows with what comes.
func receive(from io.Reader, into []byte, size int64) ([]byte, error) {
	const step = 16 << 20
	into = into[:0]
	for int64(len(into)) < size {
		at, n := len(into), int(min(step, size-int64(len(into))))
		into = slices.Grow(into, n)[:at+n]
		if _, err := io.ReadFull(from, into[at:]); err != nil {
			return nil, err
		}
	}
	return into, nil
}
