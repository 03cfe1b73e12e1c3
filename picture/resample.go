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

// resize makes a view of the image, not yet mirrored, in two passes, rounding to bytes in between.
// Invisible rows and columns are not computed. When the time is over it leaves off, and the clock
// knows of it.
func (w *workspace) resize(dst []uint8, s source, f filter, view frame) {
	if !w.columns.set(f, s.width, view.scaledWidth, view.left, view.width, &w.clock) ||
		!w.rows.set(f, s.height, view.scaledHeight, view.top, view.height, &w.clock) {
		return
	}

	first := int(w.rows.starts[0])
	start, weights := w.rows.window(view.height - 1)
	end := start + len(weights)
	span := f.windows(s.height, view.scaledHeight, view.height).span // that of any view
	if columnsFirst(s, view.scaledWidth, view.scaledHeight) {
		w.middle = grown(w.middle, 3*view.width*span)
		w.resizeColumns(w.middle, s, first, end, view.width)
		w.resizeRows(dst, w.middle, first, 3*view.width)
		return
	}
	wide := 3 * s.width
	w.whole = grown(w.whole, wide*span)
	for y := first; y < end; y++ {
		if !w.clock.spend(s.width) {
			return
		}
		s.row(y, w.whole[(y-first)*wide:][:wide])
	}
	w.middle = grown(w.middle, wide*view.height)
	w.resizeRows(w.middle, w.whole, first, wide)
	w.resizeColumns(dst, fromRGB(w.middle, s.width, view.height), 0, view.height, view.width)
}

// columnsFirst says which pass comes first; it shows in the rounding. Pillow 13 begins with the
// other one where the height shrinks by more than twice as much as the width. (Up to Pillow 12 the
// columns always came first: tall images may differ by 1 level.)
func columnsFirst(s source, width, height int) bool {
	shrink := s.height - height
	return shrink <= 0 || shrink <= 2*(s.width-width)
}

// withMargin is the size that an image is scaled to before a view of the given size is cut out: in
// the proportion of 256 to 224.
func withMargin(size int) int { return int(math.RoundToEven(float64(size) * cropFrom / cropTo)) }

// shorterSide is the size of an image whose shorter side is scaled to the given length. The longer
// side is rounded down, as in torchvision.
func shorterSide(width, height, side int) (scaledWidth, scaledHeight int) {
	if width < height {
		return side, int(int64(side) * int64(height) / int64(width))
	}
	return int(int64(side) * int64(width) / int64(height)), side
}

// halfEven is the offset of a centre, rounded to even, as in torchvision.
func halfEven(margin int) int { return int(math.RoundToEven(float64(margin) / 2)) }

// resizeColumns scales the rows first to end of the source to the output's width, as many
// at a time as a strip has.
func (w *workspace) resizeColumns(dst []uint8, s source, first, end, width int) {
	wide, stride := 3*s.width, 3*width
	w.lines = grown(w.lines, kernel.StripRows*max(wide, stride))
	w.strip = grown(w.strip, kernel.StripRows*wide)
	w.narrow = grown(w.narrow, kernel.StripRows*stride)
	for y := first; y < end; y += kernel.StripRows {
		rows := min(kernel.StripRows, end-y)
		if !w.clock.spend(rows * s.width) {
			return
		}
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
		if !w.clock.spend(len(weights) * stride / 3) {
			return
		}
		kernel.WeighRows(dst[y*stride:(y+1)*stride], src[(start-first)*stride:], stride, weights)
	}
}
