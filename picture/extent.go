package picture

import (
	"encoding/binary"
	"fmt"
	"math"
)

// extent is what an image's decoder takes, by the file's header. The size that a file claims for its
// canvas is not all: frames and tiles have sizes of their own.
type extent struct {
	// pixels are those that are decoded, if more than the image's.
	pixels int64
	// bytes is the most memory that the decoder has in use at a time.
	bytes int64
	// least is the size of the smallest file with such an image; 0 if that may be of any size.
	least int64
	// deep says that the samples have more than 8 bits, so that a Range takes memory, too.
	deep bool
	// deeper is what decoding takes more where a Range other than auto asks for all bits.
	deeper int64
}

// after is the extent of an image after other bytes.
func (e extent) after(bytes int64) extent {
	e.least += bytes
	return e
}

// How many times its size data can grow at most: Deflate has 258 bytes for 2 bits, LZW 4,096 for
// 12 bits.
const (
	mostOfDeflate = 1032
	mostOfLZW     = 2731
)

// What decoders take besides pixels: the tables of Deflate, of LZW, and buffers.
const (
	inflaterBytes = 64 << 10
	lzwBytes      = 64 << 10
)

// times is the product of numbers that are not negative, or the largest number.
func times(numbers ...int) int64 {
	product := int64(1)
	for _, n := range numbers {
		if n == 0 {
			return 0
		}
		if product > math.MaxInt64/int64(n) {
			return math.MaxInt64
		}
		product *= int64(n)
	}
	return product
}

// plus is the sum of numbers that are not negative, or the largest number.
func plus(numbers ...int64) int64 {
	sum := int64(0)
	for _, n := range numbers {
		if sum > math.MaxInt64-n {
			return math.MaxInt64
		}
		sum += n
	}
	return sum
}

func divided(a, b int) int { return (a-1)/b + 1 }

// pngChunks calls visit with the chunks that data has in full, until it says stop.
func pngChunks(data []byte, visit func(kind string, content []byte) (stop bool)) {
	rest := data[min(8, len(data)):]
	for len(rest) >= 12 {
		length := int64(binary.BigEndian.Uint32(rest))
		if length+12 > int64(len(rest)) {
			return
		}
		if visit(string(rest[4:8]), rest[8:8+length]) {
			return
		}
		rest = rest[length+12:]
	}
}

// pngExtent is that of a PNG of whose header the decoder approves. An interlaced one is decoded in
// seven passes, which have memory of their own, as much as the image.
func pngExtent(data []byte, width, height int) (extent, error) {
	var header []byte
	transparent := false
	rest := int64(8) // up to the pixels
	pngChunks(data, func(kind string, content []byte) bool {
		if kind == "IHDR" && header == nil && len(content) == 13 {
			header = content
		}
		transparent = transparent || kind == "tRNS"
		rest += int64(len(content)) + 12
		return kind == "IDAT"
	})
	if header == nil {
		return extent{}, nil
	}
	samples := map[byte]int{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[header[9]]
	depth, palette, interlaced := int(header[8]), header[9] == 3, header[12] == 1
	size := 4 // bytes of a decoded pixel
	switch {
	case palette, samples == 1 && depth <= 8 && !transparent:
		size = 1
	case samples == 1 && depth == 16 && !transparent:
		size = 2
	case depth == 16:
		size = 8
	}
	row := times(width, samples, depth)/8 + 2
	e := extent{
		bytes: plus(times(width, height, size), 2*row, inflaterBytes), deep: depth == 16,
		least: times(width, height, samples, depth) / 8 / mostOfDeflate,
	}
	if interlaced {
		e.bytes = plus(e.bytes, times(width, height, size))
	}
	return e, nil
}

// gifExtent is that of a GIF's first frame, which must be within the canvas.
func gifExtent(data []byte, width, height int) (extent, error) {
	frame := readGIF(data).frame
	if frame.left+frame.width > width || frame.top+frame.height > height {
		return extent{}, outside(frame, width, height)
	}
	e := extent{bytes: times(frame.width, frame.height) + lzwBytes, least: times(frame.width, frame.height) / mostOfLZW}
	if frame.interlaced {
		e.bytes += times(frame.width, frame.height)
	}
	return e, nil
}

// place is a frame's part of the canvas.
type place struct {
	left, top, width, height int
	interlaced               bool
}

func outside(frame place, width, height int) error {
	return fmt.Errorf("%w: a frame of %dx%d pixels at %d, %d is not within its canvas of %dx%d", ErrCorrupt,
		frame.width, frame.height, frame.left, frame.top, width, height)
}
