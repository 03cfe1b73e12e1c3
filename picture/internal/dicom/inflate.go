package dicom

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"slices"

	"fovea/picture/internal/fault"
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
		case err != nil && !errors.Is(err, fault.ErrTruncated):
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
			return nil, fault.ErrStopped
		}
		n := int(min(most-int64(len(out)), inflatedPart))
		out = slices.Grow(out, n)
		got, err := io.ReadFull(in, out[len(out):len(out)+n])
		out = out[:len(out)+got]
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return out, nil // what is missing is missed later
		case err != nil:
			return nil, fault.Corrupt("inflate the data set: %v", err)
		}
	}
	return out, nil
}
