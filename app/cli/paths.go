package cli

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"fovea/objects"
	"fovea/pipeline"
)

// StagingHelp is the help of flags that place what goes to an object store.
const StagingHelp = "where a dataset lies on its way to an object store (`DIR`; default: staging/ in FOVEA_CACHE or the cache directory)"

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

// LocalPath is the path that a name means where there must be one, as objects.OnlyLocalPath: what is none is
// wrong usage.
func LocalPath(name string) (string, error) {
	path, err := objects.OnlyLocalPath(name)
	if err != nil {
		return "", UsageError{err}
	}
	return path, nil
}

// LocalPaths are arguments with paths in the place of file:// URLs.
func LocalPaths(arguments []string) ([]string, error) {
	paths := make([]string, len(arguments))
	for i, argument := range arguments {
		path, err := objects.LocalPath(argument)
		if err != nil {
			return nil, UsageError{err}
		}
		paths[i] = path
	}
	return paths, nil
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
