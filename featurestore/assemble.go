package featurestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"fovea/internal/disk"
)

// AssembleOptions say how to assemble datasets. The zero value makes a new dataset.
type AssembleOptions struct {
	// Overwrite replaces the dataset in the output directory. The old one stays whole until
	// the new one is.
	Overwrite bool
	// ToolVersion is the version of the assembling program.
	ToolVersion string
	// MaxMemory is how many bytes of memory reading one of the datasets' files may take; see ReadOptions.
	MaxMemory int64
}

// Assemble makes one dataset from the complete datasets in dirs, in that order, using their shards
// as they are: files are linked under new names (or copied, if the file system has no links), not
// rewritten. So it takes as long for a billion rows as for a thousand. It commits the work of many
// machines; Merge is for datasets small enough to be rewritten.
//
// All must have the same recipe, with the same arithmetic, dtype and format: ErrMismatch says what differs. The caller, who
// listed the images, must make sure that no path is in two of them; Verify checks it.
//
// The dataset in out appears whole or not at all. If it exists already and consists of these same
// shards, that is not an error, so a commit can be repeated. The inputs are kept.
func Assemble(ctx context.Context, out string, dirs []string, options AssembleOptions) error {
	a := assembly{merge: merge{out: out, dirs: dirs, options: MergeOptions{MaxMemory: options.MaxMemory}}, options: options}
	if len(dirs) == 0 {
		return errors.New("featurestore: assemble: no datasets given")
	}
	if err := a.open(); err != nil {
		return fmt.Errorf("featurestore: assemble: %w", err)
	}
	if !options.Overwrite && a.done() {
		return nil
	}
	if err := replaceDataset(out, options.Overwrite, a.reading(), func(dir string) error { return a.write(ctx, dir) }); err != nil {
		return fmt.Errorf("featurestore: assemble: %w", err)
	}
	return nil
}

type assembly struct {
	merge
	options AssembleOptions
}

// open opens the parts and compares them, including what Merge could convert.
func (a *assembly) open() error {
	if err := a.merge.open(); err != nil {
		return err
	}
	return a.comparable()
}

// reopen does what merge.reopen does.
func (a *assembly) reopen() error {
	if err := a.merge.reopen(); err != nil {
		return err
	}
	return a.comparable()
}

func (a *assembly) comparable() error {
	first, optional, required := a.parts[0], "", ""
	for _, d := range a.parts {
		if d.elements.optional {
			optional = d.dir
		}
		if d.elements.required {
			required = d.dir
		}
		switch {
		case d.manifest.Status != StatusComplete:
			return fmt.Errorf("%q is %s, not complete: finish it with --resume", d.dir, d.manifest.Status)
		case d.manifest.Format != first.manifest.Format || d.manifest.TensorExtension != first.manifest.TensorExtension:
			return fmt.Errorf("%q and %q were %w: their files have different formats; merge rewrites them in one", first.dir, d.dir, ErrMismatch)
		case d.manifest.Fingerprint != first.manifest.Fingerprint:
			return fmt.Errorf("%q and %q were %w: %s; such datasets can be merged, but not without rewriting their files, which name it", first.dir, d.dir, ErrMismatch,
				describe(differences(first.manifest.Recipe, d.manifest.Recipe), "in the first", "in the second"))
		case optional != "" && required != "":
			return fmt.Errorf("%q and %q were %w: an earlier version declared that values in the first may be null, and some programs refuse to read such files together; "+
				"compact the first, or merge without keeping the files", optional, required, ErrMismatch)
		}
	}
	return nil
}

// done reports whether out already is a dataset of these shards.
func (a *assembly) done() bool {
	d, err := a.reading().Open(a.out)
	if err != nil || d.manifest.Status != StatusComplete {
		return false
	}
	var have, want []string
	for _, s := range d.manifest.Shards {
		have = append(have, s.SHA256)
	}
	for _, part := range a.parts {
		for _, s := range part.manifest.Shards {
			want = append(want, s.SHA256)
		}
	}
	return slices.Equal(have, want)
}

// write makes the dataset in dir.
func (a *assembly) write(ctx context.Context, dir string) error {
	if err := a.reopen(); err != nil {
		return err
	}
	l, err := own(dir)
	if err != nil {
		return err
	}
	defer l.release() // the end of the process frees it as well
	if err := prepareDirs(dir); err != nil {
		return err
	}
	at("begun")
	first := a.parts[0].manifest
	c := &writerConfig{
		dir: dir,
		info: Info{Recipe: first.Recipe, DType: first.DType, ToolVersion: a.options.ToolVersion, Device: a.devices(),
			Extra: first.ExtraColumns, Grouping: first.Grouping},
		options: Options{Format: first.Format, TensorExtension: first.TensorExtension, hooks: hooks{mem: memory.DefaultAllocator}},
	}
	m := newManifest(c)
	m.Assembled = true
	started := m // says what these files belong to if this run is killed
	started.Status, started.RowsPerShard = StatusWriting, max(1, first.RowsPerShard)
	if err := started.write(c); err != nil {
		return err
	}
	failures, err := a.take(ctx, &m, dir)
	if err != nil {
		return err
	}
	at("linked")
	if err := disk.Sync(filepath.Join(dir, dataDir)); err != nil {
		return err
	}
	if err := m.complete(c, failures); err != nil {
		return err
	}
	return os.RemoveAll(inDir(dir, tempDir))
}

// complete writes the failures, and then the manifest, which says that nothing is missing.
func (m *Manifest) complete(c *writerConfig, failures []Failure) (err error) {
	if m.FailuresFile, err = writeFailures(c, failures); err != nil {
		return err
	}
	now := time.Now().UTC()
	m.Status, m.Finished, m.Failures, m.RowsPerShard = StatusComplete, &now, len(failures), max(1, m.RowsPerShard)
	return m.write(c)
}

// take links the shards of all parts into dir, lists them in the manifest, and returns the parts' failures.
func (a *assembly) take(ctx context.Context, m *Manifest, dir string) ([]Failure, error) {
	var failures []Failure
	for _, part := range a.parts {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		if err := m.take(part, dir); err != nil {
			return nil, fmt.Errorf("%q: %w", part.dir, err)
		}
		failed, err := part.Failures()
		if err != nil {
			return nil, err
		}
		failures = append(failures, failed...)
	}
	return failures, nil
}

// take links a part's shards into dir, and lists them.
func (m *Manifest) take(part *Dataset, dir string) error {
	m.add(part.manifest)
	for i, s := range part.manifest.Shards {
		from, seen := s.File, inDir(part.root, seenFile(s.File))
		s.File = dataDir + "/" + shardName(len(m.Shards), m.Format)
		to := inDir(dir, s.File)
		if isInside(dir) {
			to += tempSuffix
		}
		err := part.withFile(from, part.stamps[i], func(root string) error { return linkOrCopy(inDir(root, from), to) })
		if err := errors.Join(err, linkSeen(seen, inDir(dir, seenFile(s.File)))); err != nil {
			return err
		}
		m.Shards = append(m.Shards, s)
	}
	return nil
}

// add counts a part's rows.
func (m *Manifest) add(part Manifest) {
	m.Rows += part.Rows
	m.RowsPerShard = max(m.RowsPerShard, part.RowsPerShard)
	for label, n := range part.Labels {
		m.Labels[label] += n
	}
	for split, n := range part.Splits {
		m.Splits[split] += n
	}
}

// linkOrCopy gives a file a second name. Files of a dataset never change, so they can share their
// content.
func linkOrCopy(from, to string) error {
	if err := os.Link(from, to); err == nil || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close() // read-only
	// Directly under its final name: there is no dataset before there is a manifest.
	target, err := createTemp(to, nil)
	if err != nil {
		return err
	}
	return copyTo(target, source, to)
}

func copyTo(target *tempFile, source io.Reader, to string) error {
	if _, err := io.Copy(target, source); err != nil {
		target.discard()
		return err
	}
	return target.commit(to)
}
