package tiff

import "math"

// Blocks is the number of blocks of all planes.
func (l *Layout) Blocks() int64 {
	planes := 1
	if l.Planes {
		planes = l.Samples
	}
	return times(l.Across, l.Down, planes)
}

// channels is the number of samples that a block has of each pixel.
func (l *Layout) channels() int {
	if l.Planes {
		return 1
	}
	return l.Samples
}

// rowBytes is the size of a row of a block.
func (l *Layout) rowBytes() int64 { return (times(l.BlockWidth, l.channels(), l.Bits)-1)/8 + 1 }

// blockBytes is the size of a whole block, -1 if that is beyond reason.
func (l *Layout) blockBytes() int64 {
	n := l.bytesOf(l.BlockHeight)
	if n > 1<<40 {
		return -1
	}
	return n
}

// bytesOf is the size of so many rows of a block.
func (l *Layout) bytesOf(rows int) int64 {
	if rows == 0 {
		return 0
	}
	if l.subsampled() {
		return times(divided(l.BlockWidth, l.Horizontal), divided(rows, l.Vertical), l.Horizontal*l.Vertical+2)
	}
	return times(int(min(l.rowBytes(), math.MaxInt32)), rows)
}

// rowsOf are the rows that are stored of a row of blocks.
func (l *Layout) rowsOf(down int) int {
	if l.Tiled {
		return l.BlockHeight
	}
	return min(l.BlockHeight, l.Height-down*l.BlockHeight)
}

// Memory is what Read takes besides its result, at most.
func (l *Layout) Memory() (int64, error) {
	coded, err := l.largest()
	if err != nil {
		return 0, err
	}
	block := max(0, l.blockBytes())
	switch l.Compression {
	case Uncompressed:
		return min(block, pieceBytes+l.bytesOf(l.Vertical)) + lists, nil
	case JPEG, OldJPEG, WebP:
		return coded + 2*block + lists, nil // without what the codec takes
	case Zstandard:
		return coded + 2*block + zstdBytes + lists, nil
	}
	return coded + block + unpackBytes + lists, nil
}

const (
	// pieceBytes is how much is read at a time of blocks that are not compressed.
	pieceBytes = 1 << 18
	// lists is the memory of parts of lists, and of small things; unpackBytes and zstdBytes that of the decompressors.
	lists       = 32 << 10
	unpackBytes = 72 << 10
	zstdBytes   = zstdWindow + 1<<20
)

// largest is the size of the largest compressed block, which is within the file.
func (l *Layout) largest() (int64, error) {
	if l.Compression == OldJPEG || l.Compression == Uncompressed {
		return 0, nil
	}
	f, most := l.dir.file, int64(0)
	for i := range l.Blocks() {
		at, n, err := f.place(l, i)
		if err != nil {
			return 0, err
		}
		most = max(most, min(n, f.size-min(at, f.size)))
	}
	return most, nil
}

// Least is the size of the smallest file with such blocks; those of a file may all be the same.
func (l *Layout) Least() int64 {
	raw := l.bytesOf(l.rowsOf(l.Down - 1))
	switch l.Compression {
	case Uncompressed:
		return raw
	case LZW:
		return raw / 2731
	case PackBits:
		return raw / 64
	case Deflate, DeflateOld:
		return raw / 1032
	}
	return 0
}

func divided(a, b int) int { return (a-1)/b + 1 }

// times is the product of numbers that are not negative, or the largest number.
func times(numbers ...int) int64 {
	product := int64(1)
	for _, n := range numbers {
		if n != 0 && product > math.MaxInt64/int64(n) {
			return math.MaxInt64
		}
		product *= int64(n)
	}
	return product
}
