package frames

import (
	"context"

	"fovea/picture"
)

// avifReader reads the frames of an animated AVIF, which its decoder composes.
type avifReader struct {
	sequence *picture.Sequence
	times    Times
}

func openAVIF(f file, options Options) (Reader, error) {
	data, err := f.all()
	if err != nil {
		return nil, err
	}
	s, err := picture.OpenSequence(data, options.MaxPixels)
	if err != nil {
		return nil, err
	}
	a := &avifReader{sequence: s}
	a.times.Starts, a.times.End = s.Times()
	return a, nil
}

// Times implements Reader.
func (a *avifReader) Times() Times { return a.times }

// Frame implements Reader.
func (a *avifReader) Frame(ctx context.Context, i int) ([]byte, error) {
	r, err := a.sequence.Frame(ctx, i)
	if err != nil {
		return nil, err
	}
	return r.Encode()
}

// Close implements io.Closer.
func (a *avifReader) Close() error {
	a.sequence.Close()
	return nil
}
