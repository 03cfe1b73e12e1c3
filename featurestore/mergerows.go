package featurestore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
)

// prefix is what PrefixPaths puts before the paths of a dataset.
func prefix(dir string) string {
	if absolute, err := filepath.Abs(dir); err == nil {
		dir = absolute
	}
	return filepath.Base(dir) + "/"
}

func (m *merge) copy(ctx context.Context, w *Writer) (Status, error) {
	status := StatusComplete
	for i, d := range m.parts {
		if d.manifest.Status != StatusComplete {
			status = StatusInterrupted
		}
		if err := m.copyRows(ctx, w, i); err != nil {
			return status, err
		}
	}
	// After all rows, which take precedence.
	for i, d := range m.parts {
		failures, err := d.Failures()
		if err != nil {
			return status, err
		}
		for _, f := range failures {
			if f.Path = m.path(i, f.Path); w.has(f.Path) || m.without[f.Path] {
				continue
			}
			if err := w.AppendFailure(f); err != nil {
				return status, err
			}
		}
	}
	return status, nil
}

func (m *merge) path(part int, path string) string {
	if m.options.PrefixPaths {
		return prefix(m.dirs[part]) + path
	}
	return path
}

func (m *merge) copyRows(ctx context.Context, w *Writer, part int) error {
	d := m.parts[part]
	layers := d.manifest.Recipe.Layers
	seen, err := m.seen(d)
	if err != nil {
		return err
	}
	return d.Scan(ctx, m.only, func(b *Batch) error {
		kept := make([]Row, 0, len(b.Rows))
		for i, r := range b.Rows {
			if r.Path = m.path(part, r.Path); m.without[r.Path] {
				continue
			}
			r.Seen, r.Features = seen(b.Index[i]), make([][]float32, len(layers))
			for n, l := range layers {
				r.Features[n] = b.Vectors[n][i*l.Size() : (i+1)*l.Size()]
			}
			kept = append(kept, r)
		}
		err := w.Append(kept...)
		var row *RowError
		if errors.Is(err, ErrDuplicatePath) && errors.As(err, &row) {
			return m.duplicate(ctx, part, row.Path)
		}
		if err != nil {
			return fmt.Errorf("copy rows of %q: %w", d.dir, err)
		}
		m.rows += len(b.Rows)
		if m.options.Progress != nil {
			m.options.Progress(m.rows)
		}
		return nil
	})
}

// duplicate says which datasets have the path.
func (m *merge) duplicate(ctx context.Context, part int, path string) error {
	for i, d := range m.parts[:part+1] {
		index, err := d.Index(ctx)
		if err != nil {
			return err
		}
		for _, p := range index.Paths {
			if m.path(i, p) == path && i < part {
				return fmt.Errorf("%w: %q is in %q and in %q; prefix the paths to distinguish them", ErrDuplicatePath, path, d.dir, m.parts[part].dir)
			}
		}
	}
	return fmt.Errorf("%w: %q is in %q more than once", ErrDuplicatePath, path, m.parts[part].dir)
}
