package jpeg2000

import (
	"encoding/binary"
	"errors"

	"fovea/picture/internal/boxes"
	"fovea/picture/internal/fault"
)

// Space is what a file says its colours are.
type Space int

// The spaces that are known. A codestream says nothing.
const (
	Unspecified Space = iota
	Grey
	RGB
	YCC // sYCC, whose luma and chroma are of full range
	CMYK
	Lab
	Other
)

// Component is one of the codestream's, before a palette is applied.
type Component struct {
	Bits   int
	Signed bool
	// DX and DY are how many columns and rows of the image share a sample.
	DX, DY int
}

// File is what a file says about its image.
type File struct {
	// Width and Height are the first component's, which is as large as the image.
	Width, Height int
	Components    []Component
	Space         Space
	// Palette is what the file's palette makes of the components; nil if it has none.
	Palette []Component
	// Premultiplied says that the colours are multiplied by the opacity.
	Premultiplied bool
	// Tile is the number of pixels of a tile, in the grid that all components share, and Grid that of the image. Blocks is
	// the size of a code block, in samples.
	Tile, Grid int64
	Blocks     int64
	// HighThroughput says that the blocks are coded as part 15 has it.
	HighThroughput bool
	// End is where the main header ends.
	End int
}

const (
	signature = "\x00\x00\x00\x0cjP  \x0d\x0a\x87\x0a"
	start     = "\xff\x4f\xff\x51"
)

// Is says whether a file begins as JPEG 2000 does.
func Is(data []byte) bool {
	return len(data) >= len(signature) && string(data[:len(signature)]) == signature ||
		len(data) >= len(start) && string(data[:len(start)]) == start
}

// Read reads a file's structure.
func Read(data []byte) (File, error) {
	var f File
	if len(data) >= len(start) && string(data[:len(start)]) == start {
		return f, f.codestream(data, 0)
	}
	return f, f.boxes(data)
}

// brands are those of files of the same boxes that hold more than one image.
var brands = map[string]string{"jpm ": "a document of several layers (JPM)", "mjp2": "a film (Motion JPEG 2000)", "mj2s": "a film (Motion JPEG 2000)"}

func (f *File) boxes(data []byte) error {
	headed := false
	for rest := data[min(len(data), len(signature)):]; len(rest) > 0; {
		kind, content, after, err := boxes.Split(rest)
		// A codestream itself says whether it is all there.
		if begun := errors.Is(err, fault.ErrTruncated) && !errors.Is(err, boxes.ErrHead); err != nil && !(kind == "jp2c" && begun) {
			return err
		}
		switch kind {
		case "ftyp":
			if name, is := brands[string(content[:min(4, len(content))])]; is {
				return fault.Unsupported("%s: convert it to JPEG or PNG", name)
			}
		case "jp2h":
			if err := f.header(content); err != nil {
				return err
			}
			headed = true
		case "jp2c":
			if !headed {
				return fault.Unsupported("a codestream without a JP2 header before it: convert it to JPEG or PNG")
			}
			return f.codestream(content, len(data)-len(after)-len(content))
		}
		rest = after
	}
	return fault.Truncated("the file ends before its codestream")
}

// header reads the boxes within the header.
func (f *File) header(data []byte) error {
	coloured := false
	for len(data) > 0 {
		kind, content, after, err := boxes.Split(data)
		if err != nil {
			return fault.Corrupt("the header's boxes are longer than itself")
		}
		switch kind {
		case "colr":
			if !coloured {
				f.Space = space(content)
				coloured = f.Space != Other
			}
		case "pclr":
			if len(content) < 3 || content[2] == 0 || len(content) < 3+int(content[2]) {
				return fault.Corrupt("a palette without colours")
			}
			f.Palette = nil
			for _, b := range content[3 : 3+int(content[2])] {
				f.Palette = append(f.Palette, Component{Bits: int(b&0x7f) + 1, Signed: b&0x80 != 0, DX: 1, DY: 1})
			}
		case "cdef":
			f.definitions(content)
		}
		data = after
	}
	return nil
}

// space is what a colour specification says.
func space(content []byte) Space {
	const enumerated, profile, anyProfile = 1, 2, 3
	if len(content) < 3 {
		return Other
	}
	switch method, rest := content[0], content[3:]; {
	case method == enumerated && len(rest) >= 4:
		if known, is := map[uint32]Space{12: CMYK, 14: Lab, 16: RGB, 17: Grey, 18: YCC}[binary.BigEndian.Uint32(rest)]; is {
			return known
		}
	case (method == profile || method == anyProfile) && len(rest) >= 20:
		if known, is := map[string]Space{"CMYK": CMYK, "Lab ": Lab, "RGB ": RGB, "GRAY": Grey}[string(rest[16:20])]; is {
			return known
		}
	}
	return Other
}

// Channels are what is decoded: the components, or what the palette makes of them.
func (f *File) Channels() []Component {
	if f.Palette != nil {
		return f.Palette
	}
	return f.Components
}

// definitions reads which channels are opacity.
func (f *File) definitions(content []byte) {
	const multiplied = 2
	for rest := content[min(2, len(content)):]; len(rest) >= 6; rest = rest[6:] {
		f.Premultiplied = f.Premultiplied || binary.BigEndian.Uint16(rest[2:]) == multiplied
	}
}
