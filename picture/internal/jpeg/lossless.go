package jpeg

import "fovea/picture/internal/fault"

// losslessScan decodes a scan of a lossless file (ITU-T T.81, annex H): differences from what the
// neighbours left, above and above left predict. Rows of MCUs are decoded to the rows of
// component.lines after its first, which is the row above, and turned from differences to samples there.
func (d *Decoder) losslessScan(header *scanHeader) error {
	wide, high := ceil(d.width, d.hmax), ceil(d.height, d.vmax)
	single := header.count == 1 // samples in plain order, without padding
	if single {
		wide, high = header.components[0].width, header.components[0].height
	}
	if d.restart%wide != 0 {
		return fault.Corrupt("a restart interval of %d in rows of %d", d.restart, wide)
	}
	d.startLines(header, single)
	left, marker, first := d.restart/wide, uint8(restart0), true
	for y := range high {
		if !d.spend(wide * header.blocks) {
			return fault.ErrStopped
		}
		if d.restart > 0 && left == 0 {
			if err := d.restarted(marker); err != nil {
				return err
			}
			d.bits.interval()
			left, marker, first = d.restart/wide, restart0+(marker+1)&7, true
		}
		left--
		d.differences(header, wide, single)
		if d.bits.exhausted() {
			return d.shortData()
		}
		for _, c := range header.components[:header.count] {
			d.predictRows(c, header, y, first)
		}
		first = false
	}
	return nil
}

// startLines prepares the components' rows and the data's first interval.
func (d *Decoder) startLines(header *scanHeader, single bool) {
	for _, c := range header.components[:header.count] {
		c.rows, c.span = c.v, c.stride
		if single {
			c.rows, c.span = 1, c.width
		}
		c.lines = sized(c.lines, (c.rows+1)*c.span)
	}
	d.bits.interval()
}

// differences decodes a row of MCUs.
func (d *Decoder) differences(header *scanHeader, wide int, single bool) {
	if single {
		c := header.components[0]
		line, table := c.lines[c.span:], &d.dc[c.dc]
		for x := range wide {
			line[x] = d.difference(table)
		}
		return
	}
	for x := range wide {
		for _, c := range header.components[:header.count] {
			table := &d.dc[c.dc]
			for v := range c.v {
				line := c.lines[(v+1)*c.span+x*c.h:]
				for h := range c.h {
					line[h] = d.difference(table)
				}
			}
		}
	}
}

// difference decodes a difference, modulo 65536.
func (d *Decoder) difference(table *huffman) uint16 {
	size := d.bits.symbol(table)
	if size >= 16 {
		d.bits.bad = d.bits.bad || size > 16
		return 1 << 15
	}
	return uint16(extend(d.bits.take(int(size)), uint(size)))
}

// predictRows makes samples of a component's differences in row y of the MCUs.
func (d *Decoder) predictRows(c *component, header *scanHeader, y int, first bool) {
	for row := range c.rows {
		line, above := c.lines[(row+1)*c.span:][:c.span], c.lines[row*c.span:][:c.span]
		if first && row == 0 {
			line[0] += 1 << (d.precision - int(header.shift) - 1)
			predictLeft(line)
		} else {
			line[0] += above[0]
			predict(line, above, header.start)
		}
		if at := y*c.rows + row; at < c.height {
			c.store(line, at*c.stride, header.shift)
		}
	}
	copy(c.lines[:c.span], c.lines[c.rows*c.span:])
}

func predictLeft(line []uint16) {
	left := line[0]
	for x := 1; x < len(line); x++ {
		left += line[x]
		line[x] = left
	}
}

// predict adds to differences what the predictor makes of the neighbours (table H.1).
func predict(line, above []uint16, predictor int) {
	above = above[:len(line)]
	switch predictor {
	case 1:
		predictLeft(line)
	case 2:
		for x := 1; x < len(line); x++ {
			line[x] += above[x]
		}
	case 3:
		for x := 1; x < len(line); x++ {
			line[x] += above[x-1]
		}
	default:
		left, corner := int32(line[0]), int32(above[0])
		for x := 1; x < len(line); x++ {
			up, guess := int32(above[x]), int32(0)
			switch predictor {
			case 4:
				guess = left + up - corner
			case 5:
				guess = left + (up-corner)>>1
			case 6:
				guess = up + (left-corner)>>1
			case 7:
				guess = (left + up) >> 1
			}
			line[x] += uint16(guess)
			left, corner = int32(line[x]), up
		}
	}
}

// store copies a row of samples to the plane.
func (c *component) store(line []uint16, at int, shift uint) {
	if len(c.deep) > 0 {
		for x, v := range line {
			c.deep[at+x] = v << shift
		}
		return
	}
	for x, v := range line {
		c.pix[at+x] = uint8(v << shift)
	}
}
