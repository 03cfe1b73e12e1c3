package objects

import (
	"fmt"
	"path/filepath"
	"regexp"
)

// scheme begins a URL.
var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)

// OnlyLocalPath is the path of a name where only a path will do: the name itself, or that of a
// file:// URL. Any other URL is an error.
func OnlyLocalPath(name string) (string, error) {
	path, err := LocalPath(name)
	switch {
	case err != nil:
		return "", err
	case scheme.MatchString(path):
		return "", fmt.Errorf("%s: a file or directory on this machine is needed: copy from or to the URL with the provider's own program", name)
	}
	if clean := filepath.Clean(path); path != "" && (clean == "." || clean == "..") {
		// The working directory may be within a dataset whose place another takes.
		if absolute, err := filepath.Abs(clean); err == nil {
			return absolute, nil
		}
	}
	return path, nil
}
