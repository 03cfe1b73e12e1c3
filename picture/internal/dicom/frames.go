package dicom

import (
	"time"

	"fovea/picture/internal/fault"
)

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
		return nil, fault.Corrupt("it has no frame %d", i+1)
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
		return nil, fault.Truncated("its pixels have %d bytes, and %d frames take %d", have, i+1, end)
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

// Shows is for how long each frame shows; nil if the file doesn't say.
func (f *File) Shows() []time.Duration {
	r, s := &f.reader, f.set
	milliseconds := func(v float64) time.Duration { return time.Duration(v * float64(time.Millisecond)) }
	each := time.Duration(0)
	if v, found := s.number(r, tagFrameTime, false); found && v > 0 && v < 1e9 {
		each = milliseconds(v)
	} else if v, found := s.number(r, tagCineRate, false); found && v > 0 && v < 1e9 && 1000/v < 1e9 {
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
