package jpegls

import (
	"bytes"

	"fovea/picture/internal/fault"
)

// Markers that the package knows by name.
const (
	startOfImage = 0xd8
	endOfImage   = 0xd9
	startOfScan  = 0xda
	defineLines  = 0xdc
	defineRest   = 0xdd
	restart0     = 0xd0
	app8         = 0xe8
	frameLS      = 0xf7
	presets      = 0xf8
)

// segmentWork is that of reading a segment, in pixels.
const segmentWork = 100

// readSegments reads the file up to its end marker, or up to the first scan.
func (d *Decoder) readSegments(data []byte, headerOnly bool) error {
	d.bits.data = data
	if !bytes.HasPrefix(data, []byte{0xff, startOfImage}) {
		return fault.Corrupt("no start marker")
	}
	d.bits.at = 2
	for {
		marker, found := d.bits.nextMarker()
		if !found {
			return fault.ErrTruncated
		}
		if marker == endOfImage {
			break
		}
		if marker >= restart0 && marker < restart0+8 || marker == startOfImage {
			continue // stray, without a body
		}
		body, err := d.bits.segment()
		if err != nil {
			return err
		}
		if !d.spend(segmentWork + len(body)) {
			return fault.ErrStopped
		}
		if marker == startOfScan && headerOnly {
			return d.checkFrame()
		}
		if err := d.segment(marker, body); err != nil {
			return err
		}
	}
	if d.count == 0 || headerOnly {
		return fault.Corrupt("no frame header, or no scan")
	}
	return nil
}

func (d *Decoder) segment(marker uint8, body []byte) error {
	if marker != startOfScan {
		return d.table(marker, body)
	}
	if err := d.checkFrame(); err != nil {
		return err
	}
	return d.scan(body)
}

// table reads a segment that is not a scan.
func (d *Decoder) table(marker uint8, body []byte) error {
	switch marker {
	case frameLS:
		return d.frame(body)
	case presets:
		return d.presets(body)
	case defineRest:
		if len(body) < 2 || len(body) > 4 {
			return fault.Corrupt("restart interval of %d bytes", len(body))
		}
		d.restart = number(body)
	case app8:
		return application(body)
	}
	if marker >= 0xc0 && marker <= 0xcf || marker == 0xf9 {
		return unsupported("another frame (marker %#x)", marker)
	}
	return nil
}

// application refuses what changes the meaning of samples: HP's colour transforms, and SPIFF's colour spaces
// but for grey and RGB.
func application(body []byte) error {
	if len(body) == 5 && bytes.HasPrefix(body, []byte("mrfx")) && body[4] != 0 {
		return unsupported("HP's colour transform %d", body[4])
	}
	const space, grey, none, rgb = 18, 8, 2, 10
	if len(body) >= 30 && bytes.HasPrefix(body, []byte("SPIFF\x00")) && body[space] != grey && body[space] != none && body[space] != rgb {
		return unsupported("SPIFF's colour space %d", body[space])
	}
	return nil
}

// number is a big-endian number of up to four bytes.
func number(b []byte) (n int) {
	for _, v := range b {
		n = n<<8 | int(v)
	}
	return n
}

// frame reads the frame header: size and components.
func (d *Decoder) frame(body []byte) error {
	if d.count != 0 {
		return fault.Corrupt("a second frame header")
	}
	if len(body) < 6 || len(body) != 6+3*int(body[5]) {
		return fault.Corrupt("frame header of %d bytes", len(body))
	}
	if d.precision = int(body[0]); d.precision < 2 || d.precision > 16 {
		return fault.Corrupt("%d bits a sample", d.precision)
	}
	if count := int(body[5]); count < 1 || count > maxComponents {
		return unsupported("%d components", count)
	}
	if height, width := number(body[1:3]), number(body[3:5]); height != 0 || width != 0 {
		d.height, d.width = height, width // else a segment has them
	}
	for i := range int(body[5]) {
		spec := body[6+3*i:]
		if spec[1] != 0x11 {
			return unsupported("components of several sizes")
		}
		for _, other := range d.components[:i] {
			if other.id == spec[0] {
				return fault.Corrupt("two components of one name")
			}
		}
		d.components[i].id = spec[0]
	}
	d.count = int(body[5])
	return nil
}

// checkFrame makes sure of a frame and its size, before a scan.
func (d *Decoder) checkFrame() error {
	if d.count == 0 {
		return fault.Corrupt("a scan before the frame header")
	}
	if d.height == 0 {
		var err error
		if d.height, err = d.linesBehind(); err != nil {
			return err
		}
	}
	if d.width == 0 || d.height == 0 {
		return fault.Corrupt("size of %dx%d pixels", d.width, d.height)
	}
	if d.width > maxSide || d.height > maxSide {
		return unsupported("size of %dx%d pixels", d.width, d.height)
	}
	return nil
}

// maxSide keeps products of sizes within 64 bits.
const maxSide = 1 << 28

// linesBehind is the height that a file gives after its first scan, 0 if it gives none.
func (d *Decoder) linesBehind() (int, error) {
	ahead := bitReader{data: d.bits.data, at: d.bits.at}
	for {
		marker, found := ahead.nextMarker()
		switch {
		case !found:
			return 0, fault.ErrTruncated
		case marker >= restart0 && marker < restart0+8:
			continue
		case marker != defineLines:
			return 0, nil
		}
		body, err := ahead.segment()
		if err != nil || len(body) < 2 || len(body) > 4 {
			return 0, err
		}
		return number(body), nil
	}
}

// presets reads an LSE segment: parameters, mapping tables, or the size.
func (d *Decoder) presets(body []byte) error {
	const parameters, table, continued, size = 1, 2, 3, 4
	if len(body) == 0 {
		return fault.Corrupt("preset parameters of 0 bytes")
	}
	switch body[0] {
	case parameters:
		if len(body) != 11 {
			return fault.Corrupt("preset parameters of %d bytes", len(body))
		}
		for i := range d.preset {
			d.preset[i] = number(body[1+2*i : 3+2*i])
		}
		return nil
	case table, continued: // of use only if a scan names it
		return nil
	case size:
		if len(body) < 2 || body[1] < 2 || body[1] > 4 || len(body) != 2+2*int(body[1]) {
			return fault.Corrupt("size of %d bytes", len(body))
		}
		n := 2 + int(body[1])
		d.height, d.width = number(body[2:n]), number(body[n:])
		return nil
	}
	return unsupported("preset parameters of type %d", body[0])
}
