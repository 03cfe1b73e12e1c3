package main

import (
	"context"
	"errors"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/pipeline"
)

// create opens the dataset for writing. When an earlier run is gone on with, the rows of
// pictures whose files have changed since are taken out, so that they are made anew.
func (o *options) create(ctx context.Context, items []pipeline.Item, info featurestore.Info, options featurestore.Options) (*featurestore.Writer, error) {
	changed, err := o.changed(ctx, items)
	if err != nil {
		return nil, err
	}
	// First, since nothing may be taken out of a dataset that cannot be gone on with.
	writer, err := featurestore.Create(o.dir, info, options)
	if err != nil || len(changed) == 0 {
		return writer, err
	}
	if err := writer.Abort(); err != nil {
		return nil, err
	}
	logrus.Infof("%d pictures have changed since their features were extracted, the first is %s: they are read again", len(changed), changed[0].Path)
	paths := map[string]bool{}
	for _, item := range changed {
		paths[item.Path] = true
	}
	if err := featurestore.Remove(ctx, o.dir, paths); err != nil {
		return nil, err
	}
	return featurestore.Create(o.dir, info, options)
}

// changed are the pictures with a row, whose files are others by now.
func (o *options) changed(ctx context.Context, items []pipeline.Item) ([]pipeline.Item, error) {
	if !o.resume {
		return nil, nil
	}
	d, err := featurestore.Open(o.dir)
	if err != nil {
		return nil, nil // Create says what is wrong, if there is a dataset at all
	}
	index, err := d.Index(ctx)
	if errors.Is(err, featurestore.ErrCorrupt) {
		return nil, nil // the same
	} else if err != nil {
		return nil, err
	}
	known := make(map[string]string, index.Rows)
	for i, path := range index.Paths {
		known[path] = index.SHA256[i]
	}
	m := d.Manifest()
	since := m.Created
	if m.Finished != nil {
		since = *m.Finished
	}
	return pipeline.Changed(ctx, items, known, since)
}
