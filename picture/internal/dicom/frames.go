package dicom

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"time"
)

// inflateHeader inflates as much of a data set as it takes to reach the pixels.
func (f *File) inflateHeader() error {
	for most := int64(firstInflated); ; most = min(8*most, mostInflated) {
		data, err := f.inflate(most)
		if err != nil {
			return err
		}
		f.reader = reader{data: data}
		err = f.read(deflated)
		switch {
		case int64(len(data)) < most, f.pixels.tag != 0:
			return err
		case err != nil && !errors.Is(err, ErrTruncated):
			return err
		case most >= mostInflated:
			return unsupported("more than %d MB before the pixels", most>>20)
		}
	}
}

const (
	firstInflated = 4 << 10
	mostInflated  = 32 << 20
	inflatedPart  = 32 << 10
	inflaterBytes = 128 << 10
)

// inflate returns the first bytes of the data set, at most as many as asked for.
func (f *File) inflate(most int64) ([]byte, error) {
	in := flate.NewReader(bytes.NewReader(f.packed))
	out := make([]byte, 0, min(most, 1032*int64(len(f.packed))+8))
	for int64(len(out)) < most {
		if f.options.Spend != nil && !f.options.Spend(inflatedPart) {
			return nil, ErrStopped
		}
		n := int(min(most-int64(len(out)), inflatedPart))
		out = slices.Grow(out, n)
		got, err := io.ReadFull(in, out[len(out):len(out)+n])
		out = out[:len(out)+got]
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return out, nil // what is missing is missed later
		case err != nil:
			return nil, corrupt("inflate the data set: %v", err)
		}
	}
	return out, nil
}

// guess finds the coding of fragments that the transfer syntax doesn't announce.
func (f *File) guess(uid string) error {
	if uid != "" {
		return corrupt("its pixels are in fragments, but not compressed")
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
				return truncated("it ends before its pixels")
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
			return corrupt("its pixels have attribute (%04X,%04X) in place of a fragment", item.tag>>16, item.tag&0xffff)
		}
		if item.length > int64(len(r.data)-r.at) {
			return truncated("it ends within fragment %d of its pixels", len(f.fragments)+1)
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
		return truncated("its pixels have no fragment")
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

// bits is the size of a frame that is not compressed.
func (f *File) bits() int64 {
	m := &f.Image
	samples := int64(m.Samples)
	if f.Subsampled() {
		samples = 2
	}
	return int64(m.Width) * int64(m.Height) * samples * int64(m.Allocated)
}

// Subsampled says whether pixels that are not compressed share their colours in pairs: Y, Y, Cb, Cr. A file that says
// so and has the bytes of all colours has them.
func (f *File) Subsampled() bool {
	m := &f.Image
	if f.Coding != Native || m.Photometric != "YBR_FULL_422" || m.Planar {
		return false
	}
	whole := int64(m.Width) * int64(m.Height) * 3 * int64(m.Allocated) / 8 * int64(f.Frames)
	return f.encoded || f.pixels.length < whole
}

// Memory is what Frame takes besides the file's bytes.
func (f *File) Memory() int64 {
	if f.Coding == Native && !f.encoded {
		bytes := int64(0)
		if f.reader.big || f.bits()%8 != 0 {
			bytes = f.bits()/8 + 1
		}
		if f.packed != nil {
			bytes += 10*f.pixels.at + f.bits()/8 + inflaterBytes
		}
		return bytes
	}
	if len(f.fragments) == 1 {
		return 0
	}
	sum := int64(0)
	for i := range f.fragments {
		sum += int64(f.length(i))
	}
	return sum
}

// Inflated is the size of the data set with all frames, if it is deflated; else 0.
func (f *File) Inflated() int64 {
	if f.packed == nil {
		return 0
	}
	return f.pixels.at + f.bits()/8*int64(f.Frames)
}

// Least is the size of the smallest file with this first frame.
func (f *File) Least() int64 {
	switch {
	case f.packed != nil:
		return f.bits() / 8 / 1032
	case f.Coding == Native && !f.encoded:
		return f.offset + f.pixels.at + f.bits()/8
	case f.Coding == RLE:
		return f.offset + f.pixels.at + f.bits()/8/64 // two bytes are up to 128
	}
	return 0
}

// Frame returns the bytes of frame i, counted from 0, as they are encoded, or in little endian. They share the file's
// memory where they can.
func (f *File) Frame(i int) ([]byte, error) {
	if i < 0 || i >= f.Frames {
		return nil, corrupt("it has no frame %d", i+1)
	}
	if f.encoded {
		return f.encodedFrame(i)
	}
	return f.nativeFrame(i)
}

// nativeFrame is a frame that is not compressed.
func (f *File) nativeFrame(i int) ([]byte, error) {
	bits := f.bits()
	from := int64(i) * bits
	end := (from + bits + 7) / 8
	word := f.wordSize()
	end += (-end) & int64(word-1)
	length := f.pixels.length
	if word == 2 && f.Allocated == 8 && end > length { // an odd frame without its padding
		end = (from + bits + 7) / 8
	}
	if f.packed != nil && f.pixels.at+end > int64(len(f.reader.data)) {
		most := f.pixels.at + bits/8*int64(f.Frames) + 8
		if i == 0 {
			most = f.pixels.at + end
		}
		data, err := f.inflate(most)
		if err != nil {
			return nil, err
		}
		f.reader.data = data
	}
	have := int64(len(f.reader.data)) - f.pixels.at
	if length < undefined {
		have = min(have, length)
	}
	if end > have {
		return nil, truncated("its pixels have %d bytes, and %d frames take %d", have, i+1, end)
	}
	start := from / 8 / int64(word) * int64(word)
	frame := f.reader.data[f.pixels.at+start : f.pixels.at+end]
	if f.reader.big && word > 1 {
		frame = swapped(frame, word)
	}
	frame = frame[from/8-start:]
	if shift := uint(from % 8); shift > 0 {
		frame = shifted(frame, shift)
	}
	return frame[:(bits+7)/8], nil
}

// wordSize is how many bytes change places in big endian.
func (f *File) wordSize() int {
	switch {
	case f.Allocated >= 16:
		return f.Allocated / 8
	case f.reader.big && f.pixels.vr != "OB":
		return 2
	}
	return 1
}

// shifted are bits from another position on.
func shifted(data []byte, by uint) []byte {
	out := make([]byte, len(data))
	for i, b := range data {
		out[i] = b >> by
		if i+1 < len(data) {
			out[i] |= data[i+1] << (8 - by)
		}
	}
	return out
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
		return nil, truncated("frame %d has %d bytes of %d", i+1, len(frame), need)
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
		return 0, 0, truncated("it has %d frames, and fragments for %d of them", f.Frames, len(f.fragments))
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
		return 0, 0, corrupt("it doesn't say where frame %d is", i+1)
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
	at := uint64(0)
	for i := range f.fragments {
		if at == offset {
			return i
		}
		at += 8 + uint64(f.length(i))
	}
	return -1
}

// beginning is the fragment that begins frame i as files of its coding do; behind the last frame, the number of fragments.
func (f *File) beginning(i int) int {
	start := map[Coding]string{JPEG: "\xff\xd8", JPEGLS: "\xff\xd8", JPEG2000: "\xff\x4f\xff\x51"}[f.Coding]
	if start == "" {
		return -1
	}
	seen := 0
	for at := range f.fragments {
		fragment := f.fragment(at)
		if bytes.HasPrefix(fragment, []byte(start)) || f.Coding == JPEG2000 && bytes.HasPrefix(fragment, []byte("\x00\x00\x00\x0cjP")) {
			if seen == i {
				return at
			}
			seen++
		}
	}
	if seen == i {
		return len(f.fragments)
	}
	return -1
}

// Shows is for how long each frame shows; nil if the file doesn't say.
func (f *File) Shows() []time.Duration {
	r, s := &f.reader, f.set
	milliseconds := func(v float64) time.Duration { return time.Duration(v * float64(time.Millisecond)) }
	each := time.Duration(0)
	if v, found := s.number(r, tagFrameTime, false); found && v > 0 && v < 1e9 {
		each = milliseconds(v)
	} else if v, found := s.number(r, tagCineRate, false); found && v > 0 && v < 1e9 {
		each = milliseconds(1000 / v)
	}
	steps := s.numbers(r, tagFrameTimes, false) // each since the frame before
	if each == 0 && len(steps) < f.Frames {
		return nil
	}
	out := make([]time.Duration, f.Frames)
	for i := range out {
		switch {
		case each > 0:
			out[i] = each
		case i+1 < f.Frames && steps[i+1] >= 0 && steps[i+1] < 1e9:
			out[i] = milliseconds(steps[i+1])
		case i > 0:
			out[i] = out[i-1]
		}
	}
	return out
}
