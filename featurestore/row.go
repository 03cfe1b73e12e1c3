package featurestore

import (
	"errors"
	"fmt"

	half "github.com/x448/float16"

	"fovea/featurestore/internal/guard"
	"fovea/internal/finite"
)

// Row is one picture with its features.
type Row struct {
	// Path identifies the picture within the dataset. It may hold any bytes; see
	// EscapeText for how those that are no UTF-8 are stored.
	Path string
	// Label and Split are stored as null when empty.
	Label, Split string
	// SHA256 is the hex digest of the picture's file.
	SHA256 string
	// Width and Height are the picture's size in pixels.
	Width, Height int32
	// Features holds one vector per layer of the recipe, in the recipe's order.
	Features [][]float32
	// Seen stands for what the picture was read from, zero if that is not known. The package does
	// not understand it. It is kept beside the rows, for Writer.Known; Scan does not give it.
	Seen [16]byte
}

// Failure is one picture that has no features, a line of FailuresFile.
type Failure struct {
	Path string
	// Label and Split are stored as null when empty.
	Label, Split string
	// Stage is what failed, such as "read" or "decode".
	Stage string
	// Reason is the error's text.
	Reason string
	// SHA256 is that of the picture's file, "" if it could not be read. It and Seen, which is that
	// of a Row, are kept beside the list.
	SHA256 string
	Seen   [16]byte
}

// Errors to test for with errors.Is.
var (
	// ErrVectorLength: a row's vector has another length than its layer.
	ErrVectorLength = errors.New("wrong vector length")
	// ErrNotFinite: a vector holds NaN or an infinity, or a value that float16 cannot hold.
	ErrNotFinite = errors.New("value not finite")
	// ErrDuplicatePath: the dataset has this path already.
	ErrDuplicatePath = errors.New("duplicate path")
	// ErrExists: the directory holds a dataset and neither Resume nor Overwrite was asked for.
	ErrExists = errors.New("already holds a dataset")
	// ErrNotDataset: the directory holds something else, which is left alone.
	ErrNotDataset = errors.New("not a dataset")
	// ErrLocked: another writer works on the directory.
	ErrLocked = errors.New("another process is writing to it")
	// ErrReplaced: a writer has put another dataset, or other rows, in the place of what was read.
	ErrReplaced = errors.New("was replaced while it was read: read it again")
	// ErrMismatch: a dataset that was made in another way cannot be resumed.
	ErrMismatch = errors.New("made in another way")
	// ErrLabels: a dataset with other labels or splits cannot be resumed.
	ErrLabels = errors.New("given other labels or splits")
	// ErrCorrupt: a file is damaged, or not what the manifest says.
	ErrCorrupt = guard.ErrCorrupt
	// ErrEmpty: a dataset has no rows.
	ErrEmpty = errors.New("no rows")
	// ErrClosed: the writer was closed or has failed before.
	ErrClosed = errors.New("writer is closed")
)

// RowError is a row that Append refuses. The writer stays usable: the caller may report the
// picture by AppendFailure and go on.
type RowError struct {
	// Path is the row's path; Layer is "" if the trouble is not with one layer.
	Path, Layer string
	Err         error
}

func (e *RowError) Error() string {
	if e.Layer == "" {
		return fmt.Sprintf("featurestore: row %q: %v", e.Path, e.Err)
	}
	return fmt.Sprintf("featurestore: row %q, layer %q: %v", e.Path, e.Layer, e.Err)
}

func (e *RowError) Unwrap() error { return e.Err }

// checkVectors returns a *RowError unless the row's vectors can be stored.
func (i Info) checkVectors(r *Row) error {
	layers := i.Recipe.Layers
	if len(r.Features) != len(layers) {
		return &RowError{Path: r.Path, Err: fmt.Errorf("%w: %d vectors for %d layers", ErrVectorLength, len(r.Features), len(layers))}
	}
	for n, l := range layers {
		v := r.Features[n]
		if len(v) != l.Size() {
			return &RowError{Path: r.Path, Layer: l.Name, Err: fmt.Errorf("%w: %d values, want %d", ErrVectorLength, len(v), l.Size())}
		}
		if at := finite.First(v); at >= 0 {
			return &RowError{Path: r.Path, Layer: l.Name, Err: fmt.Errorf("%w: value %d is %g", ErrNotFinite, at, v[at])}
		}
		if i.DType != Float16 {
			continue
		}
		for at, x := range v {
			if half.Fromfloat32(x).IsInf(0) {
				return &RowError{Path: r.Path, Layer: l.Name, Err: fmt.Errorf("%w in float16: value %d is %g, and the largest that fits is 65504: store float32", ErrNotFinite, at, x)}
			}
		}
	}
	return nil
}
