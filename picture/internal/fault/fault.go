package fault

import (
	"errors"
	"fmt"
)

// Why a file yields no image. Package picture has the same values, and says more about them.
var (
	// ErrUnsupported marks a kind of file that is not decoded.
	ErrUnsupported = errors.New("unsupported format")
	// ErrMissing marks a file whose decoder is not installed or cannot be started. It is an ErrUnsupported.
	ErrMissing = fmt.Errorf("%w", ErrUnsupported)
	// ErrTooLarge marks an image that takes more pixels or memory than it may.
	ErrTooLarge = errors.New("too large")
	// ErrTooSlow marks an image that takes more time than it may.
	ErrTooSlow = errors.New("too slow")
	// ErrDamaged is what ErrTruncated and ErrCorrupt have in common.
	ErrDamaged = errors.New("damaged")
	// ErrTruncated marks a file that ends too early.
	ErrTruncated = fmt.Errorf("%w: truncated", ErrDamaged)
	// ErrCorrupt marks a file that contradicts itself or its format.
	ErrCorrupt = fmt.Errorf("%w: corrupt", ErrDamaged)
)

// ErrStopped says that the caller has ended the work, which says nothing about the file.
var ErrStopped = errors.New("stopped")

// Unsupported is an ErrUnsupported that says what of the file is not decoded.
func Unsupported(format string, arguments ...any) error {
	return because(ErrUnsupported, format, arguments)
}

// Truncated is an ErrTruncated that says what is missing.
func Truncated(format string, arguments ...any) error {
	return because(ErrTruncated, format, arguments)
}

// Corrupt is an ErrCorrupt that says what is wrong. Errors among the arguments are wrapped if the format has %w for them.
func Corrupt(format string, arguments ...any) error { return because(ErrCorrupt, format, arguments) }

func because(reason error, format string, arguments []any) error {
	return fmt.Errorf("%w: "+format, append([]any{reason}, arguments...)...)
}
