package picture

import (
	"errors"
	"fmt"
	"strings"
)

// Inspect reads the header of a picture and no pixels: what it is and how large, as Format,
// SourceWidth and SourceHeight. data may be the beginning of the file only; where that does
// not tell, as with large notes in a JPEG and directories at the end of a TIFF, the error is
// an ErrDamaged. maxPixels is as Options.MaxPixels.
//
// Errors are Decode's for such a header. Beside an ErrUnsupported, Format is a name for
// people where the file was recognised, such as "HEIC" or "camera raw", and else empty.
func Inspect(data []byte, maxPixels int) (Picture, error) {
	w := workspaces.Get().(*workspace)
	defer w.release()
	p := Picture{Format: sniff(data)}
	var err error
	if p.SourceWidth, p.SourceHeight, err = w.header(data, p.Format); err == nil {
		err = checkSize(p.SourceWidth, p.SourceHeight, maxPixels)
	}
	if err == nil {
		return p, nil
	}
	failure := &Error{StageHeader, p.Format, reasonOf(data, err)}
	switch {
	case errors.Is(failure, errForeign):
		p.Format = foreignContent(data).Name
	case p.Format == "tiff" && errors.Is(err, ErrUnsupported) && strings.Contains(err.Error(), "raw"):
		p.Format = "camera raw"
	}
	return p, failure
}

// errForeign marks an ErrUnsupported about a picture of another kind.
var errForeign = fmt.Errorf("%w", ErrUnsupported)

// unsupported is the error about a file that is none of the formats that are decoded.
func unsupported(data []byte) error {
	what, isPicture := identify(data)
	if !isPicture {
		return noPicture{what}
	}
	return fmt.Errorf("%w: %s", errForeign, what)
}

// reasonOf gives a decoder's error one of the package's reasons. A file that DICOM wraps is of that
// format, though its preamble may hold a TIFF's header.
func reasonOf(data []byte, err error) error {
	if err = reason(err); errors.Is(err, ErrDamaged) && isDICOM(data) {
		return unsupported(data)
	}
	return err
}

// checkPNG refuses what Xcode makes of PNGs for iPhones: other colours, packed another way.
func checkPNG(data []byte) error {
	if len(data) >= 16 && string(data[12:16]) == "CgBI" {
		return fmt.Errorf("%w: PNG as Xcode optimizes it for iPhones (CgBI): turn it back with pngcrush -revert-iphone-optimizations", ErrUnsupported)
	}
	return nil
}

// noPicture is an ErrNoPicture that reads as other unsupported files do.
type noPicture struct{ what string }

func (e noPicture) Error() string { return ErrUnsupported.Error() + ": " + e.what }
func (e noPicture) Is(target error) bool {
	return target == ErrUnsupported || target == ErrNoPicture
}
