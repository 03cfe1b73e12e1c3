package featurestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"fovea/recipe"
)

// Dataset is a dataset opened for reading. It holds no open files and may be used by several
// goroutines.
type Dataset struct {
	dir      string
	manifest Manifest
	mem      memory.Allocator
}

// Open opens the dataset in dir. It reads the manifest and every shard's footer, and fails
// if they do not agree: errors.Is tells ErrNotDataset from ErrCorrupt.
//
// A dataset that is still being written, or whose writer was killed, is opened with the
// shards finished so far; see Manifest's Status.
func Open(dir string) (*Dataset, error) {
	d, err := open(dir, memory.DefaultAllocator)
	if err != nil {
		return nil, fmt.Errorf("featurestore: open %q: %w", dir, err)
	}
	return d, nil
}

func open(dir string, mem memory.Allocator) (*Dataset, error) {
	m, err := readManifest(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w of features: it has no %s", ErrNotDataset, manifestFile)
	}
	if err != nil {
		return nil, err
	}
	d := &Dataset{dir: dir, manifest: m, mem: mem}
	return d, d.findShards()
}

// findShards opens the shards' footers and puts what they are into the manifest, having
// compared it.
func (d *Dataset) findShards() error {
	names, err := listShards(d.dir, d.manifest.Format)
	if err != nil {
		return err
	}
	known := map[string]Shard{}
	for _, s := range d.manifest.Shards {
		known[s.File] = s
	}
	found := make([]Shard, 0, len(names))
	rows := 0
	for i, name := range names {
		s, err := d.inspect(name)
		if err != nil {
			return err
		}
		listed, ok := known[s.File]
		switch {
		case ok && listed.Rows == s.Rows && listed.Bytes == s.Bytes:
			s.SHA256 = listed.SHA256
		case d.manifest.Status == StatusWriting: // the manifest is older than the shard
		case !ok:
			return fmt.Errorf("%w: %s lacks %s", ErrCorrupt, manifestFile, s.File)
		default:
			return fmt.Errorf("%w: %s has %d rows in %d bytes, but %s says %d rows in %d bytes", ErrCorrupt, s.File, s.Rows, s.Bytes, manifestFile, listed.Rows, listed.Bytes)
		}
		if full := d.manifest.RowsPerShard; s.Rows > full || s.Rows < full && i < len(names)-1 {
			return fmt.Errorf("%w: %s has %d rows, but shards have %d and only the last may have fewer", ErrCorrupt, s.File, s.Rows, full)
		}
		found = append(found, s)
		rows += s.Rows
	}
	if len(found) < len(d.manifest.Shards) {
		return fmt.Errorf("%w: %s is missing, which %s lists", ErrCorrupt, d.manifest.Shards[len(found)].File, manifestFile)
	}
	if d.manifest.Status != StatusWriting && rows != d.manifest.Rows {
		return fmt.Errorf("%w: the shards have %d rows, but %s says %d", ErrCorrupt, rows, manifestFile, d.manifest.Rows)
	}
	d.manifest.Shards, d.manifest.Rows = found, rows
	return nil
}

// inspect reads a shard's footer and compares it with the manifest.
func (d *Dataset) inspect(name string) (Shard, error) {
	stat, err := os.Stat(filepath.Join(d.dir, dataDir, name))
	if err != nil {
		return Shard{}, err
	}
	r, err := openShard(d.dir, name, d.mem)
	if err != nil {
		return Shard{}, err
	}
	defer r.close()
	if r.meta.fingerprint != d.manifest.Fingerprint {
		return Shard{}, fmt.Errorf("%w: %s/%s was made in another way than %s says: %s", ErrCorrupt, dataDir, name, manifestFile,
			describe(differences(d.manifest.Recipe, r.meta.recipe), "in the manifest", "in the shard"))
	}
	if r.meta.dtype != d.manifest.DType {
		return Shard{}, fmt.Errorf("%w: %s/%s stores %s, but %s says %s", ErrCorrupt, dataDir, name, r.meta.dtype, manifestFile, d.manifest.DType)
	}
	return Shard{File: dataDir + "/" + name, Rows: r.rows, Bytes: stat.Size()}, nil
}

// Manifest returns the manifest. Its rows and shards are those found; while the status is
// StatusWriting, its other counts are those of the time when the writer started.
func (d *Dataset) Manifest() Manifest {
	m := d.manifest
	m.Shards = slices.Clone(m.Shards)
	return m
}

// Recipe returns what decides the values of the vectors.
func (d *Dataset) Recipe() recipe.Recipe { return d.manifest.Recipe }

// Rows is the number of rows of all shards.
func (d *Dataset) Rows() int { return d.manifest.Rows }

// Shards returns the files of rows in order.
func (d *Dataset) Shards() []Shard { return slices.Clone(d.manifest.Shards) }

// Failures reads the pictures without features, in the order in which they were appended.
func (d *Dataset) Failures() ([]Failure, error) {
	failures, err := d.failures()
	if err != nil {
		return nil, fmt.Errorf("featurestore: open %q: %w", d.dir, err)
	}
	return failures, nil
}

func (d *Dataset) failures() ([]Failure, error) {
	failures, err := readFailures(context.Background(), d.dir, d.mem)
	if errors.Is(err, fs.ErrNotExist) && d.manifest.Status == StatusWriting {
		return nil, nil // it is first written with the first shard
	}
	return failures, err
}
