package jpeg

import (
	"bytes"
	"encoding/binary"
	"errors"

	"fovea/picture/internal/fault"
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
	0xf7: "the frame of JPEG-LS",
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
		return fault.Corrupt("no frame header")
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
		return fault.Corrupt("a frame among the tables")
	}
	if errors.Is(err, fault.ErrTruncated) && d.bits.at == len(tables) {
		return nil
	}
	return err
}

func (d *Decoder) readSegments(data []byte, headerOnly bool) error {
	d.bits.data = data
	if !bytes.HasPrefix(d.bits.data, []byte{0xff, startOfImage}) {
		return fault.Corrupt("no start marker")
	}
	d.bits.at = 2
	for scans := 0; ; {
		marker, found := d.bits.nextMarker()
		if !found {
			return fault.ErrTruncated
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
			return fault.ErrStopped
		}
		if marker == startOfScan {
			scans++
		}
		if scans > maxScans {
			return fault.Corrupt("more than %d scans", maxScans)
		}
		if err := d.segment(marker, body); err != nil {
			return err
		}
		if headerOnly && isFrame(marker) {
			break
		}
	}
	return nil
}

func (d *Decoder) segment(marker uint8, body []byte) error {
	switch {
	case marker == startOfScan:
		return d.scan(body)
	case isFrame(marker):
		return d.frame(marker, body)
	}
	return d.table(marker, body)
}

// isFrame says whether a marker begins a frame of a kind that is decoded.
func isFrame(marker uint8) bool {
	switch marker {
	case sequential0, sequential1, progressive, lossless, arithmetic9, arithmetic10:
		return true
	}
	return false
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
			return fault.Corrupt("restart interval of %d bytes", len(body))
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
		return fault.Corrupt("marker %#x", marker)
	}
	return nil
}

func (d *Decoder) quantTables(body []byte) error {
	for len(body) > 0 {
		wide, id := int(body[0]>>4), body[0]&15
		size := 64 << wide
		if id > 3 || wide > 1 || len(body) < 1+size {
			return fault.Corrupt("quantization table")
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
			return fault.Corrupt("Huffman table")
		}
		class, id := body[0]>>4, body[0]&15
		count := 0
		for _, n := range body[1:17] {
			count += int(n)
		}
		if class > 1 || id > 3 || count > 256 || len(body) < 17+count {
			return fault.Corrupt("Huffman table")
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
