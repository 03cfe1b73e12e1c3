package dicom

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"

	"fovea/picture/internal/fault"
)

// guess finds the coding of fragments that the transfer syntax doesn't announce.
func (f *File) guess(uid string) error {
	if uid != "" {
		return fault.Corrupt("its pixels are in fragments, but not compressed")
	}
	if err := f.listFragments(); err != nil {
		return err
	}
	switch first := f.fragment(0); {
	case bytes.HasPrefix(first, []byte("\xff\xd8")):
		f.Coding = JPEG
	case bytes.HasPrefix(first, []byte("\xff\x4f\xff\x51")):
		f.Coding = JPEG2000
	default:
		return unsupported("compressed pixels without a transfer syntax")
	}
	return nil
}

// listFragments finds the fragments of the pixels and the table of offsets before them.
func (f *File) listFragments() error {
	if f.fragments != nil {
		return nil
	}
	r := reader{data: f.reader.data, at: int(f.pixels.at), big: f.reader.big}
	for first := true; ; first = false {
		if len(r.data)-r.at < 8 {
			if len(f.fragments) == 0 {
				return fault.Truncated("it ends before its pixels")
			}
			break // some writers leave out the end
		}
		item, err := r.head()
		if err != nil {
			return err
		}
		if item.tag == tagSequenceEnd {
			break
		}
		if item.tag != tagItem || item.length == undefined {
			return fault.Corrupt("its pixels have attribute (%04X,%04X) in place of a fragment", item.tag>>16, item.tag&0xffff)
		}
		if item.length > int64(len(r.data)-r.at) {
			return fault.Truncated("it ends within fragment %d of its pixels", len(f.fragments)+1)
		}
		if first {
			f.table = r.data[r.at : r.at+int(item.length)]
		} else {
			f.fragments = append(f.fragments, uint32(r.at-8))
		}
		if len(f.fragments) > mostFragments {
			return unsupported("more than %d fragments", mostFragments)
		}
		r.at += int(item.length)
	}
	if len(f.fragments) == 0 {
		return fault.Truncated("its pixels have no fragment")
	}
	return nil
}

// mostFragments bounds the list of a file's fragments.
const mostFragments = 4 * mostFrames

// length is that of a fragment.
func (f *File) length(i int) int {
	return int(f.reader.order().Uint32(f.reader.data[f.fragments[i]+4:]))
}

// fragment is the bytes of one.
func (f *File) fragment(i int) []byte {
	at := int(f.fragments[i]) + 8
	return f.reader.data[at : at+f.length(i)]
}

// encodedFrame is a frame in fragments.
func (f *File) encodedFrame(i int) ([]byte, error) {
	from, to, err := f.frameFragments(i)
	if err != nil {
		return nil, err
	}
	frame := f.fragment(from)
	if to > from+1 {
		size := 0
		for at := from; at < to; at++ {
			size += f.length(at)
		}
		frame = make([]byte, 0, size)
		for at := from; at < to; at++ {
			frame = append(frame, f.fragment(at)...)
		}
	}
	if need := (f.bits() + 7) / 8; f.Coding == Native && int64(len(frame)) < need {
		return nil, fault.Truncated("frame %d has %d bytes of %d", i+1, len(frame), need)
	}
	return frame, nil
}

// frameFragments are those of frame i: by the tables of offsets; one a frame; or by where frames begin.
func (f *File) frameFragments(i int) (from, to int, err error) {
	offsets, width := f.set[tagOffsets].value, 8
	if len(offsets) < 8*f.Frames {
		offsets, width = f.table, 4
	}
	switch {
	case f.Frames == 1:
		return 0, len(f.fragments), nil
	case len(f.fragments) == f.Frames:
		return i, i + 1, nil
	case len(f.fragments) < f.Frames:
		return 0, 0, fault.Truncated("it has %d frames, and fragments for %d of them", f.Frames, len(f.fragments))
	case len(offsets) >= width*f.Frames:
		from = f.fragmentAt(offsetOf(offsets, width, i))
		to = len(f.fragments)
		if i+1 < f.Frames {
			to = f.fragmentAt(offsetOf(offsets, width, i+1))
		}
	default:
		from, to = f.beginning(i), f.beginning(i+1)
	}
	if from < 0 || to <= from || to > len(f.fragments) {
		return 0, 0, fault.Corrupt("it doesn't say where frame %d is", i+1)
	}
	return from, to, nil
}

func offsetOf(table []byte, width, i int) uint64 {
	if width == 8 {
		return binary.LittleEndian.Uint64(table[8*i:])
	}
	return uint64(binary.LittleEndian.Uint32(table[4*i:]))
}

// fragmentAt is the fragment at an offset, -1 if there is none.
func (f *File) fragmentAt(offset uint64) int {
	first := f.fragments[0]
	if offset > uint64(math.MaxUint32-first) {
		return -1
	}
	i, found := slices.BinarySearch(f.fragments, first+uint32(offset)) // they follow each other
	if !found {
		return -1
	}
	return i
}

// beginning is the fragment that begins frame i as files of its coding do; after the last frame, the number of fragments.
func (f *File) beginning(i int) int {
	if f.beginnings == nil {
		f.listBeginnings()
	}
	if i < len(f.beginnings) {
		return int(f.beginnings[i])
	}
	return -1
}

// listBeginnings finds the fragments that begin frames, once for all frames.
func (f *File) listBeginnings() {
	f.beginnings = []uint32{}
	start := map[Coding]string{JPEG: "\xff\xd8", JPEGLS: "\xff\xd8", JPEG2000: "\xff\x4f\xff\x51"}[f.Coding]
	if start == "" {
		return
	}
	for at := range f.fragments {
		fragment := f.fragment(at)
		if bytes.HasPrefix(fragment, []byte(start)) || f.Coding == JPEG2000 && bytes.HasPrefix(fragment, []byte("\x00\x00\x00\x0cjP")) {
			f.beginnings = append(f.beginnings, uint32(at))
		}
	}
	f.beginnings = append(f.beginnings, uint32(len(f.fragments)))
}
