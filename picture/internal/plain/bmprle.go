package plain

import "fovea/picture/internal/fault"

// runWriter places the pixels of run lengths. Like Pillow's, it cuts a run off at the end of its row, which broken
// programs write, and continues other pixels in the next one.
type runWriter struct {
	pix    []byte // from the first row that is stored
	width  int
	at, x  int
	packed bool // two pixels a byte
}

// runs decodes run lengths. Pixels that the file passes over have the first colour.
func (b *dib) runs(data, pix []byte, spend Spend) error {
	clear(pix)
	if b.pixels > len(data) {
		return fault.ErrTruncated
	}
	w := runWriter{pix: pix, width: b.width, packed: b.compression == bmpRLE4}
	rest, work := data[b.pixels:], 0
	for w.at < len(pix) {
		before := w.at
		taken, end, err := w.step(rest)
		if err != nil {
			return err
		}
		if end {
			break
		}
		rest = rest[taken:]
		if work += 8 + w.at - before; work > 1<<12 {
			if !spend(work) {
				return fault.ErrStopped
			}
			work = 0
		}
	}
	b.upright(pix)
	return nil
}

// step follows an instruction and returns how many bytes it takes. end says that it is the image's last.
func (w *runWriter) step(rest []byte) (taken int, end bool, err error) {
	if len(rest) < 2 {
		return 0, false, fault.ErrTruncated
	}
	count, value := int(rest[0]), rest[1]
	switch {
	case count > 0:
		w.run(count, value)
	case value == 0: // end of the row
		if over := w.at % w.width; over > 0 {
			w.at += w.width - over
		}
		w.x = 0
	case value == 1: // end of the image
		return 2, true, nil
	case value == 2: // further to the right and up
		if len(rest) < 4 {
			return 0, false, fault.ErrTruncated
		}
		w.at += min(len(w.pix)-w.at, int(rest[2])+int(rest[3])*w.width)
		w.x = w.at % w.width
		return 4, false, nil
	default:
		n, err := w.literal(int(value), rest[2:])
		return 2 + n, false, err
	}
	return 2, false, nil
}

func (w *runWriter) run(count int, value byte) {
	count = min(count, max(0, w.width-w.x), len(w.pix)-w.at)
	for i := range count {
		v := value
		if w.packed {
			v = value >> (4 * (1 - i&1)) & 15
		}
		w.pix[w.at+i] = v
	}
	w.at += count
	w.x += count
}

// literal places pixels that are not a run, and returns how many bytes they take, with a byte to make that even.
func (w *runWriter) literal(count int, rest []byte) (int, error) {
	size := count
	if w.packed {
		size = (count + 1) / 2
	}
	n := min(count, len(w.pix)-w.at)
	need := n
	if w.packed {
		need = (n + 1) / 2
	}
	if len(rest) < need {
		return 0, fault.ErrTruncated
	}
	if w.packed {
		indices(w.pix[w.at:w.at+n], rest, 4)
	} else {
		copy(w.pix[w.at:w.at+n], rest)
	}
	w.at += n
	w.x += count
	return min(len(rest), size+size&1), nil
}

// upright puts the rows in order.
func (b *dib) upright(pix []byte) {
	if b.downward {
		return
	}
	for top, bottom := 0, b.height-1; top < bottom; top, bottom = top+1, bottom-1 {
		a, z := pix[top*b.width:][:b.width], pix[bottom*b.width:][:b.width]
		for x := range a {
			a[x], z[x] = z[x], a[x]
		}
	}
}
