package jpeg

import (
	"encoding/binary"

	"fovea/picture/internal/fault"
)

// scanHeader is which components and coefficients a scan carries.
type scanHeader struct {
	components [4]*component
	count      int
	blocks     int  // in an MCU
	start, end int  // coefficients, in zigzag order
	refine     bool // the scan adds a bit to what others gave
	shift      uint // of the scan's lowest bit
}

// scan decodes a scan: its header is body, its data follow.
func (d *Decoder) scan(body []byte) error {
	header, err := d.scanHeader(body)
	if err != nil {
		return err
	}
	if err := d.begin(&header); err != nil {
		return err
	}
	if d.lossless {
		return d.losslessScan(&header)
	}
	decode := d.blockDecoder(&header)
	wide, high := ceil(d.width, 8*d.hmax), ceil(d.height, 8*d.vmax)
	if header.count == 1 { // blocks in plain order, without padding
		wide, high = ceil(header.components[0].width, 8), ceil(header.components[0].height, 8)
	}
	return d.scanBlocks(&header, decode, wide, high)
}

// scanBlocks decodes a scan's blocks, or groups of them.
func (d *Decoder) scanBlocks(header *scanHeader, decode func(c *component, x, y int), wide, high int) error {
	d.startInterval(header)
	left, marker, row := d.restart, uint8(restart0), wide*header.blocks*64
	for y := range high {
		if !d.spend(row) {
			return fault.ErrStopped
		}
		for x := range wide {
			if d.restart > 0 && left == 0 {
				if err := d.restarted(marker); err != nil {
					return err
				}
				d.startInterval(header)
				left, marker = d.restart, restart0+(marker+1)&7
			}
			left--
			if header.count == 1 {
				decode(header.components[0], x, y)
			} else {
				decodeMCU(header, x, y, decode)
			}
		}
		if d.bits.exhausted() {
			return d.shortData()
		}
	}
	return nil
}

// begin notes what a scan brings, for which the first makes room.
func (d *Decoder) begin(header *scanHeader) error {
	seen := false
	for i := range d.components[:d.count] {
		seen = seen || d.components[i].seen
	}
	if !seen {
		if err := d.allocate(); err != nil {
			return err
		}
	}
	for _, c := range header.components[:header.count] {
		c.seen = true
		c.account(header)
	}
	return nil
}

// blockDecoder picks how a scan codes its blocks.
func (d *Decoder) blockDecoder(header *scanHeader) func(c *component, x, y int) {
	switch {
	case d.arithmetical:
		return d.arithmeticDecoder(header)
	case d.progressive:
		return d.progressiveDecoder(header)
	case d.buffered():
		return d.coefficientBlock
	}
	for _, c := range header.components[:header.count] {
		d.dc[c.dc].defineValues(false)
		d.ac[c.ac].defineValues(true)
	}
	return d.sequentialBlock
}

// restarted finds the restart marker after an interval of data.
func (d *Decoder) restarted(marker uint8) error {
	if d.bits.exhausted() {
		return d.shortData()
	}
	if found, ok := d.bits.nextMarker(); !ok {
		return fault.ErrTruncated
	} else if found != marker {
		return fault.Corrupt("marker %#x in place of restart marker %#x", found, marker)
	}
	return nil
}

// shortData says why the data of a scan did not suffice.
func (d *Decoder) shortData() error {
	if d.bits.at+1 >= len(d.bits.data) { // perhaps cut after the 0xff of a marker
		return fault.ErrTruncated
	}
	return fault.Corrupt("bad code or too little data in a scan")
}

func decodeMCU(header *scanHeader, x, y int, decode func(c *component, x, y int)) {
	for _, c := range header.components[:header.count] {
		for v := range c.v {
			for h := range c.h {
				decode(c, x*c.h+h, y*c.v+v)
			}
		}
	}
}

func (d *Decoder) startInterval(header *scanHeader) {
	d.endOfBand = 0
	d.bits.interval()
	if d.arithmetical {
		d.arithmetic.startInterval(header, d.bits.coded)
	}
	for _, c := range header.components[:header.count] {
		c.prediction = 0
	}
}

func (d *Decoder) scanHeader(body []byte) (scanHeader, error) {
	var header scanHeader
	if d.count == 0 {
		return header, fault.Corrupt("a scan before the frame header")
	}
	if len(body) < 1 || body[0] < 1 || int(body[0]) > d.count || len(body) != 4+2*int(body[0]) {
		return header, fault.Corrupt("scan header of %d bytes", len(body))
	}
	header.count = int(body[0])
	for i := range header.count {
		name, tables := body[1+2*i], body[2+2*i]
		for j := range d.components[:d.count] {
			if c := &d.components[j]; c.id == name {
				header.components[i] = c
			}
		}
		c := header.components[i]
		if c == nil || tables>>4 > 3 || tables&15 > 3 {
			return header, fault.Corrupt("scan header")
		}
		for _, other := range header.components[:i] {
			if other == c {
				return header, fault.Corrupt("scan with one component twice")
			}
		}
		c.dc, c.ac = int(tables>>4), int(tables&15)
		header.blocks += c.h * c.v
	}
	if header.count == 1 {
		header.blocks = 1
	} else if header.blocks > 10 {
		return header, fault.Corrupt("%d blocks in an MCU", header.blocks)
	}
	if err := d.scanRange(&header, body[len(body)-3:]); err != nil {
		return header, err
	}
	return header, d.checkTables(&header)
}

// scanRange reads which coefficients a scan carries, or a lossless file's predictor.
func (d *Decoder) scanRange(header *scanHeader, last []byte) error {
	if !d.progressive && !d.lossless {
		header.end = 63
		return nil
	}
	header.start, header.end = int(last[0]), int(last[1])
	header.refine, header.shift = last[2]>>4 != 0, uint(last[2]&15)
	switch {
	case d.lossless && (header.start < 1 || header.start > 7 || header.end != 0 || header.refine || int(header.shift) >= d.precision):
		return fault.Corrupt("lossless scan header")
	case d.progressive && (header.end > 63 || header.start > header.end || header.shift > 13 ||
		header.start == 0 && header.end != 0 || header.start > 0 && header.count > 1):
		return fault.Corrupt("progressive scan header")
	}
	return nil
}

// checkTables makes sure of the tables that the scan's blocks will use.
func (d *Decoder) checkTables(header *scanHeader) error {
	for _, c := range header.components[:header.count] {
		d.standardTables(c)
		needDC := (header.start == 0 && !header.refine || d.lossless) && !d.arithmetical
		needAC := header.end > 0 && !d.arithmetical
		if needDC && !d.dc[c.dc].defined || needAC && !d.ac[c.ac].defined || !d.quantSeen[c.quant] && !d.lossless {
			return fault.Corrupt("a scan uses a table that isn't there")
		}
	}
	return nil
}

// sequentialBlock decodes a block and stores its samples. It takes most of a decoder's time:
// the reader's fields are copied, for the compiler to keep them in registers.
func (d *Decoder) sequentialBlock(c *component, x, y int) {
	quant, block := &d.quant[c.quant], &d.block
	coded, acc, n, next := d.bits.coded, d.bits.acc, d.bits.n, d.bits.next
	if n < 32 {
		acc, n, next = filled(coded, acc, n, next)
	}
	dc, ac := &d.dc[c.dc], &d.ac[c.ac]
	entry := dc.values[acc>>(64-quickBits)]
	value, bits := int32(entry)>>16, uint(entry)&0xff
	if entry&notWhole != 0 {
		value, _, bits = dc.whole(false, acc)
		d.bits.bad = d.bits.bad || bits == 0
	}
	acc <<= bits & 63
	n -= int(bits)
	c.prediction += value
	block[0] = int16(c.prediction * int32(quant[0]))
	flat := true
	for k := uint(1); k < 64; k++ {
		if n < 32 {
			if next+8 <= len(coded) {
				acc |= binary.BigEndian.Uint64(coded[next:]) >> (uint(n) & 63)
				next += (63 - n) >> 3
				n |= 56
			} else {
				acc, n, next = filled(coded, acc, n, next)
			}
		}
		entry := ac.values[acc>>(64-quickBits)]
		value, run, bits := int32(entry)>>16, uint(entry>>8)&0xff, uint(entry)&0xff
		if entry&notWhole != 0 {
			value, run, bits = ac.whole(true, acc)
		}
		acc <<= bits & 63
		n -= int(bits)
		k += run
		if k > 63 {
			d.bits.bad = d.bits.bad || value != 0 || bits == 0
			break
		}
		block[natural[k]] = int16(value * int32(quant[k]))
		flat = false
	}
	d.bits.acc, d.bits.n, d.bits.next = acc, n, next
	stride := c.blocksWide * 8
	samples(block, flat, c.pix[(y*stride+x)*8:], stride)
}
