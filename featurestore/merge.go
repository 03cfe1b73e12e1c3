package featurestore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"fovea/recipe"
)

// DefaultMergedBytes is the size of the shards that Merge and Compact write: 512 MiB of vectors
// before compression. Row groups have the usual size.
const DefaultMergedBytes = 512 << 20

// MergeOptions say how to merge datasets. The zero value writes a new dataset in the format of the
// first one.
type MergeOptions struct {
	// Format is the format of the shards; "" means that of the first dataset.
	Format Format
	// ShardBytes is the size of a full shard's vectors before compression; 0 means
	// DefaultMergedBytes.
	ShardBytes int64
	// TensorExtension is as in Options; it is also on if the first dataset has it.
	TensorExtension bool
	// Overwrite replaces the dataset in the output directory. The old one stays whole until
	// the new one is.
	Overwrite bool
	// PrefixPaths prefixes the paths of each dataset with the name of its directory and a slash, for
	// datasets that have paths in common.
	PrefixPaths bool
	// ToolVersion is the version of the merging program.
	ToolVersion string
	// MaxMemory is how many bytes of memory reading one of the datasets' files may take; see ReadOptions.
	MaxMemory int64
	// Progress, if set, is called with the number of rows written so far.
	Progress func(rows int)
}

// Merge writes the rows of the datasets in dirs, one after the other, as one dataset to out, and their
// failures, except those whose paths are rows. All must have the same dtype and recipe, but for an
// arithmetic that may be mixed (recipe.MostMixed): ErrMismatch says what differs. Of several arithmetics the
// dataset's recipe has the least exact one. A path that occurs twice is ErrDuplicatePath.
//
// The dataset in out appears whole or not at all; until then a new out contains only a lock. It is
// complete if all its parts are, and interrupted otherwise. Rows are streamed; only paths are kept in
// memory.
func Merge(ctx context.Context, out string, dirs []string, options MergeOptions) error {
	if len(dirs) == 0 {
		return errors.New("featurestore: merge: no datasets given")
	}
	m := merge{out: out, dirs: dirs, options: options}
	if err := m.open(); err != nil {
		return fmt.Errorf("featurestore: merge: %w", err)
	}
	if err := replaceDataset(out, options.Overwrite, m.reading(), func(dir string) error { return m.write(ctx, dir) }); err != nil {
		return fmt.Errorf("featurestore: merge: %w", err)
	}
	return nil
}

// Compact rewrites the dataset in dir with larger shards, keeping all rows and failures. The old
// dataset stays whole until the new one is on disk; then it is replaced in a single step. A killed
// Compact leaves one of them in dir, whole, and the other beside it in a hidden directory, which the
// next writer removes.
func Compact(ctx context.Context, dir string, options MergeOptions) error {
	options.Overwrite = true
	return Merge(ctx, dir, []string{dir}, options)
}

// Remove rewrites the dataset in dir without the rows and failures of certain paths, with shards of
// the same size, and replaces it like Compact.
func Remove(ctx context.Context, dir string, paths map[string]bool) error {
	return ReadOptions{}.Remove(ctx, dir, paths)
}

// Remove is the function Remove, with options.
func (o ReadOptions) Remove(ctx context.Context, dir string, paths map[string]bool) error {
	m := merge{out: dir, dirs: []string{dir}, without: paths, keepSizes: true, options: MergeOptions{MaxMemory: o.MaxMemory}}
	if err := m.open(); err != nil {
		return fmt.Errorf("featurestore: remove: %w", err)
	}
	if err := replaceDataset(dir, true, o, func(dir string) error { return m.write(ctx, dir) }); err != nil {
		return fmt.Errorf("featurestore: remove: %w", err)
	}
	return nil
}

type merge struct {
	// without are the paths to omit. With keepSizes, shards have as many rows as those of the first
	// part, and its tool version.
	without   map[string]bool
	keepSizes bool
	// only selects rows.
	only ScanOptions

	out     string
	dirs    []string
	options MergeOptions
	parts   []*Dataset
	rows    int
}

// reading says how the parts are read, and the result once it is written.
func (m *merge) reading() ReadOptions { return ReadOptions{MaxMemory: m.options.MaxMemory} }

// reopen opens the parts again if the output, which the caller has locked by now, is one of them:
// what another writer added before that must not be lost.
func (m *merge) reopen() error {
	out, err := realPath(m.out)
	if err != nil {
		return err
	}
	for _, d := range m.parts {
		if dir, err := realPath(d.dir); err != nil || dir == out {
			return errors.Join(err, m.open())
		}
	}
	return nil
}

// open opens the parts and compares them.
func (m *merge) open() error {
	m.parts = nil
	seen := map[string]bool{}
	for i, dir := range m.dirs {
		if absolute, err := filepath.Abs(dir); err == nil {
			if seen[absolute] {
				return fmt.Errorf("%q is given twice", dir)
			}
			seen[absolute] = true
		}
		d, err := m.reading().Open(dir)
		if err != nil {
			return err
		}
		if first := i == 0; !first {
			if err := m.alike(d); err != nil {
				return err
			}
		}
		m.parts = append(m.parts, d)
	}
	if !m.options.PrefixPaths {
		return nil
	}
	prefixes := map[string]string{}
	for _, dir := range m.dirs {
		p := prefix(dir)
		if other, ok := prefixes[p]; ok {
			return fmt.Errorf("%q and %q have the same name, so it cannot distinguish their paths: rename one", other, dir)
		}
		prefixes[p] = dir
	}
	return nil
}

// alike compares a dataset with the first one and, because of its arithmetic, with the least exact one before it.
func (m *merge) alike(d *Dataset) error {
	for _, before := range []*Dataset{m.parts[0], m.leastExact()} {
		found := unmixable(before.manifest.Recipe, d.manifest.Recipe)
		if a, b := before.manifest.DType, d.manifest.DType; a != b {
			found = append(found, recipe.Difference{Field: "dtype", Have: string(a), Got: string(b)})
		}
		found = append(found, before.manifest.extraDifferences(d.manifest)...)
		if len(found) > 0 {
			return fmt.Errorf("%q and %q were %w: %s; only datasets made in the same way can be merged%s", before.dir, d.dir, ErrMismatch,
				describe(found, "in the first", "in the second"), mergeRemedy(found))
		}
	}
	return nil
}

// leastExact is the part whose recipe the result gets, the first of several.
func (m *merge) leastExact() *Dataset {
	least := m.parts[0]
	for _, d := range m.parts[1:] {
		if d.manifest.Fingerprint == least.manifest.Fingerprint { // nearly always, and there may be thousands
			continue
		}
		if have := least.manifest.Recipe; have.LessExact(d.manifest.Recipe).Arithmetic() != have.Arithmetic() {
			least = d
		}
	}
	return least
}

// write makes the merged dataset in dir.
func (m *merge) write(ctx context.Context, dir string) error {
	if err := m.reopen(); err != nil {
		return err
	}
	at("opened")
	first := m.parts[0].manifest
	options := Options{unseen: isInside(dir), Format: m.options.Format, ShardBytes: m.options.ShardBytes, TensorExtension: m.options.TensorExtension || first.TensorExtension, Overwrite: true}
	if options.Format == "" {
		options.Format = first.Format
	}
	if options.ShardBytes == 0 {
		options.ShardBytes = DefaultMergedBytes
	}
	info := Info{Recipe: m.leastExact().manifest.Recipe, DType: first.DType, ToolVersion: m.options.ToolVersion, Device: m.devices(), Extra: first.ExtraColumns, Grouping: first.Grouping}
	if m.keepSizes {
		options.ShardRows, info.ToolVersion = first.RowsPerShard, first.ToolVersion
	}
	w, err := Create(dir, info, options)
	if err != nil {
		return err
	}
	status, err := m.copy(ctx, w)
	if err != nil {
		return errors.Join(err, w.Abort())
	}
	return w.Close(status)
}

// devices names all devices on which the parts were computed.
func (m *merge) devices() string {
	var devices []string
	for _, d := range m.parts {
		if !slices.Contains(devices, d.manifest.Device) {
			devices = append(devices, d.manifest.Device)
		}
	}
	return strings.Join(devices, ", ")
}
