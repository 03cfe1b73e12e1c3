package jpegls

import (
	"slices"

	"fovea/picture/internal/fault"
)

// Ways to interleave components.
const (
	byPlane = iota
	byLine
	bySample
)

// coder decodes the lines of a scan.
type coder struct {
	parameters
	bits     *bitReader
	contexts [regularContexts]context
	runs     [2]runContext
}

// line is a component's place in a scan: its samples decoded last, and those above. Both begin with a sample
// before the first, and the upper one has another after the last.
type line struct {
	component   *component
	above, here []int32
	runLength   int // the index of the length of runs
}

// scan decodes a scan: its header is body, its data follow.
func (d *Decoder) scan(body []byte) error {
	lines, interleave, err := d.scanHeader(body)
	if err != nil {
		return err
	}
	c := &coder{bits: &d.bits}
	if c.parameters, err = parametersOf(d.preset, d.precision, d.near); err != nil {
		return err
	}
	for i := range lines {
		l := &lines[i]
		l.component.pix, l.component.seen = make([]uint16, d.width*d.height), true
		l.above, l.here = make([]int32, d.width+2), make([]int32, d.width+2)
	}
	c.restart(lines)
	marker := uint8(restart0)
	for y := range d.height {
		if !d.spend(d.width * len(lines)) {
			return fault.ErrStopped
		}
		if d.restart > 0 && y > 0 && y%d.restart == 0 {
			if found, ok := d.bits.nextMarker(); !ok {
				return fault.ErrTruncated
			} else if found != marker {
				return fault.Corrupt("marker %#x in place of restart marker %#x", found, marker)
			}
			marker = restart0 + (marker+1)&7
			c.restart(lines)
		}
		c.row(lines, interleave, y)
		if d.bits.exhausted() {
			if d.bits.at+1 >= len(d.bits.data) { // perhaps cut after the 0xff of a marker
				return fault.ErrTruncated
			}
			return fault.Corrupt("bad code or too little data in a scan")
		}
	}
	return nil
}

// row decodes a line of each component.
func (c *coder) row(lines []line, interleave, y int) {
	width := len(lines[0].here) - 2
	for i := range lines {
		l := &lines[i]
		l.above, l.here = l.here, l.above
		l.above[width+1] = l.above[width]
		l.here[0] = l.above[1]
		if interleave != bySample {
			c.line(l, width)
		}
	}
	if interleave == bySample {
		c.pixels(lines, width)
	}
	for i := range lines {
		out := lines[i].component.pix[y*width:][:width]
		for x, v := range lines[i].here[1 : width+1] {
			out[x] = uint16(v)
		}
	}
}

// restart forgets what was learnt and decoded.
func (c *coder) restart(lines []line) {
	c.bits.start()
	for i := range c.contexts {
		c.contexts[i] = context{a: c.leastA, n: 1}
	}
	for i := range c.runs {
		c.runs[i] = runContext{kind: int32(i), a: c.leastA, n: 1}
	}
	for i := range lines {
		lines[i].runLength = 0
		clear(lines[i].here)
		clear(lines[i].above)
	}
}

func (d *Decoder) scanHeader(body []byte) (lines []line, interleave int, err error) {
	if len(body) < 1 || body[0] < 1 || int(body[0]) > d.count || len(body) != 4+2*int(body[0]) {
		return nil, 0, fault.Corrupt("scan header of %d bytes", len(body))
	}
	for i := range int(body[0]) {
		name, table := body[1+2*i], body[2+2*i]
		at := slices.IndexFunc(d.components[:d.count], func(c component) bool { return c.id == name })
		if at < 0 || d.components[at].seen || slices.ContainsFunc(lines, func(l line) bool { return l.component.id == name }) {
			return nil, 0, fault.Corrupt("scan header")
		}
		if table != 0 {
			return nil, 0, unsupported("a mapping table")
		}
		lines = append(lines, line{component: &d.components[at]})
	}
	last := body[len(body)-3:]
	if d.near, interleave = int(last[0]), int(last[1]); interleave > bySample || interleave == byPlane && len(lines) > 1 {
		return nil, 0, fault.Corrupt("scan of %d components, interleaved by %d", len(lines), interleave)
	}
	if last[2]&15 != 0 {
		return nil, 0, unsupported("a point transform")
	}
	return lines, interleave, nil
}
