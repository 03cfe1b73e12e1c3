package featurestore

import (
	"context"
	"fmt"
)

// survey opens the dataset and finds out what is to be done, without vectors.
func (v *revision) survey(ctx context.Context) (err error) {
	if v.dataset, err = v.reading().Open(v.dir); err != nil {
		return err
	}
	if _, err := v.recipe(); err != nil {
		return fmt.Errorf("%q: %w", v.dir, err)
	}
	v.planned = Revised{}
	paths := make(map[string]string, v.dataset.manifest.Rows) // of the old rows, by the new ones
	for i := range v.dataset.manifest.Shards {
		if err := v.surveyShard(ctx, i, paths); err != nil {
			return fmt.Errorf("%q: %w", v.dir, v.dataset.judge(err))
		}
	}
	failures, err := v.failures(func(path string) bool { _, ok := paths[path]; return ok }, &v.planned)
	v.planned.Failures = len(failures)
	return err
}

func (v *revision) surveyShard(ctx context.Context, at int, paths map[string]string) error {
	r, err := v.dataset.openShard(at)
	if err != nil {
		return err
	}
	defer r.close()
	s, err := v.revise(ctx, r, at)
	if err != nil {
		return err
	}
	for i, row := range s.rows {
		if s.left[i] {
			continue
		}
		if row.Path == "" {
			return &RowError{Path: s.old[i], Err: pathError("")}
		}
		if other, ok := paths[row.Path]; ok {
			return fmt.Errorf("%w: both %q and %q would be %q", ErrDuplicatePath, other, s.old[i], row.Path)
		}
		paths[row.Path] = s.old[i]
	}
	v.planned.add(s)
	return nil
}

// revisedRows are the rows of a shard as they will be.
type revisedRows struct {
	rows []Row
	// old are the paths that they had.
	old []string
	// left marks those that are left out; removed is how many, changed how many others have another path, label, split or
	// group.
	left             []bool
	removed, changed int
	// known means that another Seen is known of some row.
	known bool
}

func (r *Revised) add(s revisedRows) {
	r.Rows += len(s.rows) - s.removed
	r.RowsChanged += s.changed
	r.RowsRemoved += s.removed
	r.known = r.known || s.known
}

// revise reads the rows of a shard, without vectors, and revises them.
func (v *revision) revise(ctx context.Context, r *shardReader, at int) (s revisedRows, err error) {
	if v.read != nil && v.read[at] != nil {
		s.rows, v.read[at] = v.read[at], nil
	} else if s.rows, err = r.identities(ctx, v.dataset.manifest.Shards[at]); err != nil {
		return s, err
	}
	seen, err := v.dataset.seenAt(at)
	if err != nil {
		return s, err
	}
	s.left, s.old = make([]bool, len(s.rows)), make([]string, len(s.rows))
	first := 0
	for _, before := range v.dataset.manifest.Shards[:at] {
		first += before.Rows
	}
	for i := range s.rows {
		row := &s.rows[i]
		row.Seen, s.old[i] = seen[i], row.Path
		if v.row == nil {
			continue
		}
		revised, keep := v.row(first+i, *row)
		switch {
		case !keep:
			s.left[i] = true
			s.removed++
		case revised.Path != row.Path || revised.Label != row.Label || revised.Split != row.Split || revised.Group != row.Group:
			s.changed++
		}
		s.known = s.known || keep && revised.Seen != row.Seen
		row.Path, row.Label, row.Split, row.Group, row.Seen = revised.Path, revised.Label, revised.Split, revised.Group, revised.Seen
	}
	return s, nil
}

// identities are the rows of a shard without vectors.
func (d *Dataset) identities(ctx context.Context, at int) ([]Row, error) {
	r, err := d.openShard(at)
	if err != nil {
		return nil, err
	}
	defer r.close()
	return r.identities(ctx, d.manifest.Shards[at])
}

func (s *shardReader) identities(ctx context.Context, listed Shard) (rows []Row, err error) {
	if err := s.prove(ctx, listed); err != nil {
		return nil, err
	}
	rows = make([]Row, 0, listed.Rows)
	err = s.scan(ctx, plainNames(s.meta.extra), func(c chunk) (err error) {
		rows, err = c.identities(rows)
		return err
	})
	return rows, err
}

// failures revises the failures, and counts them. is reports whether a path is a row.
func (v *revision) failures(is func(path string) bool, counts *Revised) ([]Failure, error) {
	failures, err := v.dataset.Failures()
	if err != nil {
		return nil, err
	}
	kept, paths := make([]Failure, 0, len(failures)), map[string]string{}
	for _, old := range failures {
		f, keep := old, true
		if v.options.Failure != nil {
			f, keep = v.options.Failure(old)
		}
		if !keep || is(f.Path) {
			// A killed writer leaves failures of images that became rows.
			if !keep || v.dataset.manifest.Status != StatusWriting {
				counts.FailuresRemoved++
			}
			continue
		}
		if other, ok := paths[f.Path]; ok && other != old.Path {
			return nil, fmt.Errorf("%w: both %q and %q would be %q", ErrDuplicatePath, other, old.Path, f.Path)
		}
		if f.Path != old.Path || f.Label != old.Label || f.Split != old.Split {
			counts.FailuresChanged++
		}
		counts.known = counts.known || f.Seen != old.Seen || f.SHA256 != old.SHA256
		paths[f.Path] = old.Path
		kept = append(kept, f)
	}
	return kept, nil
}
