package jpegxl

import (
	"encoding/binary"

	"fovea/picture/internal/boxes"
	"fovea/picture/internal/fault"
)

// File is what a file says about its image.
type File struct {
	// Width and Height are as stored, before it is turned.
	Width, Height int
	// Orientation is how to turn it, 1 to 8 as in EXIF, whose own counts for nothing.
	Orientation int
	// Bits is the size of a sample, and Float says that it is no whole number.
	Bits  int
	Float bool
	// Grey says that there is one colour, else there are three. Extra are the channels besides them.
	Grey  bool
	Extra []Channel
	// Animated files have several images.
	Animated bool
	// FromJPEG says that a JPEG can be made of it again.
	FromJPEG bool
}

// Channel is a kind of channel besides the colours.
type Channel int

// The kinds that matter.
const (
	Alpha Channel = 0
	Black Channel = 4
	CFA   Channel = 5
)

const (
	signature = "\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a"
	start     = "\xff\x0a"
	// mostOfHeader bounds the header: extra channels may have names.
	mostOfHeader = 1 << 16
)

// Is says whether a file begins as JPEG XL does.
func Is(data []byte) bool {
	return len(data) >= len(signature) && string(data[:len(signature)]) == signature ||
		len(data) >= len(start) && string(data[:len(start)]) == start
}

// Read reads a file's header.
func Read(data []byte) (f File, err error) {
	if len(data) >= len(start) && string(data[:len(start)]) == start {
		return f, f.header(data[:min(len(data), mostOfHeader)])
	}
	head, err := f.boxes(data)
	if err != nil {
		return f, err
	}
	return f, f.header(head)
}

// boxes returns the beginning of the codestream, which may be in parts. Every box must be whole.
func (f *File) boxes(data []byte) (head []byte, err error) {
	const last = 1 << 31
	begun, ended := false, false
	for rest := data[min(len(data), len(signature)):]; len(rest) > 0; {
		kind, content, after, err := boxes.Split(rest)
		if err != nil {
			return nil, err
		}
		switch {
		case kind == "jbrd":
			f.FromJPEG = true
		case kind == "jxlc" && !begun:
			head, begun, ended = content[:min(len(content), mostOfHeader)], true, true
		case kind == "jxlp" && !ended:
			if len(content) < 4 {
				return nil, fault.Corrupt("a part of the codestream without a number")
			}
			if len(head) < mostOfHeader {
				head = append(head[:len(head):len(head)], content[4:min(len(content), 4+mostOfHeader)]...)
			}
			begun, ended = true, binary.BigEndian.Uint32(content)&last != 0
		}
		rest = after
	}
	if !ended {
		return nil, fault.Truncated("the file ends before its codestream does")
	}
	return head, nil
}
