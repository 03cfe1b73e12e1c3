package weights

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"fovea/internal/budget"
)

// onnxFiles are the files beside a model that hold constants.
type onnxFiles struct {
	dir  string
	used map[string]bool
	// memory is the budget of the model and of the files that were used.
	memory *budget.Budget
}

// read reads a part of a file, whose name must not lead out of the model's directory.
func (e *onnxFiles) read(location string, offset int64, want int) ([]byte, error) {
	file, err := os.OpenInRoot(e.dir, location)
	if err != nil {
		return nil, fmt.Errorf("%w: its elements are in the file %q, which must lie beside the model: %w", ErrFormat, location, err)
	}
	defer file.Close() // read-only
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if offset < 0 || offset > info.Size() || int64(want) > info.Size()-offset {
		return nil, fmt.Errorf("%w: its %d bytes at %d lie outside %s of %d bytes: is that file truncated?", ErrFormat, want, offset, location, info.Size())
	}
	if !e.used[location] {
		e.memory = e.memory.Beside(info.Size())
	}
	if err := e.memory.Take(int64(want), "a constant in "+location); err != nil {
		return nil, err
	}
	raw := make([]byte, want)
	if _, err := file.ReadAt(raw, offset); err != nil {
		return nil, fmt.Errorf("%w: read %s: %w", ErrFormat, location, err)
	}
	if e.used == nil {
		e.used = map[string]bool{}
	}
	e.used[location] = true
	return raw, nil
}

// sum is the SHA-256 of the model followed by the files, in the order of their names.
func (e *onnxFiles) sum(model []byte) (string, error) {
	sum := sha256.New()
	sum.Write(model)
	for _, name := range slices.Sorted(maps.Keys(e.used)) {
		file, err := os.OpenInRoot(e.dir, name)
		if err != nil {
			return "", err
		}
		_, err = io.Copy(sum, file)
		file.Close() // read-only
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
