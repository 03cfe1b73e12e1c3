package frames

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fovea/picture"
	"fovea/picture/internal/dicom"
)

// dicomReader gives each frame of a DICOM file as a file of its own.
type dicomReader struct {
	file  *dicom.File
	times Times
}

func openDICOM(f file, options Options) (Reader, error) {
	data, err := f.all()
	if err != nil {
		return nil, err
	}
	parsed, err := dicom.Parse(data, dicom.Options{Identity: true})
	if errors.Is(err, dicom.ErrNoImage) {
		return nil, ErrSingle // which says so
	}
	if err != nil {
		return nil, err
	}
	if err := options.checkSize(parsed.Width, parsed.Height); err != nil {
		return nil, err
	}
	if parsed.Inflated() > picture.MaxFileBytes {
		return nil, fmt.Errorf("%w: %d MB of pixels, the limit is %d MB", picture.ErrTooLarge, parsed.Inflated()>>20, picture.MaxFileBytes>>20)
	}
	d := &dicomReader{file: parsed}
	for _, show := range parsed.Shows() {
		d.times.add(show)
	}
	if d.times.Starts == nil {
		d.times.Starts = make([]time.Duration, parsed.Frames)
	}
	return d, nil
}

// Facts says what the file says of all its frames.
func (d *dicomReader) Facts() picture.Facts {
	return picture.Facts{Patient: d.file.Patient, Study: d.file.Study}
}

// Times implements Reader.
func (d *dicomReader) Times() Times { return d.times }

// Frame implements Reader.
func (d *dicomReader) Frame(ctx context.Context, i int) ([]byte, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	data, err := d.file.Single(i)
	if err != nil {
		return nil, err
	}
	return data, nil
}
