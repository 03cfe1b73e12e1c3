package cli

import (
	"strings"

	"github.com/spf13/pflag"

	"fovea/objects"
)

// StagingHelp is the help of flags that say where datasets wait for their upload.
const StagingHelp = "keep a dataset in `DIR` until it is uploaded to its object store (default: staging/ in FOVEA_CACHE or the cache directory)"

// PathVar defines a flag that takes a file or directory: a path, or a file:// URL. Other URLs are wrong
// usage.
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

// PathsVar defines a flag that takes paths as PathVar does, and may be given several times.
func PathsVar(f *pflag.FlagSet, paths *[]string, name, usage string) {
	f.Var((*pathsValue)(paths), name, usage)
}

type pathsValue []string

func (v *pathsValue) String() string { return strings.Join(*v, ", ") }

func (v *pathsValue) Type() string { return "string" }

func (v *pathsValue) Set(text string) error {
	path, err := LocalPath(text)
	if err == nil {
		*v = append(*v, path)
	}
	return err
}

// IsPath reports whether a flag was defined by PathVar or PathsVar.
func IsPath(f *pflag.Flag) bool {
	switch f.Value.(type) {
	case *pathValue, *pathsValue:
		return true
	}
	return false
}

// LocalPath is the path that a name means where only local files will do, as objects.OnlyLocalPath: a URL
// of anything else is wrong usage.
func LocalPath(name string) (string, error) {
	path, err := objects.OnlyLocalPath(name)
	if err != nil {
		return "", UsageError{err}
	}
	return path, nil
}

// LocalPaths returns the arguments with file:// URLs turned into paths. Other URLs stay.
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
