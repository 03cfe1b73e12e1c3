package dicom

import (
	"encoding/binary"
	"errors"

	"fovea/picture/internal/fault"
)

// ErrNoImage marks a file that is not meant to hold an image, such as a report or a plan.
var ErrNoImage = errors.New("a DICOM file without an image")

func unsupported(format string, arguments ...any) error {
	return fault.Unsupported("DICOM with "+format+": write it uncompressed, as dcmconv of DCMTK does, or render it to PNG", arguments...)
}

// undefined is the length of values that end with a delimiter.
const undefined = 1<<32 - 1

// mostDepth bounds sequences within sequences.
const mostDepth = 32

// element is an attribute. Its value has the byte order of the data set.
type element struct {
	tag   uint32
	vr    string // empty if it is implicit
	value []byte
	// undefined says that value is the items of a sequence, or fragments, up to their delimiter.
	undefined bool
	// length is what the file says; at is where the value begins.
	length, at int64
}

// reader reads elements one after the other.
type reader struct {
	data          []byte
	at            int
	explicit, big bool
}

func (r *reader) order() binary.ByteOrder {
	if r.big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// tag is that of the next element, 0 at the end.
func (r *reader) tag() uint32 {
	if len(r.data)-r.at < 8 {
		return 0
	}
	o := r.order()
	return uint32(o.Uint16(r.data[r.at:]))<<16 | uint32(o.Uint16(r.data[r.at+2:]))
}

// isVR says whether two bytes may be a value representation.
func isVR(b []byte) bool { return b[0] >= 'A' && b[0] <= 'Z' && b[1] >= 'A' && b[1] <= 'Z' }

// isLong says whether the length of values of a representation has 32 bits.
func isLong(vr string) bool {
	switch vr {
	case "OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV":
		return true
	}
	return false
}

// head reads an element up to its value.
func (r *reader) head() (e element, err error) {
	if len(r.data)-r.at < 8 {
		return e, fault.Truncated("it ends within an attribute")
	}
	e.tag = r.tag()
	o, rest := r.order(), r.data[r.at+4:]
	switch {
	case e.tag>>16 == itemGroup || !r.explicit || !isVR(rest): // a broken VR is passed over as an implicit one
		e.length = int64(o.Uint32(rest))
		r.at += 8
	case !isLong(string(rest[:2])):
		e.vr, e.length = string(rest[:2]), int64(o.Uint16(rest[2:]))
		r.at += 8
	case len(rest) < 8:
		return e, fault.Truncated("it ends within an attribute")
	default:
		e.vr, e.length = string(rest[:2]), int64(o.Uint32(rest[4:]))
		r.at += 12
	}
	e.at = int64(r.at)
	return e, nil
}

// next reads an element with its value.
func (r *reader) next(depth int) (element, error) {
	e, err := r.head()
	if err != nil {
		return e, err
	}
	if e.length != undefined {
		if e.length > int64(len(r.data)-r.at) {
			return e, fault.Truncated("it ends within attribute (%04X,%04X)", e.tag>>16, e.tag&0xffff)
		}
		e.value = r.data[r.at : r.at+int(e.length)]
		r.at += int(e.length)
		return e, nil
	}
	inner := *r
	if e.vr == "UN" { // the standard says so
		inner.explicit, inner.big = false, false
	}
	e.undefined = true
	end, err := inner.passItems(depth + 1)
	e.value, r.at = r.data[r.at:end], inner.at
	return e, err
}

// passItems passes over the items of a sequence up to its delimiter, and says where they end.
func (r *reader) passItems(depth int) (end int, err error) {
	if depth > mostDepth {
		return r.at, fault.Corrupt("sequences are nested more than %d deep", mostDepth)
	}
	for {
		end = r.at
		item, err := r.head()
		if err != nil {
			return end, err
		}
		switch {
		case item.tag == tagSequenceEnd:
			return end, nil
		case item.tag != tagItem:
			return end, fault.Corrupt("a sequence has attribute (%04X,%04X) in place of an item", item.tag>>16, item.tag&0xffff)
		case item.length == undefined:
			err = r.passElements(depth)
		case item.length > int64(len(r.data)-r.at):
			err = fault.Truncated("it ends within an item")
		default:
			r.at += int(item.length)
		}
		if err != nil {
			return end, err
		}
	}
}

// passElements passes over the elements of an item up to its delimiter.
func (r *reader) passElements(depth int) error {
	for {
		if r.tag() == tagItemEnd {
			r.at += 8
			return nil
		}
		if _, err := r.next(depth); err != nil {
			return err
		}
	}
}

// items visits the items of a sequence, in order, until visit says stop.
func (r *reader) items(sequence element, visit func(item reader) (more bool)) error {
	inner := reader{data: sequence.value, explicit: r.explicit, big: r.big}
	if sequence.vr == "UN" {
		inner.explicit, inner.big = false, false
	}
	for len(inner.data)-inner.at >= 8 {
		item, err := inner.head()
		if err != nil {
			return err
		}
		start := inner.at
		switch {
		case item.tag == tagSequenceEnd:
			return nil
		case item.tag != tagItem:
			return fault.Corrupt("a sequence has attribute (%04X,%04X) in place of an item", item.tag>>16, item.tag&0xffff)
		case item.length == undefined:
			if err := inner.passElements(1); err != nil {
				return err
			}
		case item.length > int64(len(inner.data)-inner.at):
			return fault.Corrupt("an item is longer than its sequence")
		default:
			inner.at += int(item.length)
		}
		if !visit(reader{data: inner.data[start:inner.at], explicit: inner.explicit, big: inner.big}) {
			return nil
		}
	}
	return nil
}

// set is the elements that are kept of a data set or item.
type set map[uint32]element

// collect reads the elements of an item that are among those that are kept.
func (r *reader) collect() (set, error) {
	s := set{}
	for len(r.data)-r.at >= 8 && r.tag() != tagItemEnd && r.tag() != tagItem {
		e, err := r.next(1)
		if err != nil {
			return s, err
		}
		if kept[e.tag] {
			s[e.tag] = e
		}
	}
	return s, nil
}

// first is the first item of a sequence, or nil.
func (r *reader) first(s set, tag uint32) (set, error) {
	var out set
	var failure error
	e, found := s[tag]
	if !found {
		return nil, nil
	}
	err := r.items(e, func(item reader) bool {
		out, failure = item.collect()
		return false
	})
	return out, errors.Join(err, failure)
}
