package cli

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"fovea/internal/remote"
	"fovea/models"
	"fovea/objects"
	_ "fovea/objects/drivers" // the stores of the providers
	"fovea/pipeline"
)

// StagingHelp is the help of flags that place what goes to an object store.
const StagingHelp = "where a dataset lies on its way to an object store (`DIR`; default: staging/ in FOVEA_CACHE or the cache directory)"

// DatasetHelp ends the help of arguments that are datasets.
const DatasetHelp = "a directory or the URL of one in an object store, which is fetched first"

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

// Finder finds pictures in files, in what the openers know, and in object stores.
func Finder(openers ...pipeline.Opener) pipeline.Finder {
	return pipeline.Finder{Openers: openers, Path: LocalPath, Store: func(ctx context.Context, argument string) (pipeline.Store, error) {
		if !objects.IsURL(argument) {
			return nil, nil
		}
		folder, err := objects.Open(ctx, argument)
		if err != nil {
			return nil, err
		}
		return bucket{folder}, nil // until the process ends
	}}
}

// bucket is a folder as the pipeline wants it.
type bucket struct{ folder *objects.Folder }

// Files implements pipeline.Store.
func (b bucket) Files(ctx context.Context, visit func(pipeline.StoredFile) error) error {
	return b.folder.List(ctx, func(o objects.Object) error { return visit(pipeline.StoredFile(o)) })
}

// Open implements pipeline.Store.
func (b bucket) Open(ctx context.Context, file pipeline.StoredFile) (pipeline.File, error) {
	return b.folder.Open(ctx, objects.Object(file)), nil
}

// CreateOutput begins to write a dataset to a URL; see remote.Create. No staging directory
// means the one in the cache.
func CreateOutput(ctx context.Context, url string, options remote.Options) (*remote.Output, error) {
	if options.Staging == "" {
		weights, err := models.Dir()
		if err != nil {
			return nil, err
		}
		options.Staging = filepath.Join(filepath.Dir(weights), "staging")
	}
	return remote.Create(ctx, url, options)
}

// OnDataset makes a command's function of one that works on the directory of a dataset. What
// lies in an object store is fetched for it.
func OnDataset(run func(ctx context.Context, dir string) error) func(*cobra.Command, []string) error {
	return onFetched(remote.Fetch, run)
}

// OnAnyDataset does the same for one that looks for damage.
func OnAnyDataset(run func(ctx context.Context, dir string) error) func(*cobra.Command, []string) error {
	return onFetched(remote.FetchDamaged, run)
}

func onFetched(fetch func(context.Context, string) (string, func(), error), run func(ctx context.Context, dir string) error) func(*cobra.Command, []string) error {
	return func(command *cobra.Command, arguments []string) error {
		dir, done, err := fetch(command.Context(), arguments[0])
		if err != nil {
			return err
		}
		defer done()
		return remote.Located(run(command.Context(), dir), dir, arguments[0])
	}
}
