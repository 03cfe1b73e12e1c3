package featurestore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
)

// Verify opens the dataset in dir and reads all of it; see Dataset.Verify.
func Verify(dir string) error {
	d, err := Open(dir)
	if err != nil {
		return err
	}
	return d.Verify(context.Background())
}

// Verify reads the whole dataset and reports everything that is wrong with it, joined:
// shards whose bytes or rows are not those of the manifest, vectors of a wrong length or
// with NaN or infinities, paths that occur twice, wrong counts.
func (d *Dataset) Verify(ctx context.Context) error {
	v := &verifier{dataset: d, paths: map[string]bool{}, labels: map[string]int{}, splits: map[string]int{}}
	for _, s := range d.manifest.Shards {
		if err := ctx.Err(); err != nil {
			return err
		}
		v.shard(ctx, s)
	}
	v.failures()
	if d.manifest.Status != StatusWriting {
		v.counts()
	}
	if err := errors.Join(v.problems...); err != nil {
		return fmt.Errorf("featurestore: verify %q: %w", d.dir, err)
	}
	return nil
}

type verifier struct {
	dataset        *Dataset
	paths          map[string]bool
	labels, splits map[string]int
	problems       []error
}

func (v *verifier) problem(format string, args ...any) {
	v.problems = append(v.problems, fmt.Errorf("%w: "+format, append([]any{ErrCorrupt}, args...)...))
}

func (v *verifier) path(where, path string) {
	if path == "" {
		v.problem("%s: a row has no path", where)
	}
	if v.paths[path] {
		v.problem("%s: %w %q", where, ErrDuplicatePath, path)
	}
	v.paths[path] = true
}

func (v *verifier) shard(ctx context.Context, s Shard) {
	if s.SHA256 != "" { // a killed writer leaves shards that no manifest lists
		sum, err := hashFile(filepath.Join(v.dataset.dir, filepath.FromSlash(s.File)))
		if err != nil {
			v.problems = append(v.problems, err)
			return
		}
		if sum != s.SHA256 {
			v.problem("%s has the SHA-256 %s, but %s says %s", s.File, sum, manifestFile, s.SHA256)
		}
	}
	r, err := openShard(v.dataset.dir, filepath.Base(s.File), v.dataset.mem)
	if err != nil {
		v.problems = append(v.problems, err)
		return
	}
	defer r.close()
	columns := append([]string{}, fixedColumns...)
	columns = append(columns, v.dataset.manifest.Recipe.LayerNames()...)
	if err := r.scan(ctx, columns, func(c chunk) error { return v.chunk(s, c) }); err != nil {
		v.problems = append(v.problems, err)
	}
}

func (v *verifier) chunk(s Shard, c chunk) error {
	var t Table
	if err := t.add(c, nil); err != nil {
		return err
	}
	for i, path := range t.Paths {
		v.path(s.File, path)
		count(v.labels, t.Labels[i])
		count(v.splits, t.Splits[i])
	}
	for _, name := range []string{columnWidth, columnHeight} {
		if _, err := c.numbers(name); err != nil {
			return err
		}
	}
	for _, l := range v.dataset.manifest.Recipe.Layers {
		values, err := c.vectors(l)
		if err != nil {
			return err
		}
		flat := make([]float32, values.len())
		values.copyTo(flat)
		if at, ok := firstNotFinite(flat); ok {
			v.problem("%s: row %q, layer %q: %w: %g", s.File, t.Paths[at/l.Size()], l.Name, ErrNotFinite, flat[at])
		}
	}
	return nil
}

func (v *verifier) failures() {
	failures, err := v.dataset.failures()
	if err != nil {
		v.problems = append(v.problems, err)
		return
	}
	for _, f := range failures {
		v.path(failuresFile, f.Path)
	}
	if m := v.dataset.manifest; m.Status != StatusWriting && len(failures) != m.Failures {
		v.problem("%s has %d rows, but %s says %d", failuresFile, len(failures), manifestFile, m.Failures)
	}
}

func (v *verifier) counts() {
	m := v.dataset.manifest
	if !maps.Equal(v.labels, m.Labels) {
		v.problem("the rows have the labels %v, but %s says %v", v.labels, manifestFile, m.Labels)
	}
	if !maps.Equal(v.splits, m.Splits) {
		v.problem("the rows have the splits %v, but %s says %v", v.splits, manifestFile, m.Splits)
	}
}

// count counts a label or split as the manifest does.
func count(counts map[string]int, value string) {
	if value != "" {
		counts[EscapeText(value)]++
	}
}

// firstNotFinite returns the index of the first NaN or infinity.
func firstNotFinite(values []float32) (int, bool) {
	for i, x := range values {
		if x-x != 0 { // NaN for both
			return i, true
		}
	}
	return 0, false
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // only read from
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
