package jpeg

import (
	"encoding/binary"

	"fovea/picture/internal/fault"
)

// frame reads the frame header: size, components and their sampling.
func (d *Decoder) frame(marker uint8, body []byte) error {
	if d.count != 0 {
		return fault.Corrupt("a second frame header")
	}
	if len(body) < 6 || len(body) != 6+3*int(body[5]) {
		return fault.Corrupt("frame header of %d bytes", len(body))
	}
	d.progressive = marker == progressive || marker == arithmetic10
	d.arithmetical = marker == arithmetic9 || marker == arithmetic10
	d.lossless, d.precision = marker == lossless, int(body[0])
	if d.lossless && (d.precision < 2 || d.precision > 16) || !d.lossless && d.precision != 8 && d.precision != deepBits {
		return unsupported("%d bits a sample", d.precision)
	}
	count := int(body[5])
	if count != 1 && count != 3 && count != 4 {
		return unsupported("%d components", count)
	}
	d.height, d.width = int(binary.BigEndian.Uint16(body[1:])), int(binary.BigEndian.Uint16(body[3:]))
	if d.height == 0 {
		var err error
		if d.height, err = d.linesBehind(); err != nil {
			return err
		}
	}
	if d.width == 0 || d.height == 0 {
		return fault.Corrupt("size of %dx%d pixels", d.width, d.height)
	}
	if err := d.frameComponents(body[6:], count); err != nil {
		return err
	}
	if err := d.sizeComponents(count); err != nil {
		return err
	}
	d.count = count
	return nil
}

// sizeComponents finds the components' sizes by that of the image.
func (d *Decoder) sizeComponents(count int) error {
	unit := 8 // of a component, in samples
	if d.lossless {
		unit = 1
	}
	for i := range d.components[:count] {
		c := &d.components[i]
		if d.hmax%c.h != 0 || d.vmax%c.v != 0 {
			return unsupported("sampling %dx%d beside %dx%d", c.h, c.v, d.hmax, d.vmax)
		}
		c.width, c.height = ceil(d.width*c.h, d.hmax), ceil(d.height*c.v, d.vmax)
		c.blocksWide = ceil(d.width, unit*d.hmax) * c.h
		c.blocksHigh = ceil(d.height, unit*d.vmax) * c.v
		c.stride = c.blocksWide * unit
	}
	return nil
}

// frameComponents reads the components' names and sampling.
func (d *Decoder) frameComponents(body []byte, count int) error {
	d.hmax, d.vmax = 1, 1
	for i := range count {
		c, spec := &d.components[i], body[3*i:]
		c.id, c.h, c.v, c.quant = spec[0], int(spec[1]>>4), int(spec[1]&15), int(spec[2])
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 || c.quant > 3 {
			return fault.Corrupt("component %d", i+1)
		}
		for _, other := range d.components[:i] {
			if other.id == c.id {
				return fault.Corrupt("two components of one name")
			}
		}
		d.hmax, d.vmax = max(d.hmax, c.h), max(d.vmax, c.v)
	}
	return nil
}

// linesBehind is the height that a file gives after its first scan, 0 if it gives none: such a
// file was written before its end was known.
func (d *Decoder) linesBehind() (int, error) {
	ahead := bitReader{data: d.bits.data, at: d.bits.at}
	for scanned := false; ; {
		marker, found := ahead.nextMarker()
		switch {
		case !found:
			return 0, fault.ErrTruncated
		case marker == endOfImage || scanned && marker == startOfScan:
			return 0, nil
		case marker >= restart0 && marker < restart0+8 || marker == 1 || marker == startOfImage:
			continue
		}
		body, err := ahead.segment()
		if err != nil {
			return 0, err
		}
		if marker == defineLines && len(body) == 2 {
			return int(binary.BigEndian.Uint16(body)), nil
		}
		scanned = scanned || marker == startOfScan
	}
}

func ceil(a, b int) int { return (a + b - 1) / b }

// least is the size in bytes of the smallest file with such a picture: of one bit a block or, if it
// is lossless, a sample. Arithmetic coding has no such bound.
func (d *Decoder) least() int64 {
	if d.arithmetical {
		return 0
	}
	blocks := 0
	for i := range d.components[:d.count] {
		c := &d.components[i]
		if d.lossless {
			blocks += c.width * c.height
		} else {
			blocks += ceil(c.width, 8) * ceil(c.height, 8)
		}
	}
	return int64(ceil(blocks, 8))
}

// samples is how many the component's plane has.
func (c *component) samples() int {
	return c.stride * c.blocksHigh * (c.stride / c.blocksWide)
}

// allocate takes the planes' memory before the first scan, if the file may have as much.
func (d *Decoder) allocate() error {
	if d.least() > int64(len(d.bits.data)) {
		return fault.ErrTruncated
	}
	for i := range d.components[:d.count] {
		c := &d.components[i]
		size := c.samples()
		if d.precision == 8 {
			c.pix, c.deep = sized(c.pix, size), nil
		} else {
			c.pix, c.deep = nil, sized(c.deep, size)
		}
		if d.buffered() {
			c.coefficients = sized(c.coefficients, size)
			clear(c.coefficients)
			for k := range c.missing {
				c.missing[k] = -1
			}
		}
	}
	return nil
}
