package featurestore

import (
	"errors"
	"fmt"

	half "github.com/x448/float16"

	"fovea/featurestore/internal/guard"
	"fovea/internal/finite"
)

// Row is one image with its features.
type Row struct {
	// Path identifies the image within the dataset. It may contain any bytes; EscapeText says how
	// paths that are not UTF-8 are stored.
	Path string
	// Label and Split are stored as null when empty.
	Label, Split string
	// SHA256 is the hex digest of the image's file.
	SHA256 string
	// Width and Height are the image's size in pixels.
	Width, Height int32
	// Group is stored as null when empty. Rows of one group stay together wherever rows are divided. Only a dataset with
	// ExtraGroup can have it.
	Group string
	// Georeference says where the image lies, nil where that is unknown. Only a dataset with ExtraGeoreference can have it.
	Georeference *Georeference
	// Features holds one vector per layer of the recipe, in the recipe's order.
	Features [][]float32
	// Seen identifies what the image was read from, zero if unknown. The package does not interpret
	// it. It is kept beside the rows, for Writer.Known; Scan does not return it.
	Seen [16]byte
}

// Failure is one image without features, a line of FailuresFile.
type Failure struct {
	Path string
	// Label and Split are stored as null when empty.
	Label, Split string
	// Stage is what failed, such as "read" or "decode".
	Stage string
	// Reason is the error's text.
	Reason string
	// SHA256 is that of the image's file, "" if it could not be read. It and Seen, which is as in a
	// Row, are kept beside the list.
	SHA256 string
	Seen   [16]byte
}

// Errors to test for with errors.Is.
var (
	// ErrVectorLength: a row's vector has another length than its layer.
	ErrVectorLength = errors.New("wrong vector length")
	// ErrNotFinite: a vector contains a NaN or an infinity, or a value beyond the range of float16.
	ErrNotFinite = errors.New("value not finite")
	// ErrDuplicatePath: the dataset has this path already.
	ErrDuplicatePath = errors.New("duplicate path")
	// ErrExists: the directory contains a dataset, and the options have neither Resume nor Overwrite.
	ErrExists = errors.New("already holds a dataset")
	// ErrNotDataset: the directory contains something else, which is left alone.
	ErrNotDataset = errors.New("not a dataset")
	// ErrLocked: another writer works on the directory.
	ErrLocked = errors.New("another process is writing to it")
	// ErrReplaced: a writer replaced the dataset, or its rows, while it was read.
	ErrReplaced = errors.New("was replaced while it was read: read it again")
	// ErrMismatch: a dataset that was made in another way cannot be resumed.
	ErrMismatch = errors.New("made in another way")
	// ErrNoColumn: columns of vectors are not there, or none would be left.
	ErrNoColumn = errors.New("these columns cannot be dropped")
	// ErrLabels: a dataset with other labels, splits or groups cannot be resumed.
	ErrLabels = errors.New("given different labels, splits or groups")
	// ErrCorrupt: a file is damaged, or not what the manifest says.
	ErrCorrupt = guard.ErrCorrupt
	// ErrEmpty: a dataset has no rows.
	ErrEmpty = errors.New("no rows: extract images that can be read")
	// ErrClosed: the writer was closed, or failed before.
	ErrClosed = errors.New("writer is closed")
)

// RowError is a row that Append rejects. The writer stays usable: the caller may report the image with
// AppendFailure and continue.
type RowError struct {
	// Path is the row's path; Layer is "" if the problem does not concern a single layer.
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

// checkRow returns a *RowError unless the row's values can be stored.
func (i Info) checkRow(r *Row) error {
	if err := i.checkExtra(r); err != nil {
		return err
	}
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
