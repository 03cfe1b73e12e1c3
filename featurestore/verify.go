package featurestore

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
)

// Verify reads a whole dataset and reports all that is wrong with it: shards that are
// missing, damaged or unknown to the manifest, wrong counts, checksums and shapes, values
// that are no finite numbers, paths that occur twice. Nil means that it is sound.
func Verify(dir string) error {
	d, err := Open(dir)
	if err != nil {
		return err
	}
	problems := d.verifyFiles()
	seen := map[string]bool{}
	note := func(path string) {
		if seen[path] {
			problems = append(problems, fmt.Errorf("featurestore: %s: %s occurs twice", dir, path))
		}
		seen[path] = true
	}
	for _, s := range d.shards {
		rows, err := s.readRows(true)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		for _, row := range rows {
			note(row.Path)
			if err := row.checkStored(s.info); err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", s.name, err))
			}
		}
	}
	failures, err := d.Failures()
	if err != nil {
		problems = append(problems, err)
	}
	for _, f := range failures {
		note(f.Path)
	}
	if len(failures) != d.manifest.Failures && d.manifest.Status != StatusWriting {
		problems = append(problems, fmt.Errorf("featurestore: %s has %d rows, the manifest says %d", errorsFile, len(failures), d.manifest.Failures))
	}
	return errors.Join(problems...)
}

// verifyFiles compares the shards with the manifest.
func (d *Dataset) verifyFiles() []error {
	var problems []error
	known := map[string]bool{}
	for _, want := range d.manifest.Shards {
		known[want.File] = true
		i := slices.IndexFunc(d.shards, func(s *shardReader) bool { return filepath.Base(s.name) == want.File })
		if i < 0 {
			problems = append(problems, fmt.Errorf("featurestore: shard %s is missing", want.File))
			continue
		}
		got, err := d.shards[i].describe()
		if err != nil {
			problems = append(problems, err)
		} else if got != want {
			problems = append(problems, fmt.Errorf("featurestore: shard %s is %+v, the manifest says %+v", want.File, got, want))
		}
	}
	names, err := listShards(d.dir)
	if err != nil {
		return append(problems, err)
	}
	for _, name := range names {
		if !known[name] && d.manifest.Status != StatusWriting {
			problems = append(problems, fmt.Errorf("featurestore: shard %s is not in the manifest", name))
		}
	}
	return problems
}

// checkStored looks for values that must not be in a dataset.
func (r Row) checkStored(info Info) error {
	for i, l := range info.Recipe.Layers {
		for j, v := range r.Features[i] {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return fmt.Errorf("%s: value %d of layer %s is %v: %w", r.Path, j, l.Name, v, ErrNotFinite)
			}
		}
	}
	return nil
}
