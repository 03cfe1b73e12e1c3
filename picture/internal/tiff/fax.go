package tiff

import (
	"slices"

	"fovea/picture/internal/fault"
)

// The options of Group 3 that say how rows are coded.
const faxTwoDimensions = 1

// faxReader decodes the rows of a fax: ITU-T T.4 and T.6, and TIFF's modified Huffman coding.
type faxReader struct {
	data  []byte
	at    int // bit
	width int
	// row and above are where colours change in a row and the one above it, white first.
	row, above []int
}

// unpackFax decodes a block to rows of bits, 1 being black. Group 4 rows are all in two dimensions, those of Group 3 say
// what they are.
func (f *File) unpackFax(l *Layout, dst, raw []byte, rows int) error {
	r := faxReader{data: raw, width: l.BlockWidth}
	size := int(l.rowBytes())
	clear(dst)
	for y := range rows {
		if err := f.spend(size); err != nil {
			return err
		}
		if err := r.next(l); err != nil {
			return err
		}
		r.paint(dst[y*size : (y+1)*size])
		r.row, r.above = r.above[:0], r.row
	}
	return nil
}

// next decodes a row.
func (r *faxReader) next(l *Layout) error {
	switch l.Compression {
	case FaxGroup4:
		return r.twoDimensions()
	case FaxGroup3:
		found, err := r.endOfLine()
		if err != nil {
			return err
		}
		if l.faxOptions&faxTwoDimensions != 0 && found {
			flag, err := r.bit()
			if err != nil {
				return err
			}
			if flag == 0 {
				return r.twoDimensions()
			}
		}
	default: // rows begin with a byte, or with two
		unit := 8
		if l.Compression == FaxRLEWords {
			unit = 16
		}
		r.at = (r.at + unit - 1) / unit * unit
	}
	return r.oneDimension()
}

func (r *faxReader) bit() (int, error) {
	if r.at >= 8*len(r.data) {
		return 0, coding(errFaxEnd)
	}
	b := r.data[r.at/8] >> (7 - r.at%8) & 1
	r.at++
	return int(b), nil
}

// peek is the next n bits, at most 16, with zeros after the end.
func (r *faxReader) peek(n int) int {
	v := 0
	for i := range 3 {
		v <<= 8
		if at := r.at/8 + i; at < len(r.data) {
			v |= int(r.data[at])
		}
	}
	return v >> (24 - r.at%8 - n) & (1<<n - 1)
}

// endOfLine passes over the mark before a row, if there is one, with the zeros that fill it up.
func (r *faxReader) endOfLine() (found bool, err error) {
	if r.peek(11) != 0 || r.at+11 > 8*len(r.data) {
		return false, nil
	}
	for {
		if b, err := r.bit(); err != nil || b == 1 {
			return err == nil, err
		}
	}
}

// change ends a run. Two changes at one place are none.
func (r *faxReader) change(at int) {
	if n := len(r.row); n > 0 && r.row[n-1] == at {
		r.row = r.row[:n-1]
		return
	}
	r.row = append(r.row, at)
}

// run reads the length of a run.
func (r *faxReader) run(black bool) (int, error) {
	table := faxTables().white
	if black {
		table = faxTables().black
	}
	for total := 0; ; {
		code := table[r.peek(faxBits)]
		r.at += int(code.bits)
		switch {
		case code.bits == 0 && r.at+faxBits > 8*len(r.data), r.at > 8*len(r.data):
			return 0, coding(errFaxEnd)
		case code.bits == 0:
			return 0, fault.Corrupt("a fax has an unknown code")
		}
		if total += int(code.run); total > r.width {
			return 0, fault.Corrupt("a run of a fax is longer than its row")
		}
		if code.run < 64 {
			return total, nil
		}
	}
}

func (r *faxReader) oneDimension() error {
	at := 0
	for black := false; at < r.width; black = !black {
		n, err := r.run(black)
		if err != nil {
			return err
		}
		if at += n; at > r.width {
			return fault.Corrupt("a row of a fax is too long")
		}
		r.change(at)
	}
	return nil
}

// Modes of rows in two dimensions.
const (
	faxPass = iota
	faxHorizontal
	faxVertical
)

// mode reads how the next change relates to the row above.
func (r *faxReader) mode() (mode, shift int, err error) {
	v := r.peek(7)
	for _, m := range faxModes {
		if v>>(7-m.bits) == m.code {
			if r.at += m.bits; r.at > 8*len(r.data) {
				return 0, 0, coding(errFaxEnd)
			}
			return m.mode, m.shift, nil
		}
	}
	switch {
	case r.at+7 > 8*len(r.data), r.peek(12) == 1:
		return 0, 0, coding(errFaxEnd)
	case v == 1:
		return 0, 0, fault.Unsupported("TIFF compressed as a fax with uncompressed parts: convert it to PNG")
	}
	return 0, 0, fault.Corrupt("a fax has an unknown mode")
}

var faxModes = []struct{ code, bits, mode, shift int }{
	{1, 1, faxVertical, 0}, {3, 3, faxVertical, 1}, {2, 3, faxVertical, -1}, {1, 3, faxHorizontal, 0}, {1, 4, faxPass, 0},
	{3, 6, faxVertical, 2}, {2, 6, faxVertical, -2}, {3, 7, faxVertical, 3}, {2, 7, faxVertical, -3},
}

// twoDimensions decodes a row by the one above.
func (r *faxReader) twoDimensions() error {
	at, black, near := -1, false, 0
	for at < r.width {
		mode, shift, err := r.mode()
		if err != nil {
			return err
		}
		// The changes above to the other colour, right of here, and the one after.
		for near > 0 && r.aboveAt(near-1) > at {
			near--
		}
		for near < len(r.above) && (r.above[near] <= at || near%2 == 1 != black) {
			near++
		}
		switch mode {
		case faxPass:
			at = r.aboveAt(near + 1)
		case faxHorizontal:
			at = max(at, 0)
			for _, colour := range []bool{black, !black} {
				n, err := r.run(colour)
				if err != nil {
					return err
				}
				if at += n; at > r.width {
					return fault.Corrupt("a row of a fax is too long")
				}
				r.change(at)
			}
		default:
			next := r.aboveAt(near) + shift
			if next < max(at, 0) || next > r.width {
				return fault.Corrupt("a change of a fax lies outside its row")
			}
			at, black = next, !black
			r.change(at)
		}
	}
	return nil
}

// aboveAt is a change in the row above, which ends with changes at the width.
func (r *faxReader) aboveAt(i int) int {
	if i < len(r.above) {
		return r.above[i]
	}
	return r.width
}

// paint sets the bits of black runs.
func (r *faxReader) paint(dst []byte) {
	for pair := range slices.Chunk(r.row, 2) {
		end := r.width
		if len(pair) == 2 {
			end = pair[1]
		}
		for x := pair[0]; x < end; x++ {
			if x%8 == 0 && x+8 <= end {
				dst[x/8] = 0xff
				x += 7
				continue
			}
			dst[x/8] |= 0x80 >> (x % 8)
		}
	}
}
