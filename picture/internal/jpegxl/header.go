package jpegxl

import (
	"fovea/picture/internal/fault"
)

// header reads the beginning of a codestream: the size and what the samples are.
func (f *File) header(data []byte) error {
	if len(data) < len(start) {
		return fault.Truncated("the codestream ends at once")
	}
	if string(data[:len(start)]) != start {
		return fault.Corrupt("the codestream does not begin as one")
	}
	b := &bits{data: data[len(start):]}
	f.Width, f.Height = b.size()
	f.Orientation, f.Bits = 1, 8
	if !b.flag() { // else all is as usual
		f.metadata(b)
	}
	if b.short {
		return fault.Truncated("the file ends within its header")
	}
	return nil
}

var dimensions = [4]choice{{9, 1}, {13, 1}, {18, 1}, {30, 1}}

// size reads the size of an image.
func (b *bits) size() (width, height int) {
	small := b.flag()
	dimension := func() int {
		if small {
			return 8 * (int(b.number(5)) + 1)
		}
		return b.choose(dimensions)
	}
	height = dimension()
	if ratio := b.number(3); ratio > 0 {
		return byRatio(height, ratio), height
	}
	return dimension(), height
}

// byRatio is the width of an image of usual proportions.
func byRatio(height int, ratio uint64) int {
	r := [8][2]int{{}, {1, 1}, {12, 10}, {4, 3}, {3, 2}, {16, 9}, {5, 4}, {2, 1}}[ratio]
	return height * r[0] / r[1]
}

// preview skips the size of a small version.
func (b *bits) preview() {
	of := [4]choice{{6, 1}, {8, 65}, {10, 321}, {12, 1345}}
	if b.flag() {
		of = [4]choice{{0, 16}, {0, 32}, {5, 1}, {9, 33}}
	}
	b.choose(of)
	if b.number(3) == 0 {
		b.choose(of)
	}
}

// animation skips how fast the images follow each other.
func (b *bits) animation() {
	b.choose([4]choice{{0, 100}, {0, 1000}, {10, 1}, {30, 1}})
	b.choose([4]choice{{0, 1}, {0, 1001}, {8, 1}, {10, 1}})
	b.choose([4]choice{{0, 0}, {3, 0}, {16, 0}, {32, 0}})
	b.flag()
}

// depth reads what samples are.
func (b *bits) depth() (size int, float bool) {
	if float = b.flag(); float {
		size = b.choose([4]choice{{0, 32}, {0, 16}, {0, 24}, {6, 1}})
		b.number(4)
		return size, float
	}
	return b.choose([4]choice{{0, 8}, {0, 10}, {0, 12}, {6, 1}}), false
}

// metadata reads what is not as usual.
func (f *File) metadata(b *bits) {
	if b.flag() {
		f.Orientation = int(b.number(3)) + 1
		if b.flag() {
			b.size() // at which to show it
		}
		if b.flag() {
			b.preview()
		}
		if f.Animated = b.flag(); f.Animated {
			b.animation()
		}
	}
	f.Bits, f.Float = b.depth()
	b.flag() // whether 16 bits suffice
	for range b.choose([4]choice{{0, 0}, {0, 1}, {4, 2}, {12, 1}}) {
		if b.short {
			return
		}
		f.Extra = append(f.Extra, b.channel())
	}
	b.flag() // whether in XYB
	if !b.flag() {
		b.flag() // whether there is a profile
		f.Grey = b.enumeration() == 1
	}
}

// channel reads what a channel besides the colours is.
func (b *bits) channel() Channel {
	const spot = 2
	if b.flag() {
		return Alpha
	}
	kind := Channel(b.enumeration())
	b.depth()
	b.choose([4]choice{{0, 0}, {0, 3}, {0, 4}, {3, 1}}) // how much smaller it is
	b.skip(8 * b.choose([4]choice{{0, 0}, {4, 0}, {5, 16}, {10, 48}}))
	switch kind {
	case Alpha:
		b.flag() // whether the colours are multiplied by it
	case spot:
		b.skip(4 * 16)
	case CFA:
		b.choose([4]choice{{0, 1}, {2, 0}, {4, 3}, {8, 19}})
	}
	return kind
}
