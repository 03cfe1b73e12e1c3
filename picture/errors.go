package picture

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"fovea/picture/internal/fault"
)

// Reasons why a file yields no image. Every error of Decode about a file wraps one.
var (
	// ErrUnsupported marks a format that is not decoded, or a file that is not an image at all.
	ErrUnsupported = fault.ErrUnsupported
	// ErrNoPicture marks a file whose content is not an image, such as a text or an archive. It is
	// an ErrUnsupported.
	ErrNoPicture = fmt.Errorf("%w: no image", ErrUnsupported)
	// ErrMissing marks an image whose decoder is not installed or cannot be started on this machine, which says nothing
	// about the file. It is an ErrUnsupported.
	ErrMissing = fault.ErrMissing
	// ErrTooLarge marks an image of more than MaxPixels, or of more memory than so many may take.
	ErrTooLarge = fault.ErrTooLarge
	// ErrTooSlow marks an image that took longer than MaxTime. Another machine may be faster.
	ErrTooSlow = fault.ErrTooSlow
	// ErrDamaged marks a file that is truncated or corrupt.
	ErrDamaged = fault.ErrDamaged
	// ErrTruncated marks a file that ends too early. It is an ErrDamaged.
	ErrTruncated = fault.ErrTruncated
	// ErrCorrupt marks a file that contradicts its format. It is an ErrDamaged.
	ErrCorrupt = fault.ErrCorrupt
)

// Stage is how far decoding came.
type Stage string

// The stages at which Decode can fail.
const (
	// StageHeader determines format and size.
	StageHeader Stage = "header"
	// StageDecode decodes the pixels.
	StageDecode Stage = "decode"
)

// Error says at which stage a file failed and why. Decode's errors about a file are of this type;
// those about options are not.
type Error struct {
	Stage Stage
	// Format is the file's format, or empty where it was not recognized.
	Format string
	// Err wraps one of the reasons: ErrUnsupported, ErrTooLarge, ErrTooSlow, ErrTruncated,
	// ErrCorrupt.
	Err error
}

func (e *Error) Error() string {
	format := ""
	if e.Format != "" {
		format = e.Format + ": "
	}
	return fmt.Sprintf("image: %s: %s%v%s", e.Stage, format, e.Err, e.remedy())
}

// remedy says what to do about the file; for formats that are not decoded, Err says it.
func (e *Error) remedy() string {
	switch {
	case errors.Is(e.Err, ErrTooLarge):
		return ": scale it down, or allow more pixels (--max-pixels)"
	case errors.Is(e.Err, ErrTooSlow):
		return ": scale it down, or allow more time (--max-decode-seconds)"
	case errors.Is(e.Err, ErrDamaged):
		return ": copy or download it again, or save it again with a program that can show it"
	}
	return ""
}

func (e *Error) Unwrap() error { return e.Err }

// reason maps a decoder's error to one of the package's reasons, for decoders of other modules, which do not have them.
func reason(err error) error {
	switch said := err.Error(); {
	case errors.Is(err, ErrUnsupported), errors.Is(err, ErrTooLarge), errors.Is(err, ErrTooSlow), errors.Is(err, ErrDamaged):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), strings.Contains(said, "EOF"), strings.Contains(said, "not enough pixel data"):
		return ErrTruncated
	case strings.Contains(said, "unsupported"):
		return fmt.Errorf("%w: %w: convert it to PNG", ErrUnsupported, err)
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}
