package picture

// upright rotates and mirrors an image as its EXIF orientation, 1 to 8, says. It is rotated before
// it is resized: the order of a resize's two passes shows in the rounding, and Pillow's come after
// its exif_transpose.
func (w *workspace) upright(s source, orientation int) source {
	if orientation < 2 || orientation > 8 {
		return s
	}
	width, height := s.width, s.height
	if orientation >= 5 { // rows become columns
		w.turned = grown(w.turned, 3*width*height)
		w.turn(s, orientation == 6 || orientation == 7, orientation >= 7)
		return fromRGB(w.turned, height, width)
	}
	mirrored, flipped := orientation != 4, orientation != 2
	return source{width: width, height: height, row: func(y int, dst []uint8) {
		if flipped {
			y = height - 1 - y
		}
		s.row(y, dst)
		if mirrored {
			mirror(dst[:3*width], width)
		}
	}}
}

// turnedRows are turned together: single pixels, each to a row of its own, would take ten times as
// long.
const turnedRows = 32

// turn makes columns of an image's rows, from right to left if backwards, and rows of its columns, from
// below if upwards.
func (w *workspace) turn(s source, backwards, upwards bool) {
	wide := 3 * s.width
	w.line = grown(w.line, turnedRows*wide)
	for y := 0; y < s.height && w.clock.spend(turnedRows*s.width); y += turnedRows {
		rows := min(turnedRows, s.height-y)
		at := y // the leftmost column
		if backwards {
			at = s.height - y - rows
		}
		for i := range rows {
			line := i
			if backwards {
				line = rows - 1 - i
			}
			s.row(y+i, w.line[line*wide:][:wide])
		}
		for x := range s.width {
			row := x
			if upwards {
				row = s.width - 1 - x
			}
			out := w.turned[3*(row*s.height+at):][:3*rows]
			for i := range rows {
				*(*[3]uint8)(out[3*i:]) = [3]uint8(w.line[i*wide+3*x:])
			}
		}
	}
}
