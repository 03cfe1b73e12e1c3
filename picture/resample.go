package picture

import (
	"math"

	"fovea/picture/internal/kernel"
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

	first := int(w.rows.starts[0])
	start, weights := w.rows.window(options.Height - 1)
	end := start + len(weights)
	if columnsFirst(s, width, height) {
		w.middle = grown(w.middle, 3*options.Width*(end-first))
		w.resizeColumns(w.middle, s, first, end, options.Width)
		w.resizeRows(dst, w.middle, first, 3*options.Width)
		return
	}
	wide := 3 * s.width
	w.whole = grown(w.whole, wide*(end-first))
	for y := first; y < end; y++ {
		s.row(y, w.whole[(y-first)*wide:][:wide])
	}
	w.middle = grown(w.middle, wide*options.Height)
	w.resizeRows(w.middle, w.whole, first, wide)
	w.resizeColumns(dst, fromRGB(w.middle, s.width, options.Height), 0, options.Height, options.Width)
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

// resizeColumns scales the rows first to end of the source to the output's width, as many
// at a time as a strip has.
func (w *workspace) resizeColumns(dst []uint8, s source, first, end, width int) {
	wide, stride := 3*s.width, 3*width
	w.lines = grown(w.lines, kernel.StripRows*max(wide, stride))
	w.strip = grown(w.strip, kernel.StripRows*wide)
	w.narrow = grown(w.narrow, kernel.StripRows*stride)
	for y := first; y < end; y += kernel.StripRows {
		rows := min(kernel.StripRows, end-y)
		for i := range rows {
			s.row(y+i, w.lines[i*wide:][:wide])
		}
		kernel.Interleave(w.strip, w.lines, wide, wide)
		kernel.WeighStrip(w.narrow, w.strip, w.columns.starts, w.columns.ends, w.columns.weights)
		out := dst[(y-first)*stride:][:rows*stride]
		if rows == kernel.StripRows {
			kernel.Deinterleave(out, stride, w.narrow, stride)
			continue
		}
		kernel.Deinterleave(w.lines, stride, w.narrow, stride)
		copy(out, w.lines)
	}
}

// resizeRows scales the columns.
func (w *workspace) resizeRows(dst, src []uint8, first, stride int) {
	for y := range w.rows.starts {
		start, weights := w.rows.window(y)
		kernel.WeighRows(dst[y*stride:(y+1)*stride], src[(start-first)*stride:], stride, weights)
	}
}
