package budget

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"fovea/internal/text"
)

// ErrLarge means that a file has more bytes than any that is meant.
var ErrLarge = errors.New("it is too large")

// ReadFile is os.ReadFile for a file of at most so many bytes. A larger one, or one without end, such as a
// device, is ErrLarge.
func ReadFile(name string, most int64) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close() // read-only
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	var content bytes.Buffer
	if size := info.Size(); size <= most {
		content.Grow(int(size) + bytes.MinRead)
		if _, err := content.ReadFrom(io.LimitReader(file, most+1)); err != nil {
			return nil, err
		}
	}
	if info.Size() > most || int64(content.Len()) > most {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("%w: it has more than %s", ErrLarge, text.Size(most))}
	}
	return content.Bytes(), nil
}
