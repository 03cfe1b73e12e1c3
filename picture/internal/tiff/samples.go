package tiff

import (
	"image"
	"math"

	"fovea/picture/internal/fault"
)

// Samples are a window's, row by row, channel by channel of each pixel, in one of the slices: those of up to 8 bits in
// Bytes, of up to 16 in Words, others in Numbers. Signed samples of Bytes and Words are in two's complement of their
// 8 or 16 bits.
type Samples struct {
	Width, Height, Channels int
	// Bits and Format are as in Layout.
	Bits, Format int
	Bytes        []uint8
	Words        []uint16
	Numbers      []float64
}

// Bytes of a sample in Samples.
func sampleBytes(bits, format int) int {
	switch {
	case bits <= 8:
		return 1
	case bits <= 16 && format != Float:
		return 2
	}
	return 8
}

// ResultMemory is what Read returns for so many pixels and channels.
func (l *Layout) ResultMemory(width, height, channels int) int64 {
	return times(width, height, channels, sampleBytes(l.Bits, l.Format))
}

// newSamples is memory for a window.
func (l *Layout) newSamples(width, height, channels int) *Samples {
	s := &Samples{Width: width, Height: height, Channels: channels, Bits: l.Bits, Format: l.Format}
	n := width * height * channels
	switch sampleBytes(l.Bits, l.Format) {
	case 1:
		s.Bytes = make([]uint8, n)
	case 2:
		s.Words = make([]uint16, n)
	default:
		s.Numbers = make([]float64, n)
	}
	return s
}

// Read reads the channels of a window that lies within the page. Blocks that the file leaves out have Layout.Empty.
func (f *File) Read(l *Layout, window image.Rectangle, channels ...int) (*Samples, error) {
	if window.Empty() || !window.In(image.Rect(0, 0, l.Width, l.Height)) {
		return nil, fault.Corrupt("a window of %v in %dx%d pixels", window, l.Width, l.Height)
	}
	for _, c := range channels {
		if c < 0 || c >= l.Samples {
			return nil, fault.Corrupt("channel %d of %d", c, l.Samples)
		}
	}
	s := l.newSamples(window.Dx(), window.Dy(), len(channels))
	if l.Compression == OldJPEG {
		return s, f.readOldJPEG(l, s, window, channels)
	}
	r := reading{File: f, l: l, out: s, window: window, channels: channels}
	for down := window.Min.Y / l.BlockHeight; down*l.BlockHeight < window.Max.Y; down++ {
		for across := window.Min.X / l.BlockWidth; across*l.BlockWidth < window.Max.X; across++ {
			if err := r.blocks(across, down); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// reading is a Read that goes on.
type reading struct {
	*File
	l        *Layout
	out      *Samples
	window   image.Rectangle
	channels []int
}

// blocks reads the block at a place, of all planes that are wanted.
func (r *reading) blocks(across, down int) error {
	l := r.l
	block := int64(down)*int64(l.Across) + int64(across)
	if !l.Planes {
		return r.oneBlock(block, across, down, r.channels, 0)
	}
	for i, c := range r.channels {
		if err := r.oneBlock(block+times(c, l.Across, l.Down), across, down, []int{0}, i); err != nil {
			return err
		}
	}
	return nil
}

// oneBlock reads the channels of a block into those of the result from into on.
func (r *reading) oneBlock(block int64, across, down int, channels []int, into int) error {
	l := r.l
	left, top := across*l.BlockWidth, down*l.BlockHeight
	part := image.Rect(left, top, left+l.BlockWidth, top+l.BlockHeight).Intersect(r.window)
	if r.empty(l, block) {
		r.fill(part, len(channels), into)
		return nil
	}
	rows, step := part.Dy(), part.Dy()
	if l.Compression == Uncompressed && !l.subsampled() { // in pieces
		step = int(max(1, pieceBytes/l.rowBytes()))
	}
	first := part.Min.Y - top
	if l.subsampled() {
		rows += first % l.Vertical
		step, first = rows, first-first%l.Vertical
	}
	for done := 0; done < rows; done += step {
		n := min(step, rows-done)
		data, err := r.unpack(l, block, first+done, n)
		if err != nil {
			return err
		}
		if err := r.spend(int(min(int64(len(data)), math.MaxInt32))); err != nil {
			return err
		}
		if l.subsampled() {
			r.spread(data, part, left, top+first, channels)
			continue
		}
		for y := range n {
			at := ((part.Min.Y+done+y-r.window.Min.Y)*r.out.Width + part.Min.X - r.window.Min.X) * r.out.Channels
			r.row(data[int64(y)*l.rowBytes():], part.Min.X-left, part.Dx(), channels, at+into)
		}
	}
	return nil
}

// fill gives the samples of a block that is left out.
func (r *reading) fill(part image.Rectangle, channels, into int) {
	s, v := r.out, r.l.Empty
	if v == 0 {
		return
	}
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			at := ((y-r.window.Min.Y)*s.Width+x-r.window.Min.X)*s.Channels + into
			for i := at; i < at+channels; i++ {
				switch {
				case s.Bytes != nil:
					s.Bytes[i] = uint8(int64(v))
				case s.Words != nil:
					s.Words[i] = uint16(int64(v))
				default:
					s.Numbers[i] = v
				}
			}
		}
	}
}

// row takes the channels of n pixels of a block's row from one on.
func (r *reading) row(row []byte, from, n int, channels []int, at int) {
	l, s, stored, step := r.l, r.out, r.l.channels(), r.out.Channels
	for i, c := range channels {
		switch {
		case l.Bits == 8:
			for x := range n {
				s.Bytes[at+i+x*step] = row[(from+x)*stored+c]
			}
		case l.Bits < 8:
			for x := range n {
				s.Bytes[at+i+x*step] = uint8(l.signed(bitsAt(row, ((from+x)*stored+c)*l.Bits, l.Bits)))
			}
		case l.Bits == 16 && l.Format != Float:
			for x := range n {
				s.Words[at+i+x*step] = r.order.Uint16(row[2*((from+x)*stored+c):])
			}
		case l.Bits < 16:
			for x := range n {
				s.Words[at+i+x*step] = uint16(l.signed(bitsAt(row, ((from+x)*stored+c)*l.Bits, l.Bits)))
			}
		case l.Bits == 32 && l.Format == Float:
			for x := range n {
				s.Numbers[at+i+x*step] = float64(math.Float32frombits(r.order.Uint32(row[4*((from+x)*stored+c):])))
			}
		default:
			for x := range n {
				s.Numbers[at+i+x*step] = r.numberAt(row, (from+x)*stored+c)
			}
		}
	}
}

// signed extends the sign of a number of few bits.
func (l *Layout) signed(v uint64) uint64 {
	if l.Format == Signed {
		return uint64(int64(v<<(64-l.Bits)) >> (64 - l.Bits))
	}
	return v
}

// bitsAt are bits of a row, the first of a byte being its highest.
func bitsAt(row []byte, at, n int) uint64 {
	var v uint64
	for n > 0 {
		have := 8 - at%8
		take := min(have, n)
		part := uint64(row[at/8]) >> (have - take) & (1<<take - 1)
		v, at, n = v<<take|part, at+take, n-take
	}
	return v
}

// spread takes pixels of YCbCr of which several share chroma: blocks of luma, then one of each chroma.
func (r *reading) spread(data []byte, part image.Rectangle, left, top int, channels []int) {
	l, s := r.l, r.out
	unit := l.Horizontal*l.Vertical + 2
	across := divided(l.BlockWidth, l.Horizontal)
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			u := data[(((y-top)/l.Vertical)*across+(x-left)/l.Horizontal)*unit:][:unit]
			pixel := [3]uint8{u[(y-top)%l.Vertical*l.Horizontal+(x-left)%l.Horizontal], u[unit-2], u[unit-1]}
			at := ((y-r.window.Min.Y)*s.Width + x - r.window.Min.X) * s.Channels
			for i, c := range channels {
				s.Bytes[at+i] = pixel[c]
			}
		}
	}
}

// readOldJPEG decodes a whole page of old-style JPEG.
func (f *File) readOldJPEG(l *Layout, s *Samples, window image.Rectangle, channels []int) error {
	at := int64(min(l.dir.Uint(JPEGStart, 0), math.MaxInt64))
	coded, err := f.bytes(at, max(0, f.size-at))
	if err != nil {
		return err
	}
	whole := make([]byte, l.bytesOf(l.Height))
	if err := f.viaCodec(l, whole, coded, l.Height); err != nil {
		return err
	}
	r := reading{File: f, l: l, out: s, window: window, channels: channels}
	for y := range window.Dy() {
		r.row(whole[int64(window.Min.Y+y)*l.rowBytes():], window.Min.X, window.Dx(), channels, y*s.Width*s.Channels)
	}
	return nil
}
