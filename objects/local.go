package objects

import (
	"errors"
	"fmt"
	"path/filepath"

	"fovea/internal/lazy"
	"fovea/internal/redact"
)

// scheme begins a URL.
var scheme = lazy.Regexp(`^[A-Za-z][A-Za-z0-9+.-]*://`)

// ErrNotLocal is the error of a URL where there must be a file or a directory.
var ErrNotLocal = errors.New("this must be a file or directory on this machine: copy from or to the URL with the provider's own tool")

// OnlyLocalPath is the path that a name means where there must be one: the name itself, or that of a file://
// URL. Another URL is ErrNotLocal.
func OnlyLocalPath(name string) (string, error) {
	path, err := LocalPath(name)
	switch {
	case errors.Is(err, ErrScheme) || err == nil && scheme().MatchString(path):
		return "", fmt.Errorf("%s: %w", redact.URL(name), ErrNotLocal)
	case err != nil:
		return "", err
	}
	if clean := filepath.Clean(path); path != "" && (clean == "." || clean == "..") {
		// The working directory may be within a dataset whose place another takes.
		if absolute, err := filepath.Abs(clean); err == nil {
			return absolute, nil
		}
	}
	return path, nil
}
