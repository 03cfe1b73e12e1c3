package featurestore

import (
	"fmt"
	"path/filepath"

	"fovea/recipe"
)

// Dataset is a dataset that is being read. Its methods may be called from several
// goroutines.
type Dataset struct {
	dir      string
	manifest Manifest
	shards   []*shardReader
}

// Open opens the dataset in dir, checks that its shards are there and belong together, and
// reads their footers. A dataset whose writer died is opened with the shards it has.
func Open(dir string) (*Dataset, error) {
	manifest, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	return open(dir, manifest, manifest.Status == StatusWriting)
}

// open lists the shards as the manifest has them, or, where the manifest may be older than
// the shards, as they are in data/.
func open(dir string, manifest Manifest, fromDisk bool) (*Dataset, error) {
	d := &Dataset{dir: dir, manifest: manifest}
	var names []string
	if fromDisk {
		var err error
		if names, err = listShards(dir); err != nil {
			return nil, err
		}
	} else {
		for _, s := range manifest.Shards {
			names = append(names, s.File)
		}
	}
	rows := 0
	for _, name := range names {
		if !isShard(name) || filepath.Base(name) != name {
			return nil, fmt.Errorf("featurestore: %s: %w: %q is not the name of a shard", filepath.Join(dir, manifestFile), ErrFormat, name)
		}
		s, err := openShard(filepath.Join(dir, dataDir, name), manifest.Format)
		if err != nil {
			return nil, err
		}
		if got := s.info.Recipe.Fingerprint(); got != manifest.Fingerprint || s.info.DType != manifest.DType {
			return nil, fmt.Errorf("featurestore: %s: %w: it was made differently from what %s says", s.name, ErrFormat, manifestFile)
		}
		d.shards = append(d.shards, s)
		rows += s.rows
	}
	if !fromDisk && rows != manifest.Rows {
		return nil, fmt.Errorf("featurestore: %s: %w: the shards have %d rows, the manifest says %d", dir, ErrFormat, rows, manifest.Rows)
	}
	d.manifest.Rows = rows
	return d, nil
}

// Manifest is what the dataset says of itself.
func (d *Dataset) Manifest() Manifest { return d.manifest }

// Recipe is how the features were made.
func (d *Dataset) Recipe() recipe.Recipe { return d.manifest.Recipe }

// Rows is the number of rows.
func (d *Dataset) Rows() int { return d.manifest.Rows }
