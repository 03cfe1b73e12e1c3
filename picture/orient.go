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
		w.line = grown(w.line, 3*width)
		turned, line := w.turned, w.line
		for y := range height {
			column := y
			if orientation == 6 || orientation == 7 {
				column = height - 1 - y
			}
			if !w.clock.spend(width) {
				break
			}
			s.row(y, line)
			for x := range width {
				row := x
				if orientation >= 7 {
					row = width - 1 - x
				}
				copy(turned[3*(row*height+column):][:3], line[3*x:])
			}
		}
		return fromRGB(turned, height, width)
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
