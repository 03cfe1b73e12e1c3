package objects

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
)

// scheme begins a URL.
var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)

// ErrNotLocal is the error of a URL where there must be a file or a directory.
var ErrNotLocal = errors.New("this must be a file or directory on this machine: copy from or to the URL with the provider's own tool")

// OnlyLocalPath is the path that a name means where there must be one: the name itself, or that of a file://
// URL. Another URL is ErrNotLocal.
func OnlyLocalPath(name string) (string, error) {
	path, err := LocalPath(name)
	switch {
	case err != nil:
		return "", err
	case scheme.MatchString(path):
		return "", fmt.Errorf("%s: %w", name, ErrNotLocal)
	}
	if clean := filepath.Clean(path); path != "" && (clean == "." || clean == "..") {
		// The working directory may be within a dataset whose place another takes.
		if absolute, err := filepath.Abs(clean); err == nil {
			return absolute, nil
		}
	}
	return path, nil
}
