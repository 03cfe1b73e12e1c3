package plain

// IsQOI recognizes "quite OK images".
func IsQOI(head []byte) bool {
	return len(head) >= 14 && string(head[:4]) == "qoif" && (head[12] == 3 || head[12] == 4) && head[13] <= 1
}

// ParseQOI reads a header that IsQOI has recognized.
func ParseQOI(data []byte) (*Image, error) {
	if len(data) < 14 {
		return nil, ErrTruncated
	}
	m := &Image{Width: int(be.Uint32(data[4:])), Height: int(be.Uint32(data[8:])), Channels: int(data[12])}
	m.Least = min(1<<62, 14+(product(m.Width, m.Height)+61)/62)
	m.read = func(pix []byte, spend Spend) error { return qoiPixels(data[14:], pix, m.Channels, m.Width, spend) }
	return m, nil
}

func qoiPixels(rest, pix []byte, channels, width int, spend Spend) error {
	var seen [64][4]uint8
	last := [4]uint8{3: 255}
	run, spent := 0, 0
	for at := 0; at < len(pix); at += channels {
		if spent++; spent == 1<<12 {
			if spent = 0; !spend(1 << 12) {
				return ErrStopped
			}
		}
		if run > 0 {
			run--
			copy(pix[at:at+channels], last[:])
			continue
		}
		if len(rest) == 0 {
			return ErrTruncated
		}
		op := rest[0]
		size := 1
		switch {
		case op == 0xfe:
			size = 4
		case op == 0xff:
			size = 5
		case op>>6 == 2:
			size = 2
		}
		if len(rest) < size {
			return ErrTruncated
		}
		switch {
		case op == 0xfe:
			copy(last[:3], rest[1:4])
		case op == 0xff:
			copy(last[:], rest[1:5])
		case op>>6 == 0:
			last = seen[op]
		case op>>6 == 1:
			last[0] += op>>4&3 - 2
			last[1] += op>>2&3 - 2
			last[2] += op&3 - 2
		case op>>6 == 2:
			green := op&63 - 32
			last[0] += green + rest[1]>>4 - 8
			last[1] += green
			last[2] += green + rest[1]&15 - 8
		default:
			run = int(op & 63)
		}
		rest = rest[size:]
		if op < 0xc0 || op >= 0xfe {
			seen[(int(last[0])*3+int(last[1])*5+int(last[2])*7+int(last[3])*11)%64] = last
		}
		copy(pix[at:at+channels], last[:])
	}
	return nil
}
