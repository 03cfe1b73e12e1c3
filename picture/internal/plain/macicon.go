package plain

import "fovea/picture/internal/fault"

// ParseMacIcon describes a square image of a macOS icon that is not a file of its own: RGB, or the three colours one after
// the other in run lengths. mask is its opacity, a byte a pixel, or nil.
func ParseMacIcon(data, mask []byte, side int) (*Image, error) {
	m := &Image{Width: side, Height: side, Channels: 3, Least: 1}
	if len(mask) >= side*side {
		m.Channels = 4
	}
	m.read = func(pix []byte, spend Spend) error {
		if !spend(side * side) {
			return fault.ErrStopped
		}
		rest := data
		for c := range 3 {
			var err error
			if len(data) == 3*side*side {
				for i := range side * side {
					pix[i*m.Channels+c] = data[3*i+c]
				}
			} else if rest, err = macRuns(pix[c:], rest, side*side, m.Channels); err != nil {
				return err
			}
		}
		if m.Channels == 4 {
			for i, a := range mask[:side*side] {
				pix[4*i+3] = a
			}
		}
		return nil
	}
	return m, nil
}

// macRuns unpacks a colour's samples to every so many bytes, and returns what follows them.
func macRuns(dst, src []byte, count, every int) ([]byte, error) {
	for i := 0; i < count; {
		if len(src) < 2 {
			return nil, fault.ErrTruncated
		}
		n, run := int(src[0])+1, src[0] >= 0x80
		if run {
			n -= 126
		}
		switch {
		case n > count-i:
			return nil, fault.Corrupt("a run that leaves its colour")
		case !run && len(src) < 1+n:
			return nil, fault.ErrTruncated
		}
		for k := range n {
			at := 1
			if !run {
				at += k
			}
			dst[(i+k)*every] = src[at]
		}
		if i += n; run {
			n = 1
		}
		src = src[1+n:]
	}
	return src, nil
}
