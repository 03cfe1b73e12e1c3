package picture

import (
	"errors"
	"fmt"

	"fovea/picture/internal/dicom"
	"fovea/picture/internal/fault"
	"fovea/picture/internal/jpeg2000"
	"fovea/picture/internal/jpegls"
)

// dicomFrame is a DICOM file's image, before its pixels.
type dicomFrame struct {
	dicom.Image
	file *dicom.File
	// coded is the frame's bytes.
	coded []byte
}

// parseDICOM reads a file up to its first frame.
func (w *workspace) parseDICOM(data []byte) (*dicom.File, error) {
	return dicom.Parse(data, dicom.Options{Spend: w.clock.spend})
}

// dicomReason turns an error of package dicom into one of this package's.
func (w *workspace) dicomReason(err error) error {
	switch {
	case errors.Is(err, dicom.ErrNoImage):
		return noPicture{dicom.ErrNoImage.Error()}
	case errors.Is(err, fault.ErrStopped):
		return w.clock.err
	}
	return err
}

// dicomHeader reads a file up to the header of its first frame.
func dicomHeader(w *workspace, data []byte) (header, error) {
	f, err := w.parseDICOM(data)
	if err != nil {
		return header{}, w.dicomReason(err)
	}
	h := header{width: f.Width, height: f.Height, extent: extent{bytes: f.Memory(), least: f.Least(), deep: true}}
	h.bytes = plus(h.bytes, times(f.Width, f.Samples, 2*8), dicomTables)
	switch f.Coding {
	case dicom.Native:
		return h, nil
	case dicom.RLE:
		h.bytes = plus(h.bytes, times(f.Width, f.Height, f.Samples, f.Allocated/8))
		return h, nil
	}
	coded, err := f.Frame(0)
	if err != nil {
		return h, w.dicomReason(err)
	}
	inner, err := w.codedHeader(f, coded)
	if err != nil {
		return h, err
	}
	if inner.width != f.Width || inner.height != f.Height {
		return h, fmt.Errorf("%w: it says %dx%d pixels, and its pixels have %dx%d", ErrCorrupt, f.Width, f.Height, inner.width, inner.height)
	}
	h.bytes = plus(h.bytes, inner.bytes)
	h.least = max(h.least, inner.least)
	return h, nil
}

// dicomTables is what lookup tables take: of colours, and of values.
const dicomTables = 512 << 10

// codedHeader is the header of a compressed frame.
func (w *workspace) codedHeader(f *dicom.File, coded []byte) (header, error) {
	switch {
	case jpeg2000.Is(coded):
		got, err := jpeg2000.Read(coded)
		if err != nil {
			return header{}, err
		}
		if len(got.Components) != f.Samples {
			return header{}, fmt.Errorf("%w: JPEG 2000 of %d components, where it says %d", ErrCorrupt, len(got.Components), f.Samples)
		}
		return header{got.Width, got.Height, jpeg2000Extent(got, len(coded))}, nil
	case isJPEGLS(coded):
		h, err := (&jpegls.Decoder{Spend: w.clock.spend}).Header(coded)
		if err == nil && h.Components != f.Samples {
			err = fmt.Errorf("%w: JPEG-LS of %d components, where it says %d", ErrCorrupt, h.Components, f.Samples)
		}
		return header{h.Width, h.Height, extent{bytes: h.Bytes, least: h.Least}}, err
	case isJPEG(coded):
		h, err := jpegHeader(w, coded)
		if err != nil {
			return h, err
		}
		got, err := w.jpeg.Header(coded)
		if err == nil && got.Components != f.Samples {
			err = fmt.Errorf("%w: JPEG of %d components, where it says %d", ErrCorrupt, got.Components, f.Samples)
		}
		h.bytes = plus(h.bytes, 2*got.Samples) // DecodeSamples'
		return h, err
	}
	return header{}, fmt.Errorf("%w: its pixels are not in the coding that its transfer syntax says", ErrCorrupt)
}

// decodeDICOM decodes the first frame.
func decodeDICOM(w *workspace, data []byte, j job) (source, error) {
	f, err := w.parseDICOM(data)
	if err != nil {
		return source{}, w.dicomReason(err)
	}
	image, err := f.At(0)
	if err != nil {
		return source{}, w.dicomReason(err)
	}
	coded, err := f.Frame(0)
	if err != nil {
		return source{}, w.dicomReason(err)
	}
	frame := dicomFrame{image, f, coded}
	if frame.Samples == 3 && f.Coding == dicom.JPEG && isJPEG(coded) && !isJPEGLS(coded) {
		return w.dicomJPEG(&frame, j)
	}
	samples, err := w.dicomSamples(&frame, j)
	if err != nil {
		return source{}, w.dicomReason(err)
	}
	switch {
	case frame.Palette != nil:
		return w.dicomPalette(&frame, samples, j)
	case frame.Samples == 3:
		return w.dicomColours(&frame, samples, j)
	}
	return w.dicomGrey(&frame, samples, j)
}
