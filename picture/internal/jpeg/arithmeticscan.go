package jpeg

import "fovea/picture/internal/fault"

// conditioning is what DAC segments say of one arithmetic coder's tables: DC differences count
// as small from 1 << low >> 1 to 1 << high >> 1, AC coefficients as low up to place kx.
type conditioning struct{ low, high, kx uint8 }

// arithmetic is the state of arithmetic coding: the adaptive probabilities of ITU-T T.81, tables
// F.4 and F.5, by the scan's tables.
type arithmetic struct {
	arithmeticReader
	conditions [4]conditioning
	dc         [4][64]uint8
	ac         [4][256]uint8
	fixed      uint8 // stays half
}

// Where in the probabilities the steps of a difference or coefficient begin.
const (
	dcMagnitude  = 20
	acLow        = 189
	acHigh       = 217
	patternAfter = 14 // the probabilities of a magnitude's bits, after those of its category
)

func (a *arithmetic) reset() {
	for i := range a.conditions {
		a.conditions[i] = conditioning{low: 0, high: 1, kx: 5}
	}
}

// conditionSegment reads a DAC segment.
func (a *arithmetic) conditionSegment(body []byte) error {
	for ; len(body) >= 2; body = body[2:] {
		class, id, value := body[0]>>4, body[0]&15, body[1]
		if class > 1 || id > 3 || class == 0 && value&15 > value>>4 || class == 1 && (value < 1 || value > 63) {
			return fault.Corrupt("conditioning of arithmetic coding")
		}
		if class == 1 {
			a.conditions[id].kx = value
		} else {
			a.conditions[id].low, a.conditions[id].high = value&15, value>>4
		}
	}
	if len(body) != 0 {
		return fault.Corrupt("conditioning of arithmetic coding")
	}
	return nil
}

// startInterval forgets what was learnt.
func (a *arithmetic) startInterval(header *scanHeader, coded []byte) {
	a.start(coded)
	a.fixed = half
	for _, c := range header.components[:header.count] {
		clear(a.dc[c.dc][:])
		clear(a.ac[c.ac][:])
		c.context = 0
	}
}

// arithmeticDecoder picks how a scan codes its blocks.
func (d *Decoder) arithmeticDecoder(header *scanHeader) func(c *component, x, y int) {
	start, end, shift := header.start, header.end, header.shift
	switch {
	case !d.progressive:
		return func(c *component, x, y int) {
			block := c.block(x, y)
			d.arithmeticDC(c, block, 0)
			d.arithmeticBand(c.ac, block, 1, 63, 0)
		}
	case start == 0 && !header.refine:
		return func(c *component, x, y int) { d.arithmeticDC(c, c.block(x, y), shift) }
	case start == 0:
		return func(c *component, x, y int) {
			if d.arithmetic.decide(&d.arithmetic.fixed) {
				c.block(x, y)[0] |= 1 << shift
			}
		}
	case !header.refine:
		return func(c *component, x, y int) { d.arithmeticBand(c.ac, c.block(x, y), start, end, shift) }
	}
	return func(c *component, x, y int) { d.refineArithmeticBand(c.ac, c.block(x, y), start, end, shift) }
}

// arithmeticDC decodes a DC coefficient (F.1.4.4.1). How the component's last difference was decides
// about the probabilities of the next.
func (d *Decoder) arithmeticDC(c *component, block *[64]int16, shift uint) {
	a, states := &d.arithmetic, &d.arithmetic.dc[c.dc]
	at := c.context
	c.context = 0
	if a.decide(&states[at]) {
		sign := 0
		if a.decide(&states[at+1]) {
			sign = 1
		}
		at += 2 + sign
		magnitude := int32(0)
		if a.decide(&states[at]) {
			magnitude, at = d.category(states[:], dcMagnitude, 1)
		}
		conditions := &a.conditions[c.dc]
		switch {
		case magnitude > 1<<conditions.high>>1:
			c.context = 12 + 4*sign
		case magnitude >= 1<<conditions.low>>1:
			c.context = 4 + 4*sign
		}
		value := d.magnitude(&states[at+patternAfter], magnitude)
		if sign == 1 {
			value = -value
		}
		c.prediction += value
	}
	block[0] = int16(c.prediction << shift)
}

// category decodes how large a number is: the power of two below it, less one, from first on; and the
// place of the last probability used.
func (d *Decoder) category(states []uint8, at int, first int32) (int32, int) {
	for ; d.arithmetic.decide(&states[at]); at++ {
		if first <<= 1; first == 1<<15 {
			d.bits.bad = true
			return 0, at
		}
	}
	return first, at
}

// magnitude decodes the bits of a number in a category.
func (d *Decoder) magnitude(state *uint8, category int32) int32 {
	value := category
	for bit := category >> 1; bit > 0; bit >>= 1 {
		if d.arithmetic.decide(state) {
			value |= bit
		}
	}
	return value + 1
}

// arithmeticBand decodes coefficients start to end of a block, or their first bits (F.1.4.4.2).
func (d *Decoder) arithmeticBand(table int, block *[64]int16, start, end int, shift uint) {
	if d.bits.bad {
		return
	}
	a, states := &d.arithmetic, &d.arithmetic.ac[table]
	for k := start; k <= end; k++ {
		if a.decide(&states[3*k-3]) { // the end of the block
			return
		}
		for ; !a.decide(&states[3*k-2]); k++ {
			if k >= end {
				d.bits.bad = true
				return
			}
		}
		negative := a.decide(&a.fixed)
		at, category := 3*k-1, int32(0)
		if a.decide(&states[at]) {
			if category = 1; a.decide(&states[at]) {
				at = acHigh
				if k <= int(a.conditions[table].kx) {
					at = acLow
				}
				category, at = d.category(states[:], at, 2)
			}
		}
		value := d.magnitude(&states[at+patternAfter], category)
		if negative {
			value = -value
		}
		block[k] = int16(value << shift)
	}
}

// refineArithmeticBand adds a bit to the coefficients start to end that are known, and decodes those
// that begin with this bit (G.1.3.3).
func (d *Decoder) refineArithmeticBand(table int, block *[64]int16, start, end int, shift uint) {
	if d.bits.bad {
		return
	}
	a, states := &d.arithmetic, &d.arithmetic.ac[table]
	known := end
	for known > 0 && block[known] == 0 {
		known--
	}
	bit := int16(1) << shift
	for k := start; k <= end; k++ {
		if k > known && a.decide(&states[3*k-3]) {
			return
		}
		for ; !d.refineArithmetic(&block[k], states[3*k-2:3*k], bit); k++ {
			if k >= end {
				d.bits.bad = true
				return
			}
		}
	}
}

// refineArithmetic gives a coefficient a bit, and reports whether it isn't zero then.
func (d *Decoder) refineArithmetic(coefficient *int16, states []uint8, bit int16) bool {
	a := &d.arithmetic
	switch old := *coefficient; {
	case old != 0:
		if a.decide(&states[1]) {
			if old < 0 {
				bit = -bit
			}
			*coefficient = old + bit
		}
		return true
	case !a.decide(&states[0]):
		return false
	}
	if a.decide(&a.fixed) {
		bit = -bit
	}
	*coefficient = bit
	return true
}
