package dicom

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"

	"fovea/picture/internal/fault"
)

// LUT is a table of values for the numbers from First on. Smaller ones have the first value, larger ones the last.
type LUT struct {
	First int
	// Bits is the depth of the values.
	Bits int
	Data []uint16
}

// At is the value for a number.
func (l *LUT) At(v float64) uint16 {
	if v -= float64(l.First); !(v > 0) {
		return l.Data[0]
	}
	return l.Data[int(min(v, float64(len(l.Data)-1)))]
}

// mostEntries is the length of the longest table.
const mostEntries = 1 << 16

// descriptor reads the length of a table, its first number, and the depth of its values.
func (s set) descriptor(r *reader, tag uint32, signed bool) (entries, first, depth int, err error) {
	e := s[tag]
	if len(e.value) < 6 {
		return 0, 0, 0, fault.Corrupt("a lookup table without a descriptor")
	}
	o := r.order()
	entries, first, depth = int(o.Uint16(e.value)), int(o.Uint16(e.value[2:])), int(o.Uint16(e.value[4:]))
	if e.vr == "SS" || e.vr != "US" && signed {
		first = int(int16(first))
	}
	if entries == 0 {
		entries = mostEntries
	}
	if depth < 1 || depth > 16 {
		return 0, 0, 0, fault.Corrupt("a lookup table of %d bits", depth)
	}
	return entries, first, depth, nil
}

// lut reads a table of a modality or VOI LUT sequence; nil if there is none.
func (s set) lut(r *reader, sequence uint32, signed bool) (*LUT, error) {
	item, err := r.first(s, sequence)
	if err != nil || len(item) == 0 {
		return nil, err
	}
	inner := *r
	if s[sequence].vr == "UN" && s[sequence].undefined {
		inner.explicit, inner.big = false, false
	}
	entries, first, depth, err := item.descriptor(&inner, tagLUTDescriptor, signed)
	if err != nil {
		return nil, err
	}
	data, _, err := tableData(item[tagLUTData].little(&inner), entries, depth)
	return &LUT{First: first, Bits: depth, Data: data}, err
}

// tableData are the values of a table: a byte each, or two, and how many bits they have.
func tableData(data []byte, entries, depth int) ([]uint16, int, error) {
	out := make([]uint16, entries)
	switch {
	case len(data) >= 2*entries:
		most := uint16(0)
		for i := range out {
			out[i] = binary.LittleEndian.Uint16(data[2*i:])
			most = max(most, out[i])
		}
		return out, max(depth, bits.Len16(most)), nil
	case len(data) >= entries && len(data) <= entries+1:
		for i := range out {
			out[i] = uint16(data[i])
		}
		return out, 8, nil
	}
	return nil, 0, fault.Corrupt("a lookup table of %d values has %d bytes", entries, len(data))
}

// Palette are the tables of red, green and blue.
type Palette struct {
	Tables [3]LUT
	// Bits is the depth of the colours, 8 or 16.
	Bits int
}

// palette reads the tables of colours.
func (s set) palette(r *reader, signed bool) (*Palette, error) {
	p := &Palette{Bits: 8}
	for colour := range uint32(3) {
		entries, first, depth, err := s.descriptor(r, tagRedDescriptor+colour, signed)
		if err != nil {
			return nil, err
		}
		var data []uint16
		if plain, found := s[tagRedData+colour]; found {
			data, depth, err = tableData(plain.little(r), entries, depth)
		} else {
			data, err = segmented(s[tagSegmentedRedData+colour].little(r), entries, depth)
		}
		if err != nil {
			return nil, err
		}
		if depth > 8 {
			p.Bits = 16
		}
		p.Tables[colour] = LUT{first, depth, data}
	}
	return p, nil
}

var errSegments = errors.New("segments")

// segmented makes a table of its segments: values, lines between values, and repetitions of segments.
func segmented(data []byte, entries, depth int) ([]uint16, error) {
	s := segments{most: entries}
	if depth > 8 {
		for ; len(data) >= 2; data = data[2:] {
			s.words = append(s.words, binary.LittleEndian.Uint16(data))
			if len(s.words) > 4*mostEntries {
				break
			}
		}
	} else {
		for _, b := range data[:min(len(data), 4*mostEntries)] {
			s.words = append(s.words, uint16(b))
		}
	}
	s.wide, s.left = depth > 8, entries+len(s.words)
	err := s.expand(0, -1, false)
	if err != nil || len(s.out) != entries {
		return nil, fault.Corrupt("a segmented lookup table of %d values cannot be expanded", entries)
	}
	return s.out, nil
}

// segments are the words of a segmented table, and what has been made of them.
type segments struct {
	words, out []uint16
	most       int
	wide       bool
	// left is how many more segments are expanded: those that are not repetitions are fewer than the words, and repeated ones
	// have a value each, where they are of any use.
	left int
}

// offset reads where the segments begin that are repeated, in as many words as it returns; where it is not whole, that
// is behind all.
func (s *segments) offset(at int) (from, size int) {
	if s.wide {
		return (int(s.words[at]) | int(s.words[at+1])<<16) / 2, 2 // given in bytes
	}
	if at+4 > len(s.words) {
		return len(s.words), 0
	}
	return int(s.words[at]) | int(s.words[at+1])<<8 | int(s.words[at+2])<<16 | int(s.words[at+3])<<24, 4
}

// expand adds count segments from a position on, all if that is negative. A repetition cannot have others.
func (s *segments) expand(at, count int, repeated bool) error {
	for ; count != 0 && at+2 <= len(s.words) && len(s.out) < s.most; count-- {
		if s.left--; s.left < 0 {
			return errSegments
		}
		code, n := s.words[at], int(s.words[at+1])
		at += 2
		switch {
		case code == 0 && at+n <= len(s.words):
			s.out = append(s.out, s.words[at:at+n]...)
			at += n
		case code == 1 && at < len(s.words) && len(s.out) > 0:
			s.line(n, s.words[at])
			at++
		case code == 2 && !repeated && at+2 <= len(s.words):
			from, size := s.offset(at)
			at += size
			if from >= len(s.words) {
				return errSegments
			}
			if err := s.expand(from, n, true); err != nil {
				return err
			}
		default:
			return errSegments
		}
		if len(s.out) > s.most {
			return errSegments
		}
	}
	return nil
}

// line adds n values on a line from the last one to another.
func (s *segments) line(n int, to uint16) {
	from := float64(s.out[len(s.out)-1])
	step := (float64(to) - from) / float64(n)
	for i := range n {
		s.out = append(s.out, uint16(math.RoundToEven(from+float64(i+1)*step)))
	}
}
