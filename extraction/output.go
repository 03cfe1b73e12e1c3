package extraction

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/featurestore/remote"
	"fovea/models"
	"fovea/objects"
)

// createOutput begins to write a dataset to a URL; see remote.Create. Without a staging directory it uses the
// one in the cache.
func createOutput(ctx context.Context, url string, options remote.Options) (*remote.Output, error) {
	if options.Staging == "" {
		weights, err := models.Dir()
		if err != nil {
			return nil, fmt.Errorf("a dataset waits in the cache until it is uploaded, but %w, or name another directory with --staging", models.ErrNoCache)
		}
		options.Staging = filepath.Join(filepath.Dir(weights), "staging")
	}
	return remote.Create(ctx, url, options)
}

// destination is where a run writes: to dir and, with an upload, from there to a URL.
type destination struct {
	dir    string
	upload *remote.Output // nil for a directory
	read   featurestore.ReadOptions
	// staged means that the dataset is staged for another one, which has its labels and takes rows from it.
	staged bool
}

// reading says how the dataset is read that is resumed, and the one that was written.
func (o *Options) reading() featurestore.ReadOptions {
	return featurestore.ReadOptions{MaxMemory: o.MaxMemory}
}

// vacant refuses a directory that cannot take a new dataset before the model is opened, which may take long. What a
// URL holds is known when the upload begins.
func (o *Options) vacant() error {
	if o.Resume || o.Sync || o.Add || o.Overwrite || objects.IsURL(o.Out) {
		return nil
	}
	dir, err := objects.LocalPath(o.Out)
	if err != nil {
		return err
	}
	return featurestore.Vacant(dir)
}

func (o *Options) destination(ctx context.Context) (destination, error) {
	if !objects.IsURL(o.Out) {
		dir, err := objects.LocalPath(o.Out)
		return destination{dir: dir, read: o.reading()}, err
	}
	upload, err := createOutput(ctx, o.Out, remote.Options{Resume: o.Resume || o.Sync || o.Add, Overwrite: o.Overwrite, Staging: o.Staging})
	if err != nil {
		return destination{}, err
	}
	return destination{dir: upload.Dir, upload: upload, read: o.reading()}, nil
}

// finish uploads the rest of a closed dataset; runErr is what the run ended with.
func (d destination) finish(ctx context.Context, runErr error) error {
	if d.upload == nil || errors.Is(runErr, featurestore.ErrLocked) { // the dataset is another run's by now
		return nil
	}
	dataset, err := d.read.Open(d.dir)
	if err != nil || dataset.Manifest().Status == featurestore.StatusWriting { // nothing came of it
		return nil
	}
	if runErr != nil {
		logrus.Infof("uploading the finished files to %s", d.upload)
	}
	return d.upload.Finish(ctx)
}
