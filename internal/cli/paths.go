package cli

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"fovea/objects"
	"fovea/pipeline"
)

// PathVar defines a flag of a file or directory: a path, or the file:// URL of one. Other URLs are
// wrong usage.
func PathVar(f *pflag.FlagSet, path *string, name, value, usage string) {
	*path = value
	f.Var((*pathValue)(path), name, usage)
}

type pathValue string

func (v *pathValue) String() string { return string(*v) }

func (v *pathValue) Type() string { return "string" }

func (v *pathValue) Set(text string) error {
	path, err := LocalPath(text)
	if err == nil {
		*v = pathValue(path)
	}
	return err
}

// IsPath says whether a flag was defined by PathVar.
func IsPath(f *pflag.Flag) bool {
	_, is := f.Value.(*pathValue)
	return is
}

// scheme begins a URL.
var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)

// LocalPath is the path that a name means where there must be one: the name itself, or that of a
// file:// URL. Another URL is wrong usage.
func LocalPath(name string) (string, error) {
	path, err := objects.LocalPath(name)
	switch {
	case err != nil:
		return "", UsageError{err}
	case scheme.MatchString(path):
		return "", Usagef("%s: a file or directory on this machine is wanted here: copy from or to the URL by its provider's program", name)
	}
	if clean := filepath.Clean(path); path != "" && (clean == "." || clean == "..") {
		// The working directory may be within a dataset whose place another takes.
		if absolute, err := filepath.Abs(clean); err == nil {
			return absolute, nil
		}
	}
	return path, nil
}

// ParseLabels reads the value of a --labels flag, as pipeline.ParseLabels; the FILE of csv:FILE may
// be a file:// URL.
func ParseLabels(value string) (pipeline.Labeler, error) {
	if file, found := strings.CutPrefix(value, "csv:"); found {
		path, err := LocalPath(file)
		if err != nil {
			return nil, err
		}
		value = "csv:" + path
	}
	labeler, err := pipeline.ParseLabels(value)
	if err != nil {
		return nil, UsageError{err}
	}
	return labeler, nil
}

// NamesVar defines a flag of names with commas between them, which may be given several times.
// An empty name is one, too: no name at all is that of what has none. Without the flag the list is
// nil.
func NamesVar(f *pflag.FlagSet, names *[]string, name, usage string) {
	f.Var((*namesValue)(names), name, usage)
}

type namesValue []string

func (v *namesValue) String() string { return strings.Join(*v, ",") }

func (v *namesValue) Type() string { return "strings" }

func (v *namesValue) Set(text string) error {
	if text == "" {
		*v = append(*v, "")
		return nil
	}
	record, err := csv.NewReader(strings.NewReader(text)).Read()
	if err != nil {
		return fmt.Errorf("%q is no list of names with commas between them: put quotes around names that hold quotes or commas: %w", text, err)
	}
	*v = append(*v, record...)
	return nil
}

// PrintJSON prints a result. Names in it are as they are, whatever web pages would make of them.
func PrintJSON(w io.Writer, result any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(result)
}
