package jpeg

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// Markers that the package knows by name.
const (
	startOfImage = 0xd8
	endOfImage   = 0xd9
	startOfScan  = 0xda
	defineQuant  = 0xdb
	defineHuff   = 0xc4
	defineRest   = 0xdd
	sequential0  = 0xc0
	sequential1  = 0xc1
	progressive  = 0xc2
	lossless     = 0xc3
	arithmetic9  = 0xc9 // sequential
	arithmetic10 = 0xca // progressive
	conditions   = 0xcc // of arithmetic coding
	defineLines  = 0xdc
	restart0     = 0xd0
	app0         = 0xe0
	app14        = 0xee
)

// processes are the kinds of frames that are not decoded, and segments of theirs.
var processes = map[uint8]string{
	0xc5: "hierarchical coding", 0xc6: "hierarchical coding", 0xc7: "hierarchical coding",
	0xc8: "a reserved extension", 0xcb: "lossless arithmetic coding", 0xcd: "hierarchical coding",
	0xce: "hierarchical coding", 0xcf: "hierarchical coding", 0xde: "hierarchical coding",
	0xf7: "JPEG-LS",
}

// maxScans bounds the work that a small file can cause: with a few bytes, a scan can pass
// over all of a large picture. Encoders write about ten.
const maxScans = 200

// segmentWork is that of a Huffman table, which may be every segment.
const segmentWork = 1000

// readFile reads a file up to its end marker, or up to the frame header.
func (d *Decoder) readFile(data []byte, headerOnly bool) error {
	if err := d.readSegments(data, headerOnly); err != nil {
		return err
	}
	if d.count == 0 {
		return corrupt("no frame header")
	}
	return nil
}

// readTables reads a stream of tables alone, whose end marker may be missing: libjpeg's callers
// stop at the last byte.
func (d *Decoder) readTables(tables []byte) error {
	if len(tables) == 0 {
		return nil
	}
	err := d.readSegments(tables, true)
	if d.count != 0 {
		return corrupt("a frame among the tables")
	}
	if errors.Is(err, ErrTruncated) && d.bits.at == len(tables) {
		return nil
	}
	return err
}

func (d *Decoder) readSegments(data []byte, headerOnly bool) error {
	d.bits.data = data
	if !bytes.HasPrefix(d.bits.data, []byte{0xff, startOfImage}) {
		return corrupt("no start marker")
	}
	d.bits.at = 2
	for scans := 0; ; {
		marker, found := d.bits.nextMarker()
		if !found {
			return ErrTruncated
		}
		if marker == endOfImage {
			break
		}
		if marker >= restart0 && marker < restart0+8 || marker == 1 || marker == startOfImage {
			continue // stray, without a body
		}
		body, err := d.bits.segment()
		if err != nil {
			return err
		}
		if !d.spend(segmentWork + len(body)) {
			return ErrStopped
		}
		switch marker {
		case startOfScan:
			if scans++; scans > maxScans {
				return corrupt("more than %d scans", maxScans)
			}
			err = d.scan(body)
		case sequential0, sequential1, progressive, lossless, arithmetic9, arithmetic10:
			err = d.frame(marker, body)
			if headerOnly && err == nil {
				return nil
			}
		default:
			err = d.table(marker, body)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// table reads a segment that is neither frame nor scan.
func (d *Decoder) table(marker uint8, body []byte) error {
	switch {
	case marker == defineQuant:
		return d.quantTables(body)
	case marker == defineHuff:
		return d.huffmanTables(body)
	case marker == conditions:
		return d.arithmetic.conditionSegment(body)
	case marker == defineRest:
		if len(body) != 2 {
			return corrupt("restart interval of %d bytes", len(body))
		}
		d.restart = int(binary.BigEndian.Uint16(body))
	case marker == app0:
		d.jfif = d.jfif || bytes.HasPrefix(body, []byte("JFIF\x00"))
	case marker == app14:
		if bytes.HasPrefix(body, []byte("Adobe")) && len(body) >= 12 {
			d.adobe, d.transform = true, body[11]
		}
	case processes[marker] != "":
		return unsupported("%s", processes[marker])
	case marker < 0xc0:
		return corrupt("marker %#x", marker)
	}
	return nil
}

func (d *Decoder) quantTables(body []byte) error {
	for len(body) > 0 {
		wide, id := int(body[0]>>4), body[0]&15
		size := 64 << wide
		if id > 3 || wide > 1 || len(body) < 1+size {
			return corrupt("quantization table")
		}
		for i := range 64 {
			if wide == 1 {
				d.quant[id][i] = binary.BigEndian.Uint16(body[1+2*i:])
			} else {
				d.quant[id][i] = uint16(body[1+i])
			}
		}
		d.quantSeen[id] = true
		body = body[1+size:]
	}
	return nil
}

func (d *Decoder) huffmanTables(body []byte) error {
	for len(body) > 0 {
		if len(body) < 17 {
			return corrupt("Huffman table")
		}
		class, id := body[0]>>4, body[0]&15
		count := 0
		for _, n := range body[1:17] {
			count += int(n)
		}
		if class > 1 || id > 3 || count > 256 || len(body) < 17+count {
			return corrupt("Huffman table")
		}
		table := &d.dc[id]
		if class == 1 {
			table = &d.ac[id]
		}
		if err := table.define(body[1 : 17+count]); err != nil {
			return err
		}
		body = body[17+count:]
	}
	return nil
}

// frame reads the frame header: size, components and their sampling.
func (d *Decoder) frame(marker uint8, body []byte) error {
	if d.count != 0 {
		return corrupt("a second frame header")
	}
	if len(body) < 6 || len(body) != 6+3*int(body[5]) {
		return corrupt("frame header of %d bytes", len(body))
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
		return corrupt("size of %dx%d pixels", d.width, d.height)
	}
	if err := d.frameComponents(body[6:], count); err != nil {
		return err
	}
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
	d.count = count
	return nil
}

// frameComponents reads the components' names and sampling.
func (d *Decoder) frameComponents(body []byte, count int) error {
	d.hmax, d.vmax = 1, 1
	for i := range count {
		c, spec := &d.components[i], body[3*i:]
		c.id, c.h, c.v, c.quant = spec[0], int(spec[1]>>4), int(spec[1]&15), int(spec[2])
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 || c.quant > 3 {
			return corrupt("component %d", i+1)
		}
		for _, other := range d.components[:i] {
			if other.id == c.id {
				return corrupt("two components of one name")
			}
		}
		d.hmax, d.vmax = max(d.hmax, c.h), max(d.vmax, c.v)
	}
	return nil
}

// linesBehind is the height that a file gives behind its first scan, 0 if it gives none: such a
// file was written before its end was known.
func (d *Decoder) linesBehind() (int, error) {
	ahead := bitReader{data: d.bits.data, at: d.bits.at}
	for scanned := false; ; {
		marker, found := ahead.nextMarker()
		switch {
		case !found:
			return 0, ErrTruncated
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
		return ErrTruncated
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
