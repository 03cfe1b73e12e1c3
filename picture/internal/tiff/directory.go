package tiff

import (
	"bytes"
	"math"
	"strings"

	"fovea/picture/internal/fault"
)

// Directory is the tags of a page.
type Directory struct {
	// Whole says that all of the directory is in the file.
	Whole bool

	file    *File
	entries []entry
}

// entry is a tag's value, or where that is.
type entry struct {
	tag   uint16
	kind  uint16
	count int64
	at    int64 // in the file, -1 for a value in place
	value [8]byte
}

// sizes are the bytes of a value of each kind.
var sizes = [...]int64{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8}

func (e *entry) size() int64 {
	if int(e.kind) < len(sizes) {
		return sizes[e.kind]
	}
	return 0
}

// add takes an entry. Of a tag that comes again the first counts, as in libtiff.
func (d *Directory) add(raw []byte) {
	f := d.file
	e := entry{tag: f.order.Uint16(raw), kind: f.order.Uint16(raw[2:]), at: -1}
	inPlace := raw[8:]
	if f.big {
		e.count, inPlace = int64(min(f.order.Uint64(raw[4:]), math.MaxInt64)), raw[12:]
	} else {
		e.count = int64(f.order.Uint32(raw[4:]))
	}
	if d.find(e.tag) != nil {
		return
	}
	if copy(e.value[:], inPlace); e.size() > 0 && e.count > int64(len(inPlace))/e.size() {
		e.at = int64(min(f.number(inPlace, len(inPlace)), math.MaxInt64))
	}
	d.entries = append(d.entries, e)
}

func (d *Directory) find(tag uint16) *entry {
	for i := range d.entries {
		if d.entries[i].tag == tag {
			return &d.entries[i]
		}
	}
	return nil
}

// Has tells whether there is a tag.
func (d *Directory) Has(tag uint16) bool { return d.find(tag) != nil }

// Count is the number of a tag's values, 0 without the tag.
func (d *Directory) Count(tag uint16) int64 {
	if e := d.find(tag); e != nil {
		return e.count
	}
	return 0
}

// bytes are n values of an entry from one on, as stored; n is 0 if they are not in the file.
func (d *Directory) bytes(e *entry, from, n int64) ([]byte, error) {
	size := e.size()
	switch {
	case size == 0 || from < 0 || n < 0 || n > e.count-from:
		return nil, fault.Corrupt("tag %d has no %d values", e.tag, n)
	case e.at < 0:
		return e.value[from*size : (from+n)*size], nil
	case n > (d.file.size-e.at)/size-from:
		return nil, fault.Truncated("the values of tag %d are missing", e.tag)
	}
	return d.file.bytes(e.at+from*size, n*size)
}

// Uint is a tag's first value, or another where it is missing or no whole number.
func (d *Directory) Uint(tag uint16, missing uint64) uint64 {
	if values, err := d.Uints(tag, 1); err == nil && len(values) > 0 {
		return values[0]
	}
	return missing
}

// Uints are a tag's values, up to most; none without the tag. Those below 0 are wrapped.
func (d *Directory) Uints(tag uint16, most int64) ([]uint64, error) {
	e := d.find(tag)
	if e == nil {
		return nil, nil
	}
	switch e.kind {
	case 1, 3, 4, 6, 7, 8, 9, 13, 16, 17, 18:
	default:
		return nil, fault.Corrupt("tag %d has values of kind %d", tag, e.kind)
	}
	n := min(e.count, most)
	raw, err := d.bytes(e, 0, n)
	if err != nil {
		return nil, err
	}
	size := int(e.size())
	out := make([]uint64, n)
	for i := range out {
		out[i] = d.file.number(raw[i*size:], size)
	}
	return out, nil
}

// Floats are a tag's values as numbers, up to most; none without the tag.
func (d *Directory) Floats(tag uint16, most int64) ([]float64, error) {
	e := d.find(tag)
	if e == nil {
		return nil, nil
	}
	n := min(e.count, most)
	raw, err := d.bytes(e, 0, n)
	if err != nil {
		return nil, err
	}
	size := int(e.size())
	out := make([]float64, n)
	for i := range out {
		out[i] = d.file.float(raw[i*size:][:size], e.kind)
	}
	return out, nil
}

// float is a value of one of TIFF's types.
func (f *File) float(b []byte, kind uint16) float64 {
	v := f.number(b, len(b))
	switch kind {
	case 5: // a fraction
		return float64(f.order.Uint32(b)) / float64(f.order.Uint32(b[4:]))
	case 10:
		return float64(int32(f.order.Uint32(b))) / float64(int32(f.order.Uint32(b[4:])))
	case 6:
		return float64(int8(v))
	case 8:
		return float64(int16(v))
	case 9:
		return float64(int32(v))
	case 17:
		return float64(int64(v))
	case 11:
		return float64(math.Float32frombits(uint32(v)))
	case 12:
		return math.Float64frombits(v)
	}
	return float64(v)
}

// Bytes are a tag's value as stored, of up to most bytes; none without the tag.
func (d *Directory) Bytes(tag uint16, most int64) ([]byte, error) {
	e := d.find(tag)
	if e == nil || e.size() == 0 {
		return nil, nil
	}
	return d.bytes(e, 0, min(e.count, most/e.size()))
}

// Text is a tag's value up to its first zero byte, of up to most bytes.
func (d *Directory) Text(tag uint16, most int64) string {
	b, err := d.Bytes(tag, most)
	if err != nil {
		return ""
	}
	text, _, _ := bytes.Cut(b, []byte{0})
	return strings.TrimSpace(string(text))
}

// Children reads the directories that a page's SubIFDs are, up to most.
func (d *Directory) Children(most int64) ([]*Directory, error) {
	places, err := d.Uints(SubIFDs, most)
	if err != nil {
		return nil, err
	}
	var children []*Directory
	for _, at := range places {
		child, _, err := d.file.directory(int64(min(at, math.MaxInt64)))
		if err != nil {
			return children, err
		}
		children = append(children, child)
	}
	return children, nil
}

// listCache is a part of a long list.
type listCache struct {
	entry  *entry
	from   int64
	values []uint64
}

// cachedValues is how many values of a list are read at a time.
const cachedValues = 512

// at is the i-th value of a long list: of places or sizes of blocks.
func (d *Directory) at(c *listCache, tag uint16, i int64) (uint64, error) {
	e := d.find(tag)
	if e == nil {
		return 0, fault.Corrupt("tag %d is missing", tag)
	}
	if c.entry != e || i < c.from || i >= c.from+int64(len(c.values)) {
		from := i - i%cachedValues
		raw, err := d.bytes(e, from, min(cachedValues, max(e.count, i+1)-from))
		if err != nil {
			return 0, err
		}
		size := int(e.size())
		switch e.kind {
		case 1, 3, 4, 13, 16, 18:
		default:
			return 0, fault.Corrupt("tag %d has values of kind %d", tag, e.kind)
		}
		c.entry, c.from, c.values = e, from, c.values[:0]
		for ; len(raw) > 0; raw = raw[size:] {
			c.values = append(c.values, d.file.number(raw, size))
		}
	}
	return c.values[i-c.from], nil
}
