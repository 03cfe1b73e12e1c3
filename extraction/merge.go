package extraction

import (
	"context"
	"errors"
	"fmt"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/featurestore/remote"
	"fovea/internal/redact"
	"fovea/objects"
)

// MergeOptions say how datasets are merged.
type MergeOptions struct {
	featurestore.MergeOptions
	// KeepShards keeps the files as they are instead of rewriting them, as featurestore.Assemble.
	KeepShards bool
	// Staging is the directory where a dataset waits for its upload (default: in the cache).
	Staging string
}

// Merged is a dataset that was written.
type Merged struct {
	Dataset  string `json:"dataset"`
	Rows     int    `json:"rows"`
	Failures int    `json:"failures"`
	Shards   int    `json:"shards"`
	// Bytes is the size of the shards' files.
	Bytes int64 `json:"bytes"`
}

// Merge makes one dataset of several that were made in the same way, as featurestore.Merge does. Both out and the datasets
// may lie in object stores.
func Merge(ctx context.Context, out string, datasets []string, options MergeOptions) (Merged, error) {
	dirs := make([]string, len(datasets))
	for i, name := range datasets {
		dir, done, err := remote.Fetch(ctx, name)
		if err != nil {
			return Merged{}, err
		}
		defer done() // all are needed until the end
		dirs[i] = dir
	}
	for _, warning := range doubtParts(ctx, dirs, featurestore.ReadOptions{MaxMemory: options.MaxMemory}) {
		for i, dir := range dirs {
			warning = remote.Located(errors.New(warning), dir, datasets[i]).Error()
		}
		logrus.Warn(warning)
	}
	if objects.IsURL(out) {
		return mergeTo(ctx, out, dirs, options)
	}
	if err := options.merge(ctx, out, dirs); err != nil {
		return Merged{}, err
	}
	return Describe(out, featurestore.ReadOptions{MaxMemory: options.MaxMemory})
}

func (o MergeOptions) merge(ctx context.Context, out string, dirs []string) error {
	if o.KeepShards {
		return featurestore.Assemble(ctx, out, dirs, featurestore.AssembleOptions{Overwrite: o.Overwrite, ToolVersion: o.ToolVersion, MaxMemory: o.MaxMemory})
	}
	return featurestore.Merge(ctx, out, dirs, o.MergeOptions)
}

// mergeTo merges in a staging directory and uploads the result.
func mergeTo(ctx context.Context, url string, dirs []string, options MergeOptions) (Merged, error) {
	staged, err := createOutput(ctx, url, remote.Options{Overwrite: options.Overwrite, Staging: options.Staging})
	if err != nil {
		return Merged{}, err
	}
	ctx, release := staged.Context(ctx)
	defer release()
	if err := options.merge(ctx, staged.Dir, dirs); err != nil {
		return Merged{}, errors.Join(err, staged.Abandon(ctx))
	}
	d, err := featurestore.ReadOptions{MaxMemory: options.MaxMemory}.Open(staged.Dir)
	if err != nil {
		return Merged{}, errors.Join(err, staged.Abandon(ctx))
	}
	staged.Written(d.Manifest())
	merged := newMerged(redact.Place(url), d)
	return merged, staged.Finish(ctx)
}

// Describe says what the dataset in dir consists of.
func Describe(dir string, read featurestore.ReadOptions) (Merged, error) {
	d, err := read.Open(dir)
	if err != nil {
		return Merged{}, fmt.Errorf("read what was written: %w", err)
	}
	return newMerged(dir, d), nil
}

func newMerged(name string, d *featurestore.Dataset) Merged {
	m := Merged{Dataset: name, Rows: d.Rows(), Failures: d.Manifest().Failures, Shards: len(d.Shards())}
	for _, s := range d.Shards() {
		m.Bytes += s.Bytes
	}
	return m
}
