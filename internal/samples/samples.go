package samples

import (
	"embed"
	"fmt"
	"path"
)

// Side is the width and the height of every photograph in pixels.
const Side = 224

// Photo is a JPEG file.
type Photo struct {
	Name string
	Data []byte
}

//go:embed *.jpg
var files embed.FS

// Photos are all photographs, in the order of their names.
func Photos() ([]Photo, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, fmt.Errorf("samples: %w", err)
	}
	photos := make([]Photo, len(entries))
	for i, entry := range entries {
		data, err := files.ReadFile(path.Clean(entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("samples: %w", err)
		}
		photos[i] = Photo{entry.Name(), data}
	}
	return photos, nil
}
