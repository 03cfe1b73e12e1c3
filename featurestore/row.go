package featurestore

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// Row is a picture with its features.
type Row struct {
	// Path names the row; no two rows of a dataset have the same.
	Path string
	// Label and Split are null where they are empty.
	Label, Split string
	// SHA256 is that of the picture's file, in hex.
	SHA256 string
	// Width and Height are in pixels.
	Width, Height int32
	// Features holds one vector per layer, in the recipe's order.
	Features [][]float32
}

// Failure is a picture that gave no row.
type Failure struct {
	Path         string
	Label, Split string
	// Stage is where it failed, Reason why.
	Stage, Reason string
}

// Errors of a store.
var (
	// ErrExists says that the directory holds a dataset already.
	ErrExists = errors.New("holds a dataset already")
	// ErrForeign says that the directory holds something else.
	ErrForeign = errors.New("is not empty and holds no dataset")
	// ErrLocked says that another process is writing the dataset.
	ErrLocked = errors.New("another run is writing to it")
	// ErrFormat marks a file that is damaged or is not of a dataset.
	ErrFormat = errors.New("not a valid dataset")
	// ErrNotFinite marks a vector with a NaN or an infinity.
	ErrNotFinite = errors.New("not a finite number")
)

// check refuses a row that would make the dataset unreadable or misleading.
func (r Row) check(info Info) error {
	layers := info.Recipe.Layers
	if len(r.Features) != len(layers) {
		return fmt.Errorf("featurestore: %s has %d vectors for %d layers", r.Path, len(r.Features), len(layers))
	}
	for i, l := range layers {
		if len(r.Features[i]) != l.Size() {
			return fmt.Errorf("featurestore: %s has %d values of layer %s, which has %d", r.Path, len(r.Features[i]), l.Name, l.Size())
		}
		for j, v := range r.Features[i] {
			if math.Float32bits(v)&0x7f800000 == 0x7f800000 {
				return fmt.Errorf("featurestore: %s: value %d of layer %s is %v: %w", r.Path, j, l.Name, v, ErrNotFinite)
			}
			if info.DType == Float16 && (v > maxFloat16 || v < -maxFloat16) {
				return fmt.Errorf("featurestore: %s: value %d of layer %s is %v, too large for float16: store float32", r.Path, j, l.Name, v)
			}
		}
	}
	return nil
}

// maxFloat16 rounds to the largest float16.
const maxFloat16 = 65519

// storedText makes a string of the file system storable: bytes that are not UTF-8 are
// written as \xNN.
func storedText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var out strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&out, `\x%02x`, s[0])
		} else {
			out.WriteString(s[:size])
		}
		s = s[size:]
	}
	return out.String()
}
