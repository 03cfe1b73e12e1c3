package featurestore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
)

// writeShards puts the revised rows into the new dataset: whole shards as long as none is left out, because every shard
// but the last has the same number of rows, and then row by row.
func (v *revision) writeShards(ctx context.Context, w *Writer) error {
	m := v.dataset.manifest
	// The shards of an assembled dataset may have fewer rows, but not if more follow.
	anew := m.Assembled && (v.planned.RowsRemoved > 0 || v.options.Append != nil)
	w.manifest.Assembled = m.Assembled && !anew
	if !anew && len(m.Shards) > 0 {
		w.config.info.optionalElements = v.dataset.elements.optional
	}
	for i, s := range m.Shards {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		short := !m.Assembled && s.Rows < m.RowsPerShard && v.options.Append != nil // so that the writer can go on with it
		if !anew && !short {
			whole, err := v.writeShard(ctx, w, i)
			if err != nil {
				return err
			}
			if whole {
				v.report()
				continue
			}
		}
		return v.appendFrom(ctx, w, i)
	}
	return nil
}

func (v *revision) report() {
	if v.options.Progress != nil {
		v.options.Progress(v.done.Rows)
	}
}

// writeShard puts a shard into the new dataset, unless rows of it are left out.
func (v *revision) writeShard(ctx context.Context, w *Writer, at int) (whole bool, err error) {
	r, err := v.dataset.openShard(at)
	if err != nil {
		return false, err
	}
	defer r.close()
	s, err := v.revise(ctx, r, at)
	if err != nil || s.removed > 0 {
		return false, err
	}
	switch {
	case s.changed == 0 && !v.columnsChange():
		err = v.link(w, at, s)
		v.done.Linked++
	default:
		err = v.copy(ctx, w, r, at, s)
		if errors.Is(err, errIrregular) {
			v.done.Rewritten++
			err = v.decode(ctx, w, r, s)
			break
		}
		v.done.Copied++
	}
	v.done.add(s)
	return true, err
}

// enter enters rows whose shard is written as a whole.
func (w *Writer) enter(rows []Row) error {
	for i, r := range rows {
		before := len(w.rowPaths)
		if _, failed := w.failureAt[r.Path]; r.Path == "" || failed && !w.forgotten[r.Path] {
			return &RowError{Path: r.Path, Err: pathError(r.Path)}
		}
		if w.rowPaths[r.Path] = w.manifest.Rows + i; len(w.rowPaths) == before { // one look-up instead of two
			return &RowError{Path: r.Path, Err: pathError(r.Path)}
		}
		count(w.manifest.Labels, r.Label)
		count(w.manifest.Splits, r.Split)
	}
	w.manifest.Rows += len(rows)
	return nil
}

// link takes a shard over as it is.
func (v *revision) link(w *Writer, at int, s revisedRows) error {
	if err := errors.Join(w.settle(), w.enter(s.rows)); err != nil {
		return err
	}
	shard, err := v.dataset.sumOf(at)
	if err != nil {
		return err
	}
	from := shard.File
	shard.File = dataDir + "/" + shardName(len(w.manifest.Shards), w.config.options.Format)
	to := inDir(w.config.dir, shard.File)
	if w.config.options.unseen {
		to += tempSuffix
	}
	err = v.dataset.withFile(from, v.dataset.stamps[at], func(root string) error { return linkOrCopy(inDir(root, from), to) })
	if err != nil {
		return err
	}
	w.manifest.Shards = append(w.manifest.Shards, shard)
	return writeSeen(w.config.dir, shard.File, shard.SHA256, seenRecords(s.rows))
}

// copy writes a shard with the same vectors. On errIrregular nothing was written.
func (v *revision) copy(ctx context.Context, w *Writer, r *shardReader, at int, s revisedRows) error {
	c := *w.config
	c.info.ToolVersion = r.meta.toolVersion
	if optional, known := r.optionalElements(v.dataset.manifest.TensorExtension); known {
		c.info.optionalElements = optional
	}
	shard, err := newShardWriter(&c, w.nextShard())
	if err != nil {
		return err
	}
	if v.added != nil {
		v.added.seek(w.manifest.Rows)
	}
	if err := shard.copyShard(ctx, r, v.dataset.manifest.Shards[at], s.rows, v.added); err != nil {
		shard.discard()
		return err
	}
	if err := w.enter(s.rows); err != nil {
		shard.discard()
		return err
	}
	shard.seen, w.shard = seenRecords(s.rows), shard
	return w.finishShard()
}

// seenRecords are what rows were read from, one after the other.
func seenRecords(rows []Row) []byte {
	records := make([]byte, 0, len(rows)*seenSize)
	for _, r := range rows {
		records = append(records, r.Seen[:]...)
	}
	return records
}

// decode writes a shard whose vectors are stored in a form that this package does not write.
func (v *revision) decode(ctx context.Context, w *Writer, r *shardReader, s revisedRows) error {
	layers, at := v.kept(w.config.info.Recipe), 0
	columns := plainNames(r.meta.extra)
	for _, l := range layers {
		columns = append(columns, l.Name)
	}
	if v.added != nil {
		v.added.seek(w.manifest.Rows)
	}
	err := r.scan(ctx, columns, func(c chunk) error {
		rows, err := c.rowsOf(layers)
		if err != nil {
			return err
		}
		for i, row := range rows {
			rows[i], rows[i].Features = s.rows[at+i], row.Features
		}
		at += len(rows)
		if v.added == nil {
			return c.watch(func() error { return w.Append(rows...) })
		}
		for i := range rows { // of which only one has its vectors at a time
			if rows[i].Features, err = v.withAdded(w.config.info.Recipe, layers, rows[i].Features); err != nil {
				return err
			}
			if err := c.watch(func() error { return w.Append(rows[i]) }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return w.endShard() // it may be a short one of an assembled dataset
}

// appendFrom writes the rows of a shard and of those after it, decoding their vectors.
func (v *revision) appendFrom(ctx context.Context, w *Writer, shard int) error {
	layers := v.dataset.manifest.Recipe.Layers
	seen, err := v.dataset.seen()
	if err != nil {
		return err
	}
	v.done.Rewritten += len(v.dataset.manifest.Shards) - shard
	return v.dataset.Scan(ctx, ScanOptions{from: shard}, func(b *Batch) error {
		kept := make([]Row, 0, len(b.Rows))
		for i, row := range b.Rows {
			row.Seen = seen[b.Index[i]]
			revised, keep := row, true
			if v.row != nil {
				revised, keep = v.row(b.Index[i], row)
			}
			if !keep {
				v.done.RowsRemoved++
				continue
			}
			if revised.Path != row.Path || revised.Label != row.Label || revised.Split != row.Split || revised.Group != row.Group {
				v.done.RowsChanged++
			}
			row.Path, row.Label, row.Split, row.Group, row.Seen = revised.Path, revised.Label, revised.Split, revised.Group, revised.Seen
			row.Features = make([][]float32, len(layers))
			for n, l := range layers {
				row.Features[n] = b.Vectors[n][i*l.Size() : (i+1)*l.Size()]
			}
			kept = append(kept, row)
		}
		if err := w.Append(kept...); err != nil {
			return fmt.Errorf("copy rows of %q: %w", v.dir, err)
		}
		v.done.Rows += len(kept)
		v.report()
		return nil
	})
}

// sumOf is what the manifest says of a shard, with its hashes if a killed writer left it without them.
func (d *Dataset) sumOf(at int) (Shard, error) {
	s := d.manifest.Shards[at]
	if s.SHA256 != "" {
		return s, nil
	}
	file := filepath.Join(d.root, filepath.FromSlash(s.File))
	var err, tailErr error
	s.SHA256, err = HashFile(file)
	s.TailSHA256, tailErr = hashTailFile(file)
	return s, errors.Join(err, tailErr)
}
