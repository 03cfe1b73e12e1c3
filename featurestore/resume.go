package featurestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"fovea/recipe"
)

// resume takes over what an earlier run finished. Its last shard, if it is not full, is left alone
// until rows follow; see takeUp.
func (w *Writer) resume() error {
	if err := w.takeOver(); err != nil {
		return fmt.Errorf("resume %q: %w", w.config.dir, withValidate(err, w.config.dir))
	}
	return nil
}

func (w *Writer) takeOver() error {
	c := w.config
	d, err := open(c.dir, c.options.hooks.mem)
	if err != nil {
		return err
	}
	if err := w.comparable(d.manifest); err != nil {
		return err
	}
	if d.manifest.Assembled {
		return fmt.Errorf("its shards were %w: by several writers, some with fewer rows than others; compact it first", ErrMismatch)
	}
	w.takeOverManifest(d.manifest)
	index, err := d.read(context.Background(), nil, nil)
	if err != nil {
		return err
	}
	if err := w.takeOverRows(index, d.manifest.Shards); err != nil {
		return err
	}
	if err := w.resumeFailures(d); err != nil {
		return err
	}
	if err := w.checkLabels(index); err != nil {
		return err
	}
	if err := w.takeOverShards(d); err != nil {
		return err
	}
	if len(w.manifest.Shards) > 0 { // a single short shard is rewritten
		c.info.optionalElements = d.elements.optional
	}
	w.resumed, w.before = true, d
	if d.manifest.Status != StatusWriting {
		was := d.Manifest()
		w.untouched = &was
	}
	return nil
}

// takeOverManifest keeps what was said of the rows. The arithmetic may be another one now, at least as exact: the dataset
// stays what its files say.
func (w *Writer) takeOverManifest(m Manifest) {
	w.config.info.Recipe, w.manifest.Recipe, w.manifest.Fingerprint = m.Recipe, m.Recipe, m.Fingerprint
	w.config.sizes.shard, w.manifest.RowsPerShard = m.RowsPerShard, m.RowsPerShard
	w.manifest.Created = m.Created
}

// takeOverRows makes the rows known and counts them. A path that is there twice is one of a shard of another run, which
// somebody has put beside those of a writer that was killed: its manifest does not tell.
func (w *Writer) takeOverRows(index *Table, shards []Shard) error {
	w.known = make([]knownRow, 0, index.Rows)
	for i, path := range index.Paths {
		if earlier, twice := w.rowPaths[path]; twice {
			return fmt.Errorf("%w: %s is a row of %s and of %s: if one of the files is of another run, move it away", ErrCorrupt, EscapeText(path), shardOf(shards, earlier), shardOf(shards, i))
		}
		w.rowPaths[path] = i
		w.known = append(w.known, knownRow{sum: parseSum(index.SHA256[i])})
		count(w.manifest.Labels, index.Labels[i])
		count(w.manifest.Splits, index.Splits[i])
	}
	w.manifest.Rows = index.Rows
	return nil
}

// shardOf is the file with a row.
func shardOf(shards []Shard, row int) string {
	for _, s := range shards {
		if row -= s.Rows; row < 0 {
			return s.File
		}
	}
	return "none"
}

// takeOverShards takes over the earlier run's shards, and what their images were read from.
func (w *Writer) takeOverShards(d *Dataset) error {
	dir, row := w.config.dir, 0
	for _, s := range d.manifest.Shards {
		if s.SHA256 == "" { // of a writer that was killed
			file := inDir(dir, s.File)
			var err, tailErr error
			s.SHA256, err = HashFile(file)
			s.TailSHA256, tailErr = hashTailFile(file)
			if err := errors.Join(err, tailErr); err != nil {
				return err
			}
		}
		for _, seen := range seenOf(dir, s) {
			w.known[row].seen = seen
			row++
		}
		if s.Rows < w.config.sizes.shard { // only the last
			w.pending = &s
			continue
		}
		w.manifest.Shards = append(w.manifest.Shards, s)
	}
	return nil
}

// resumeFailures keeps the failures of the earlier run, except those of images that became rows
// later: a killed run saves failures and shards at different times.
func (w *Writer) resumeFailures(d *Dataset) error {
	failures, err := d.failures()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, f := range failures {
		if w.has(f.Path) {
			continue
		}
		w.failureAt[f.Path] = len(w.failures)
		w.failures = append(w.failures, f)
	}
	return nil
}

// checkLabels fails if the dataset has selected images with other labels or splits.
func (w *Writer) checkLabels(index *Table) error {
	if w.config.options.Selected == nil {
		return nil
	}
	others, first := 0, ""
	for now := range w.config.options.Selected {
		before := Row{Group: now.Group} // as a failure has none
		if at, ok := w.failureAt[now.Path]; ok {
			before.Label, before.Split = w.failures[at].Label, w.failures[at].Split
		} else if row, ok := w.rowPaths[now.Path]; ok {
			before.Label, before.Split = index.Labels[row], index.Splits[row]
			if index.Groups != nil && !w.config.options.OwnGroups {
				before.Group = index.Groups[row]
			}
		} else {
			continue
		}
		if before.Label == now.Label && before.Split == now.Split && before.Group == now.Group {
			continue
		}
		if others++; others > 1 {
			continue
		}
		switch {
		case before.Label != now.Label:
			first = describeLabel("label", before.Label, now.Label)
		case before.Split != now.Split:
			first = describeLabel("split", before.Split, now.Split)
		default:
			first = describeLabel("group", before.Group, now.Group)
		}
		first = EscapeText(now.Path) + " has " + first
	}
	if others == 0 {
		return nil
	}
	return fmt.Errorf("%d images were %w: %s", others, ErrLabels, first)
}

// describeLabel says what an image's label or split was and is. An empty one is none.
func describeLabel(kind, before, now string) string {
	switch {
	case before == "":
		return fmt.Sprintf("no %s in the dataset and %q now", kind, now)
	case now == "":
		return fmt.Sprintf("the %s %q in the dataset and none now", kind, before)
	}
	return fmt.Sprintf("the %s %q in the dataset and %q now", kind, before, now)
}

// takeUp copies the rows of the earlier run's short last shard into the shard that replaces it, which
// then has the bytes of an uninterrupted run. The old file stays until the new one takes its name.
func (w *Writer) takeUp() error {
	r, err := openShard(w.config.dir, filepath.Base(w.pending.File), w.config.options.hooks.mem)
	if err != nil {
		return err
	}
	defer r.close()
	if err := r.prove(context.Background(), *w.pending); err != nil {
		return err
	}
	seen := w.known[len(w.known)-w.pending.Rows:]
	w.pending = nil
	layers := w.config.info.Recipe.Layers
	columns := append(plainNames(w.config.info.Extra), w.config.info.Recipe.LayerNames()...)
	return r.scan(context.Background(), columns, func(c chunk) error {
		rows, err := c.rowsOf(layers)
		if err != nil {
			return err
		}
		for i, row := range rows {
			row.Seen = seen[i].seen
			if err := w.add(row); err != nil {
				return err
			}
		}
		seen = seen[len(rows):]
		return nil
	})
}

// rowsOf makes rows of a chunk. Only their vectors may point into its memory.
func (c chunk) rowsOf(layers []recipe.Layer) ([]Row, error) {
	rows, err := c.identities(nil)
	if err != nil {
		return nil, err
	}
	for _, l := range layers {
		v, err := c.vectors(l)
		if err != nil {
			return nil, err
		}
		flat := v.single
		if v.half != nil {
			flat = make([]float32, v.len())
			v.copyTo(flat)
		}
		size := l.Size()
		for i := range rows {
			rows[i].Features = append(rows[i].Features, flat[i*size:(i+1)*size])
		}
	}
	return rows, nil
}
