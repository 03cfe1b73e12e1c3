package extraction

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fovea/featurestore"
	"fovea/internal/spelling"
	"fovea/internal/text"
)

// images are the rows of a dataset, and after them its failures.
type images struct {
	paths []string
	marks []mark
	rows  int
}

// mark is the label, the split and the group of an image; failures have no group.
type mark struct{ label, split, group string }

func imagesOf(ctx context.Context, dir string, maxMemory int64) (images, error) {
	d, err := featurestore.ReadOptions{MaxMemory: maxMemory}.Open(dir)
	if err != nil {
		return images{}, err
	}
	index, err := d.Index(ctx)
	if err != nil {
		return images{}, err
	}
	failures, err := d.Failures()
	if err != nil {
		return images{}, err
	}
	all := images{paths: index.Paths, rows: index.Rows, marks: make([]mark, index.Rows, index.Rows+len(failures))}
	for i := range index.Rows {
		all.marks[i] = mark{index.Labels[i], index.Splits[i], groupAt(index, i)}
	}
	if d.Manifest().Status == featurestore.StatusWriting { // a killed writer leaves failures of images that became rows
		rows := make(map[string]bool, index.Rows)
		for _, path := range index.Paths {
			rows[path] = true
		}
		failures = slices.DeleteFunc(failures, func(f featurestore.Failure) bool { return rows[f.Path] })
	}
	for _, f := range failures {
		all.paths, all.marks = append(all.paths, f.Path), append(all.marks, mark{label: f.Label, split: f.Split})
	}
	return all, nil
}

// compare finds what changes, and puts it into done, with at most so many rows themselves.
func (m images) compare(now []mark, done *Relabelled, most int) markings {
	found := markings{at: map[string]int32{}, was: m.marks, now: now}
	labels, splits, groups := map[Change]int{}, map[Change]int{}, map[Change]int{}
	done.Changes = []RowChange{}
	for i, was := range m.marks {
		if was == now[i] {
			continue
		}
		found.at[m.paths[i]] = int32(i)
		if i >= m.rows {
			done.ChangedFailures++
			continue
		}
		done.Changed++
		if was.label != now[i].label {
			labels[Change{was.label, now[i].label}]++
		}
		if was.split != now[i].split {
			splits[Change{was.split, now[i].split}]++
		}
		if was.group != now[i].group {
			groups[Change{was.group, now[i].group}]++
		}
		if most == 0 || len(done.Changes) < most {
			done.Changes = append(done.Changes, RowChange{spelling.Spell(m.paths[i]), changeOf(was.label, now[i].label), changeOf(was.split, now[i].split)})
		}
	}
	done.Labels, done.Splits, done.groups = renamings(labels), renamings(splits), renamings(groups)
	return found
}

// changeOf is nil if nothing changes.
func changeOf(from, to string) *Change {
	if from == to {
		return nil
	}
	return &Change{spelling.Spell(from), spelling.Spell(to)}
}

// renamings sorts counts of changes.
func renamings(counts map[Change]int) []Renaming {
	all := make([]Renaming, 0, len(counts))
	for c, rows := range counts {
		all = append(all, Renaming{spelling.Spell(c.From), spelling.Spell(c.To), rows})
	}
	slices.SortFunc(all, func(a, b Renaming) int {
		if a.Rows != b.Rows {
			return b.Rows - a.Rows
		}
		return strings.Compare(a.From+"\x00"+a.To, b.From+"\x00"+b.To)
	})
	return all
}

// classes are the labels that rows will have.
func (m images) classes(now []mark) []string {
	labels := map[string]bool{}
	for _, mark := range now[:m.rows] {
		if mark.label != "" {
			labels[mark.label] = true
		}
	}
	return slices.Sorted(maps.Keys(labels))
}

// markings are the changes of images, whose places in was and now are by their paths.
type markings struct {
	at       map[string]int32
	was, now []mark
}

// of is what an image gets; one that another process has labeled meanwhile keeps that.
func (m markings) of(path string, was mark) mark {
	if at, ok := m.at[path]; ok && m.was[at] == was {
		return m.now[at]
	}
	return was
}

// apply writes the changes, of so many rows.
func (m markings) apply(ctx context.Context, dir string, rows int, maxMemory int64) error {
	revised, err := featurestore.Revise(ctx, dir, featurestore.ReviseOptions{
		Row: func(r featurestore.Row) (featurestore.Row, bool) {
			now := m.of(r.Path, mark{r.Label, r.Split, r.Group})
			r.Label, r.Split, r.Group = now.label, now.split, now.group
			return r, true
		},
		Failure: func(f featurestore.Failure) (featurestore.Failure, bool) {
			now := m.of(f.Path, mark{label: f.Label, split: f.Split})
			f.Label, f.Split = now.label, now.split
			return f, true
		},
		MaxMemory: maxMemory,
	})
	if err == nil && revised.RowsChanged != rows {
		err = fmt.Errorf("another process has changed %s meanwhile: %s of %d have their new labels; run the command again", dir, text.Plural(revised.RowsChanged, "row"), rows)
	}
	return err
}
