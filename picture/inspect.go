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
	failure := &Error{StageHeader, p.Format, reason(err)}
	switch {
	case p.Format == "" && !errors.Is(err, ErrNoPicture):
		p.Format, _, _ = strings.Cut(identify(data), ":")
	case p.Format == "tiff" && errors.Is(err, ErrUnsupported) && strings.Contains(err.Error(), "raw"):
		p.Format = "camera raw"
	}
	return p, failure
}

// unsupported is the error about a file that is none of the formats that are decoded.
func unsupported(data []byte) error {
	what := identify(data)
	// What is a picture has a remedy; a pointer to one has, too.
	if !strings.Contains(what, ": ") || strings.HasPrefix(what, "a Git LFS") {
		return noPicture{what}
	}
	return fmt.Errorf("%w: %s", ErrUnsupported, what)
}

// noPicture is an ErrNoPicture that reads as other unsupported files do.
type noPicture struct{ what string }

func (e noPicture) Error() string { return ErrUnsupported.Error() + ": " + e.what }
func (e noPicture) Is(target error) bool {
	return target == ErrUnsupported || target == ErrNoPicture
}
