package plain

import "fovea/picture/internal/fault"

// IsQOI recognizes "quite OK images".
func IsQOI(head []byte) bool {
	return len(head) >= 14 && string(head[:4]) == "qoif" && (head[12] == 3 || head[12] == 4) && head[13] <= 1
}

// ParseQOI reads a header that IsQOI has recognized.
func ParseQOI(data []byte) (*Image, error) {
	if len(data) < 14 {
		return nil, fault.ErrTruncated
	}
	m := &Image{Width: int(be.Uint32(data[4:])), Height: int(be.Uint32(data[8:])), Channels: int(data[12])}
	m.Least = min(1<<62, 14+(product(m.Width, m.Height)+61)/62)
	m.read = func(pix []byte, spend Spend) error { return qoiPixels(data[14:], pix, m.Channels, spend) }
	return m, nil
}

// qoiReader decodes pixels one by one.
type qoiReader struct {
	rest []byte
	seen [64][4]uint8
	last [4]uint8
	run  int // how often the last one is repeated
}

func qoiPixels(rest, pix []byte, channels int, spend Spend) error {
	q := qoiReader{rest: rest, last: [4]uint8{3: 255}}
	for at := 0; at < len(pix); at += channels {
		if at/channels%(1<<12) == 0 && !spend(1<<12) {
			return fault.ErrStopped
		}
		if q.run > 0 {
			q.run--
		} else if err := q.next(); err != nil {
			return err
		}
		copy(pix[at:at+channels], q.last[:])
	}
	return nil
}

// next decodes the next operation.
func (q *qoiReader) next() error {
	if len(q.rest) == 0 {
		return fault.ErrTruncated
	}
	op, size := q.rest[0], 1
	switch {
	case op == 0xfe:
		size = 4
	case op == 0xff:
		size = 5
	case op>>6 == 2:
		size = 2
	}
	if len(q.rest) < size {
		return fault.ErrTruncated
	}
	operands := q.rest[1:size]
	q.rest = q.rest[size:]
	last := &q.last
	switch {
	case op == 0xfe || op == 0xff:
		copy(last[:], operands)
	case op>>6 == 0:
		*last = q.seen[op]
	case op>>6 == 1:
		last[0] += op>>4&3 - 2
		last[1] += op>>2&3 - 2
		last[2] += op&3 - 2
	case op>>6 == 2:
		green := op&63 - 32
		last[0] += green + operands[0]>>4 - 8
		last[1] += green
		last[2] += green + operands[0]&15 - 8
	default:
		q.run = int(op & 63)
		return nil
	}
	q.seen[(int(last[0])*3+int(last[1])*5+int(last[2])*7+int(last[3])*11)%64] = *last
	return nil
}
