package picture

import (
	"encoding/binary"
	"fmt"
	"math"

	"fovea/picture/internal/dicom"
	"fovea/picture/internal/fault"
	"fovea/picture/internal/jpeg"
	"fovea/picture/internal/jpeg2000"
	"fovea/picture/internal/jpegls"
)

// dicomSamples are the samples of a frame, channel by channel of each pixel, as deep has them: signed words in two's
// complement of 16 bits. One of both is set.
type dicomSamples struct {
	words func(y int, dst []uint16)
	row   func(y int, dst []float64)
}

// dicomSamples decodes a frame's samples.
func (w *workspace) dicomSamples(f *dicomFrame, j job) (dicomSamples, error) {
	switch {
	case f.file.Coding == dicom.RLE:
		return w.dicomRLE(f)
	case f.file.Coding == dicom.Native && f.Float:
		return floatSamples(f), nil
	case f.file.Coding == dicom.Native:
		return nativeSamples(f), nil
	case jpeg2000.Is(f.coded):
		return w.dicomJPEG2000(f, j)
	case isJPEGLS(f.coded):
		decoded, err := (&jpegls.Decoder{Spend: w.clock.spend}).Decode(f.coded)
		if err != nil {
			return dicomSamples{}, err
		}
		// JPEG-LS has no signs: the highest bit of its own precision is the sample's.
		f.Stored, f.HighBit = decoded.Precision, decoded.Precision-1
		return f.planes(decoded.Planes, decoded.Width), nil
	}
	decoded, err := w.jpeg.DecodeSamples(f.coded)
	if err != nil {
		return dicomSamples{}, err
	}
	planes := make([][]uint16, len(decoded.Planes))
	for i, p := range decoded.Planes {
		planes[i] = p.Deep
	}
	return f.planes(planes, decoded.Planes[0].Stride), nil
}

// dicomJPEG2000 decodes a codestream. It has a precision and signs of its own, of which the precision is right.
func (w *workspace) dicomJPEG2000(f *dicomFrame, j job) (dicomSamples, error) {
	decoded, err := w.jpeg2000Samples(f.coded, j)
	if err != nil {
		return dicomSamples{}, err
	}
	if decoded.Width != f.Width || decoded.Height != f.Height || decoded.Channels != f.Samples || decoded.Sample > 2 {
		return dicomSamples{}, fmt.Errorf("%w: JPEG 2000 of %d channels of %d bytes: write it uncompressed, as gdcmconv --raw does", ErrUnsupported, decoded.Channels, decoded.Sample)
	}
	f.Stored = int(decoded.Bits[0])
	f.HighBit = f.Stored - 1
	return f.masked(sampleWords(decoded)), nil
}

// planes supplies the samples of planes.
func (f *dicomFrame) planes(planes [][]uint16, stride int) dicomSamples {
	channels := len(planes)
	return f.masked(func(y int, dst []uint16) {
		for c, plane := range planes {
			for x, v := range plane[y*stride:][:f.Width] {
				dst[channels*x+c] = v
			}
		}
	})
}

// masked keeps the bits of words that count, and makes signed ones of the highest.
func (f *dicomFrame) masked(words func(y int, dst []uint16)) dicomSamples {
	shift, up := f.HighBit+1-f.Stored, 16-f.Stored
	switch {
	case shift == 0 && up == 0, shift == 0 && f.Stored == f.Allocated && !f.Signed && f.file.Coding == dicom.Native:
		return dicomSamples{words: words}
	case f.Signed:
		return dicomSamples{words: func(y int, dst []uint16) {
			words(y, dst)
			for i, v := range dst {
				dst[i] = uint16(int16(v>>shift<<up) >> up)
			}
		}}
	}
	return dicomSamples{words: func(y int, dst []uint16) {
		words(y, dst)
		for i, v := range dst {
			dst[i] = v >> shift << up >> up
		}
	}}
}

// wide is a sample of up to 32 bits as a number.
func (f *dicomFrame) wide(v uint32) float64 {
	shift, up := f.HighBit+1-f.Stored, 32-f.Stored
	v = v >> shift << up
	if f.Signed {
		return float64(int32(v) >> up)
	}
	return float64(v >> up)
}

// place says where sample c of pixel x in row y is.
func (f *dicomFrame) place(y, x, c int) int {
	if f.Planar {
		return (c*f.Height+y)*f.Width + x
	}
	return (y*f.Width+x)*f.Samples + c
}

// nativeSamples supplies samples that are not compressed, in little endian.
func nativeSamples(f *dicomFrame) dicomSamples {
	pix := f.coded
	if f.file.Subsampled() {
		return f.masked(f.pairs)
	}
	switch f.Allocated {
	case 1:
		return dicomSamples{words: func(y int, dst []uint16) {
			for x := range dst {
				at := y*f.Width + x
				dst[x] = uint16(pix[at>>3] >> (at & 7) & 1)
			}
		}}
	case 8:
		return f.masked(f.each(func(at int) uint16 { return uint16(pix[at]) }))
	case 16:
		return f.masked(f.each(func(at int) uint16 { return binary.LittleEndian.Uint16(pix[2*at:]) }))
	}
	return dicomSamples{row: func(y int, dst []float64) {
		for i := range dst {
			dst[i] = f.wide(binary.LittleEndian.Uint32(pix[4*f.place(y, i/f.Samples, i%f.Samples):]))
		}
	}}
}

// each supplies words by their places.
func (f *dicomFrame) each(word func(at int) uint16) func(y int, dst []uint16) {
	return func(y int, dst []uint16) {
		at, step := f.place(y, 0, 0), f.place(0, 1, 0)
		if f.Samples == 1 {
			for x := range dst {
				dst[x] = word(at + x)
			}
			return
		}
		for c := range f.Samples {
			at = f.place(y, 0, c)
			for x := range f.Width {
				dst[f.Samples*x+c] = word(at + x*step)
			}
		}
	}
}

// pairs supplies pixels that share their colours: Y, Y, Cb, Cr.
func (f *dicomFrame) pairs(y int, dst []uint16) {
	size := f.Allocated / 8
	at := func(i int) uint16 {
		if size == 1 {
			return uint16(f.coded[i])
		}
		return binary.LittleEndian.Uint16(f.coded[2*i:])
	}
	for x := range f.Width {
		pixel := y*f.Width + x
		four := pixel / 2 * 4
		dst[3*x], dst[3*x+1], dst[3*x+2] = at(four+pixel%2), at(four+2), at(four+3)
	}
}

// floatSamples supplies numbers of 32 or 64 bits.
func floatSamples(f *dicomFrame) dicomSamples {
	return dicomSamples{row: func(y int, dst []float64) {
		for x := range dst {
			at := y*f.Width + x
			if f.Allocated == 32 {
				dst[x] = float64(math.Float32frombits(binary.LittleEndian.Uint32(f.coded[4*at:])))
			} else {
				dst[x] = math.Float64frombits(binary.LittleEndian.Uint64(f.coded[8*at:]))
			}
		}
	}}
}

// dicomRLE decodes run lengths: a plane for each byte of a pixel, the highest of a sample first.
func (w *workspace) dicomRLE(f *dicomFrame) (dicomSamples, error) {
	if f.Allocated == 1 {
		return dicomSamples{}, fault.Unsupported("DICOM with run lengths of 1 bit: write it uncompressed, as dcmconv of DCMTK does, or render it to PNG")
	}
	bytes, area := f.Allocated/8, f.Width*f.Height
	planes := grown(w.samples, area*bytes*f.Samples)
	w.samples = planes
	if err := dicom.DecodeRLE(planes, f.coded, bytes*f.Samples, w.clock.spend); err != nil {
		return dicomSamples{}, err
	}
	sample := func(y, i int) uint32 {
		v := uint32(0)
		for b := range bytes {
			v = v<<8 | uint32(planes[(i%f.Samples*bytes+b)*area+y*f.Width+i/f.Samples])
		}
		return v
	}
	if bytes == 4 {
		return dicomSamples{row: func(y int, dst []float64) {
			for i := range dst {
				dst[i] = f.wide(sample(y, i))
			}
		}}, nil
	}
	return f.masked(func(y int, dst []uint16) {
		for i := range dst {
			dst[i] = uint16(sample(y, i))
		}
	}), nil
}

// dicomJPEG decodes colours in JPEG, whose planes may be smaller than the image.
func (w *workspace) dicomJPEG(f *dicomFrame, j job) (source, error) {
	decoded, err := w.jpeg.Decode(f.coded)
	if err != nil {
		return source{}, err
	}
	decoded.Colour = dicomJPEGColour(f.coded, f.Photometric)
	if decoded.Precision != 8 {
		return w.fromDeepJPEG(decoded, j)
	}
	return w.fromJPEG(decoded), nil
}

// dicomJPEGColour says what the planes of a JPEG mean, as pydicom does: components called RGB are that, then notes in
// the JPEG count more than the photometric interpretation.
func dicomJPEGColour(coded []byte, photometric string) jpeg.Colour {
	colour, noted := jpeg.YCbCr, false
	if photometric == "RGB" {
		colour = jpeg.RGB
	}
	for rest := coded[2:]; len(rest) >= 4 && rest[0] == 0xff; {
		body := rest[4:min(len(rest), max(4, 2+int(binary.BigEndian.Uint16(rest[2:]))))]
		switch marker := rest[1]; {
		case marker == 0xe0 && len(body) >= 4 && string(body[:4]) == "JFIF":
			if !noted {
				colour, noted = jpeg.YCbCr, true
			}
		case marker == 0xee && len(body) >= 12 && string(body[:5]) == "Adobe" && !noted:
			switch noted = true; body[11] {
			case 0:
				colour = jpeg.RGB
			case 1:
				colour = jpeg.YCbCr
			}
		case marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc:
			if len(body) >= 15 && (body[6] == 'R' && body[9] == 'G' && body[12] == 'B' || body[6] == 'r' && body[9] == 'g' && body[12] == 'b') {
				return jpeg.RGB
			}
			return colour
		}
		rest = rest[min(len(rest), 4+len(body)):]
	}
	return colour
}
