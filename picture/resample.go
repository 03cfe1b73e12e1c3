package picture

import (
	"encoding/binary"
	"math"
)

// Sizes of the single-crop protocol.
const (
	cropFrom = 256
	cropTo   = 224
)

// resize makes the picture that options ask for, in two passes, rounding to bytes in
// between. Rows and columns that don't show aren't computed.
func (w *workspace) resize(dst []uint8, s source, options Options) {
	width, height, left, top := options.Width, options.Height, 0, 0
	if options.Resize == Crop {
		width, height, left, top = cropped(s.width, s.height, options.Width)
	}
	f := filters[options.Interpolation]
	w.columns.set(f, s.width, width, left, options.Width)
	w.rows.set(f, s.height, height, top, options.Height)

	first := w.rows.starts[0]
	start, weights := w.rows.window(options.Height - 1)
	end := start + len(weights)
	stride := 3 * options.Width
	if columnsFirst(s, width, height) {
		w.middle = grown(w.middle, stride*(end-first)+8)
		w.resizeColumns(w.middle, s, first, end, stride)
		w.resizeRows(dst, w.middle, first, stride)
		return
	}
	wide := 3 * s.width
	w.whole = grown(w.whole, wide*(end-first)+8)
	for y := first; y < end; y++ {
		s.row(y, w.whole[(y-first)*wide:], 1)
	}
	w.middle = grown(w.middle, wide*options.Height)
	w.resizeRows(w.middle, w.whole, first, wide)
	half := source{width: s.width, height: options.Height, row: func(y int, dst []uint8, step int) {
		spread(dst, w.middle[y*wide:], s.width, step, 3, 1)
	}}
	w.resizeColumns(dst, half, 0, options.Height, stride)
}

// columnsFirst says which pass comes first; it shows in the roundings. Pillow 13 begins
// with the other where the height shrinks by more than twice what the width does. (Up to
// Pillow 12 the columns were always first: tall pictures may differ by 1 level.)
func columnsFirst(s source, width, height int) bool {
	shrink := s.height - height
	return shrink <= 0 || shrink <= 2*(s.width-width)
}

// cropped is the size that a picture is scaled to before the centre is taken out of it,
// and where the centre begins: the shorter side is in the proportion of 256 to 224 to the
// model's size. The longer side is rounded down and the offsets to even, as torchvision's
// are.
func cropped(width, height, size int) (scaledWidth, scaledHeight, left, top int) {
	short := int(math.RoundToEven(float64(size) * cropFrom / cropTo))
	scaledWidth, scaledHeight = short, short
	if width < height {
		scaledHeight = int(int64(short) * int64(height) / int64(width))
	} else {
		scaledWidth = int(int64(short) * int64(width) / int64(height))
	}
	left = int(math.RoundToEven(float64(scaledWidth-size) / 2))
	top = int(math.RoundToEven(float64(scaledHeight-size) / 2))
	return scaledWidth, scaledHeight, left, top
}

// stripRows is how many rows a word holds a sample of.
const stripRows = 8

// resizeColumns scales the rows first to end of the source to the output's width. It
// takes 8 rows at a time, interleaved, so that a word holds the same sample of each.
func (w *workspace) resizeColumns(dst []uint8, s source, first, end, stride int) {
	const pixel = 3 * stripRows
	w.strip = grown(w.strip, pixel*s.width)
	for y := first; y < end; y += stripRows {
		rows := min(stripRows, end-y)
		for i := range rows {
			s.row(y+i, w.strip[i:], stripRows)
		}
		out := dst[(y-first)*stride:]
		for x := range w.columns.starts {
			start, weights := w.columns.window(x)
			samples := w.strip[start*pixel:]
			for c := range 3 {
				word := weigh(samples[c*stripRows:], pixel, weights)
				scatter(out[3*x+c:], stride, rows, word)
			}
		}
	}
}

// scatter writes the first bytes of a word to as many rows.
func scatter(out []uint8, stride, rows int, word uint64) {
	if rows < stripRows {
		for i := range rows {
			out[i*stride] = uint8(word >> (8 * i))
		}
		return
	}
	_ = out[7*stride]
	out[0], out[stride] = uint8(word), uint8(word>>8)
	out[2*stride], out[3*stride] = uint8(word>>16), uint8(word>>24)
	out[4*stride], out[5*stride] = uint8(word>>32), uint8(word>>40)
	out[6*stride], out[7*stride] = uint8(word>>48), uint8(word>>56)
}

// resizeRows scales the columns, 8 neighbouring bytes at a time. src has 8 bytes to spare
// at its end.
func (w *workspace) resizeRows(dst, src []uint8, first, stride int) {
	for y := range w.rows.starts {
		start, weights := w.rows.window(y)
		in, out := src[(start-first)*stride:], dst[y*stride:(y+1)*stride]
		x := 0
		for ; x+8 <= stride; x += 8 {
			binary.LittleEndian.PutUint64(out[x:], weigh(in[x:], stride, weights))
		}
		if x < stride {
			var last [8]uint8
			binary.LittleEndian.PutUint64(last[:], weigh(in[x:], stride, weights))
			copy(out[x:], last[:])
		}
	}
}

// weigh sums words of 8 samples, step bytes apart, times the weights. Each of 4 sums
// carries two samples, 32 bits apart: a negative low half borrows from the high half,
// which split gives back.
func weigh(src []uint8, step int, weights []int64) uint64 {
	const lanes, round = 0x000000ff_000000ff, 1<<(weightBits-1) | 1<<(weightBits-1+32)
	var a, b, c, d uint64 = round, round, round, round
	at := 0
	for _, weight := range weights {
		word, k := binary.LittleEndian.Uint64(src[at:at+8]), uint64(weight)
		a += word & lanes * k
		b += word >> 8 & lanes * k
		c += word >> 16 & lanes * k
		d += word >> 24 & lanes * k
		at += step
	}
	return split(a) | split(b)<<8 | split(c)<<16 | split(d)<<24
}

// split rounds a pair of sums to samples.
func split(sums uint64) uint64 {
	low := int32(sums)
	high := int32((sums - uint64(int64(low))) >> 32)
	return uint64(clamp(low>>weightBits)) | uint64(clamp(high>>weightBits))<<32
}
