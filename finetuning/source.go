package finetuning

import (
	"context"

	"fovea/featurestore"
	"fovea/featurestore/remote"
	"fovea/internal/budget"
	"fovea/internal/redact"
	"fovea/internal/scratch"
)

// Source says where a dataset of features is, and how much memory its features may take.
type Source struct {
	// Dir is the dataset's directory, or its URL in an object store.
	Dir string
	// Memory is the number of bytes that features may take; with more, they lie in temporary files
	// that are mapped into memory. 0 means half of the machine's memory.
	Memory int64
	// MaxMemory is the number of bytes that reading one of the dataset's files may take; see
	// featurestore.ReadOptions.
	MaxMemory int64
}

// open opens the dataset, which is local.
func (s Source) open() (*featurestore.Dataset, error) {
	return featurestore.ReadOptions{MaxMemory: s.MaxMemory}.Open(s.Dir)
}

// Load reads the labelled rows of a dataset: the layers named, in that order, or its only layer when
// none is named. Rows without a label are left out, with a warning. Wrong or missing layers are
// ErrLayers. What was fetched from an object store is removed again.
func (s Source) Load(ctx context.Context, layers ...string) (Features, error) {
	local, done, err := s.Fetch(ctx)
	if err != nil {
		return Features{}, err
	}
	defer done()
	f, err := local.load(ctx, &scratch.Memory{Above: s.fileAbove()}, layers)
	return f, remote.Located(err, local.Dir, s.Dir)
}

// name is the dataset in messages and reports: a URL without parameters.
func (s Source) name() string { return redact.Place(s.Dir) }

// Fetch copies a dataset that is in an object store to a temporary directory, which done removes.
// A dataset in the file system is used where it is.
func (s Source) Fetch(ctx context.Context) (local Source, done func(), err error) {
	s.Dir, done, err = remote.Fetch(ctx, s.Dir)
	return s, done, err
}

// tablesAtOnce is the number of tables as large as the features that a training holds at a time,
// with one to spare.
const tablesAtOnce = 4

// fileAbove is the size in bytes from which a table lies in a file; 0 means never.
func (s Source) fileAbove() int64 {
	if s.Memory == 0 {
		return budget.Total() / 2 / tablesAtOnce
	}
	return max(1, s.Memory/tablesAtOnce)
}
