package jpeg

// progressiveDecoder picks how a progressive scan codes its blocks.
func (d *Decoder) progressiveDecoder(header *scanHeader) func(c *component, x, y int) {
	start, end, shift := header.start, header.end, header.shift
	switch {
	case start == 0 && !header.refine:
		return func(c *component, x, y int) {
			size := uint(d.bits.symbol(&d.dc[c.dc])) & 15
			c.prediction += extend(d.bits.take(int(size)), size)
			c.block(x, y)[0] = int16(c.prediction << shift)
		}
	case start == 0:
		return func(c *component, x, y int) {
			if d.bits.bit() {
				c.block(x, y)[0] |= 1 << shift
			}
		}
	case !header.refine:
		return func(c *component, x, y int) { d.band(&d.ac[c.ac], c.block(x, y), start, end, shift) }
	}
	return func(c *component, x, y int) { d.refineBand(&d.ac[c.ac], c.block(x, y), start, end, shift) }
}

// block is the coefficients of a block, in zigzag order.
func (c *component) block(x, y int) *[64]int16 {
	return (*[64]int16)(c.coefficients[(y*c.blocksWide+x)*64:])
}

// band decodes the first bits of coefficients start to end.
func (d *Decoder) band(table *huffman, block *[64]int16, start, end int, shift uint) {
	if d.endOfBand > 0 {
		d.endOfBand--
		return
	}
	for k := start; k <= end; k++ {
		symbol := d.bits.symbol(table)
		run, size := int(symbol>>4), int(symbol&15)
		if size == 0 {
			if run < 15 {
				d.endOfBand = 1<<run + int(d.bits.take(run)) - 1
				return
			}
			k += 15
			continue
		}
		k += run
		value := extend(d.bits.take(size), uint(size))
		if k > 63 {
			d.bits.bad = true
			return
		}
		block[k] = int16(value << shift)
	}
}

// refineBand adds a bit to the coefficients start to end that are known, and decodes those
// that begin with this bit.
func (d *Decoder) refineBand(table *huffman, block *[64]int16, start, end int, shift uint) {
	k := start
	for d.endOfBand == 0 && k <= end {
		symbol := d.bits.symbol(table)
		run, size := int(symbol>>4), int(symbol&15)
		var value int16
		if size != 0 {
			value = -1 << shift
			if d.bits.bit() {
				value = 1 << shift
			}
		} else if run < 15 {
			d.endOfBand = 1<<run + int(d.bits.take(run))
			break
		}
		k = d.refineKnown(block, k, end, run, shift)
		if value != 0 && k <= 63 {
			block[k] = value
		}
		k++
	}
	if d.endOfBand > 0 {
		d.refineKnown(block, k, end, 64, shift)
		d.endOfBand--
	}
}

// refineKnown adds a bit to the known coefficients from k on, until it has passed over
// zeros other ones; it gives the place of the next. The reader's fields are copied, for the
// compiler to keep them in registers.
func (d *Decoder) refineKnown(block *[64]int16, k, end, zeros int, shift uint) int {
	acc, n, next := d.bits.acc, d.bits.n, d.bits.next
	bit := int16(1) << shift
	for ; k <= end; k++ {
		old := block[k&63]
		if old == 0 {
			if zeros == 0 {
				break
			}
			zeros--
			continue
		}
		if n < 1 {
			acc, n, next = filled(d.bits.coded, acc, n, next)
		}
		if int64(acc) < 0 && old&bit == 0 {
			if old > 0 {
				block[k&63] = old + bit
			} else {
				block[k&63] = old - bit
			}
		}
		acc <<= 1
		n--
	}
	d.bits.acc, d.bits.n, d.bits.next = acc, n, next
	return k
}

// account notes which bits a scan gives.
func (c *component) account(header *scanHeader) {
	for k := header.start; k <= header.end; k++ {
		c.missing[k] = int8(header.shift)
	}
}

// complete says whether the coarsest coefficients have all their bits. Where they don't,
// libjpeg makes up for them by smoothing over neighbouring blocks; finer ones count as 0.
func (c *component) complete() bool {
	for _, missing := range c.missing[:10] {
		if missing != 0 {
			return false
		}
	}
	return true
}

// reconstruct makes a component's samples of its coefficients once all scans are read. It reports whether
// it came to the end.
func (d *Decoder) reconstruct(c *component) bool {
	if d.precision != 8 {
		return d.reconstructDeep(c)
	}
	quant, stride := &d.quant[c.quant], c.stride
	for y := range ceil(c.height, 8) {
		if !d.spend(stride * 8) {
			return false
		}
		for x := range ceil(c.width, 8) {
			coefficients, fine := c.block(x, y), int16(0)
			d.block[0] = int16(int32(coefficients[0]) * int32(quant[0]))
			for k := 1; k < 64; k++ {
				d.block[natural[k]&63] = int16(int32(coefficients[k]) * int32(quant[k]))
				fine |= coefficients[k]
			}
			samples(&d.block, fine == 0, c.pix[(y*stride+x)*8:], stride)
		}
	}
	return true
}
