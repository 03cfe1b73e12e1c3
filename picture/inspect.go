package picture

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// Inspect reads an image's header and no pixels: its Format, SourceWidth and SourceHeight. data may
// be only the beginning of the file; if that is not enough, as with large metadata in a JPEG and
// directories at the end of a TIFF, the error is an ErrDamaged. maxPixels is as Options.MaxPixels.
//
// Errors are as Decode's for such a header. Along with an ErrUnsupported, Format is a common name
// if the file was recognized, such as "HEIC" or "camera raw", and empty otherwise.
func Inspect(data []byte, maxPixels int) (Picture, error) {
	w := workspaces.Get().(*workspace)
	defer w.release()
	w.clock.begin(0)
	defer w.clock.end()
	kind := sniff(data)
	p := Picture{Format: kind.String()}
	h, err := w.header(data, kind)
	if p.SourceWidth, p.SourceHeight = h.width, h.height; err == nil {
		err = h.check(cmp.Or(maxPixels, DefaultMaxPixels))
	}
	failure := w.failure(StageHeader, p.Format, err)
	if failure == nil {
		return p, nil
	}
	switch {
	case errors.Is(failure, errForeign):
		p.Format = foreignContent(data).Name
	case p.Format == "tiff" && errors.Is(err, ErrUnsupported) && strings.Contains(err.Error(), "raw"):
		p.Format = "camera raw"
	}
	return p, failure
}

// errForeign marks an ErrUnsupported about an image of another kind.
var errForeign = fmt.Errorf("%w", ErrUnsupported)

// unsupported is the error about a file in none of the decoded formats.
func unsupported(data []byte) error {
	what, isPicture := identify(data)
	if !isPicture {
		return noPicture{what}
	}
	return fmt.Errorf("%w: %s", errForeign, what)
}

// checkPNG refuses what Xcode makes of PNGs for iPhones: different colours, packed differently.
func checkPNG(data []byte) error {
	if len(data) >= 16 && string(data[12:16]) == "CgBI" {
		return fmt.Errorf("%w: PNG as Xcode optimizes it for iPhones (CgBI): turn it back with pngcrush -revert-iphone-optimizations", ErrUnsupported)
	}
	return nil
}

// noPicture is an ErrNoPicture that reads like other unsupported files.
type noPicture struct{ what string }

func (e noPicture) Error() string { return ErrUnsupported.Error() + ": " + e.what }
func (e noPicture) Is(target error) bool {
	return target == ErrUnsupported || target == ErrNoPicture
}
