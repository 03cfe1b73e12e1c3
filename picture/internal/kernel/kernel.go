package kernel

// StripRows is how many rows a strip has: its bytes are ordered by column, then row.
const StripRows = 8

// WeightBits is the precision of a resize's fixed-point weights, as Pillow's: of 32 bits, 8
// are taken by the sample and 2 are left for the sum's sign and overshoot.
const WeightBits = 32 - 8 - 2

// wide is how many samples the assembly takes at a time; rows that are shorter are left to
// Go.
const wide = 16

// Clamp is the nearest number from 0 to 255.
func Clamp(v int32) uint8 {
	if uint32(v) <= 255 {
		return uint8(v)
	}
	return uint8(^(v >> 31)) // 0 below, 255 above
}

// InverseCosine transforms 8x8 dequantized coefficients of a JPEG, row by row, to samples
// from 0 to 255, and clears them. The samples' rows are stride apart in pix.
func InverseCosine(pix []uint8, stride int, block *[64]int16) {
	_ = pix[7*stride+7]
	if useAVX2 {
		inverseCosineAVX2(&pix[0], stride, block)
		return
	}
	inverseCosine(pix, stride, block)
}

// DoubleRow enlarges a row of chroma to twice its width as libjpeg does ("fancy upsampling"):
// each output is 3/4 of the nearer and 1/4 of the further sample, rounded down to the left
// of a sample and up to its right, so that no drift builds up. out is twice as long as in,
// which isn't empty.
func DoubleRow(out, in []uint8) {
	n := len(in)
	_ = out[2*n-1]
	if inner := n - 2; useAVX2 && inner >= wide {
		doubleRow(out, in, 0, 1)
		doubleRowAVX2(&out[2], &in[1], inner&^(wide-1))
		doubleRowAVX2(&out[2*(n-1-wide)], &in[n-1-wide], wide)
		doubleRow(out, in, n-1, n)
		return
	}
	doubleRow(out, in, 0, n)
}

// DoubleRows makes a row of chroma at twice the width of one at twice the height: the nearer
// row counts three times as much as the further one, as do samples within it.
func DoubleRows(out, near, further []uint8) {
	n := len(near)
	_, _ = out[2*n-1], further[n-1]
	if inner := n - 2; useAVX2 && inner >= wide {
		doubleRows(out, near, further, 0, 1)
		doubleRowsAVX2(&out[2], &near[1], &further[1], inner&^(wide-1))
		doubleRowsAVX2(&out[2*(n-1-wide)], &near[n-1-wide], &further[n-1-wide], wide)
		doubleRows(out, near, further, n-1, n)
		return
	}
	doubleRows(out, near, further, 0, n)
}

// RGB converts a row from YCbCr to pixels of three bytes, as libjpeg does.
func RGB(dst, luma, cb, cr []uint8) {
	n := len(luma)
	if !useAVX2 || n < wide {
		rgb(dst, luma, cb, cr)
		return
	}
	_, _, _ = dst[3*n-1], cb[n-1], cr[n-1]
	rgbAVX2(&dst[0], &luma[0], &cb[0], &cr[0], n&^(wide-1))
	if at := n - wide; n%wide != 0 {
		rgbAVX2(&dst[3*at], &luma[at], &cb[at], &cr[at], wide)
	}
}

// Interleave makes a strip of StripRows rows of count bytes, stride apart.
func Interleave(strip, rows []uint8, stride, count int) {
	if !useAVX2 || count < wide {
		interleave(strip, rows, stride, count)
		return
	}
	_, _ = strip[StripRows*count-1], rows[(StripRows-1)*stride+count-1]
	interleaveAVX2(&strip[0], &rows[0], stride, count&^(wide-1))
	if at := count - wide; count%wide != 0 {
		interleaveAVX2(&strip[StripRows*at], &rows[at], stride, wide)
	}
}

// Deinterleave makes rows of a strip.
func Deinterleave(rows []uint8, stride int, strip []uint8, count int) {
	if !useAVX2 || count < wide {
		deinterleave(rows, stride, strip, count)
		return
	}
	_, _ = strip[StripRows*count-1], rows[(StripRows-1)*stride+count-1]
	deinterleaveAVX2(&rows[0], stride, &strip[0], count&^(wide-1))
	if at := count - wide; count%wide != 0 {
		deinterleaveAVX2(&rows[at], stride, &strip[StripRows*at], wide)
	}
}

// WeighStrip scales the width of a strip of RGB pixels. Output pixel i is the sum of the
// strip's pixels from starts[i] on times the weights from ends[i-1], or 0, to ends[i], of
// which there is at least one.
func WeighStrip(dst, strip []uint8, starts, ends, weights []int32) {
	if !useAVX2 {
		weighStrip(dst, strip, starts, ends, weights)
		return
	}
	const pixel = 3 * StripRows
	first := int32(0)
	for i, start := range starts { // the assembly checks nothing
		end := ends[i]
		if start < 0 || end <= first || int(start+end-first)*pixel > len(strip) {
			panic("kernel: a window beyond the strip")
		}
		first = end
	}
	_, _ = dst[len(starts)*pixel-1], weights[first-1]
	weighStripAVX2(&dst[0], &strip[0], &starts[0], &ends[0], &weights[0], len(starts))
}

// WeighRows makes a row of the sum of rows that are stride apart, times the weights, of which
// there is at least one.
func WeighRows(dst, src []uint8, stride int, weights []int32) {
	const many = 2 * wide
	n := len(dst)
	if !useAVX2 || n < many {
		weighRows(dst, src, stride, weights)
		return
	}
	_ = src[(len(weights)-1)*stride+n-1]
	weighRowsAVX2(&dst[0], &src[0], stride, &weights[0], len(weights), n&^(many-1))
	if at := n - many; n%many != 0 {
		weighRowsAVX2(&dst[at], &src[at], stride, &weights[0], len(weights), many)
	}
}
