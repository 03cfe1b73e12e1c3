package extraction

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/internal/spelling"
	"fovea/internal/text"
	"fovea/pipeline"
)

// Missing says what becomes of rows of which a source of labels says nothing.
type Missing string

// What becomes of them: they are an error, keep their labels, or lose them.
const (
	MissingError Missing = "error"
	MissingKeep  Missing = "keep"
	MissingClear Missing = "clear"
)

// RelabelOptions say how to relabel a dataset. Labels must be set.
type RelabelOptions struct {
	// Labels is the source of the labels: a table, or what paths tell.
	Labels pipeline.Labeler
	// Missing is for rows of which Labels says nothing; "" is MissingError.
	Missing Missing
	// FewClasses allows that fewer than two labels remain.
	FewClasses bool
	// DryRun only says what would change.
	DryRun bool
	// Quiet leaves out warnings about labels that look alike.
	Quiet bool
	// MostChanges bounds Relabelled.Changes; 0 lists all.
	MostChanges int
	// MaxMemory is how many bytes of memory reading one of the files may take; see featurestore.ReadOptions.
	MaxMemory int64
}

// Relabelled is what changes about a dataset's labels and splits. Names are spelled as in datasets, "" is none.
type Relabelled struct {
	Dataset string `json:"dataset"`
	DryRun  bool   `json:"dry_run"`
	// Rows are those of the dataset, Changed those that get another label or split. ChangedFailures counts images
	// without features.
	Rows            int `json:"rows"`
	Changed         int `json:"changed"`
	ChangedFailures int `json:"changed_failures"`
	// Missing rows are those of which the source of labels says nothing, Unused its rows that are of no image here;
	// FirstUnused is the path of one.
	Missing     int    `json:"missing"`
	Unused      int    `json:"unused"`
	FirstUnused string `json:"first_unused,omitempty"`
	// Labels and Splits count the rows of each change, the most frequent first.
	Labels []Renaming `json:"labels"`
	Splits []Renaming `json:"splits"`
	// groups count the rows of each change of a group, which only resuming makes.
	groups []Renaming
	// doubts are messages about labels that are probably mistakes.
	doubts []string
	// Changes are the rows themselves, in the dataset's order, at most RelabelOptions.MostChanges.
	Changes []RowChange `json:"changes"`
}

// Renaming counts the rows that get another label or split.
type Renaming struct {
	From string `json:"from"`
	To   string `json:"to"`
	Rows int    `json:"rows"`
}

// RowChange is a row that gets another label or split, or both.
type RowChange struct {
	Path  string  `json:"path"`
	Label *Change `json:"label,omitempty"`
	Split *Change `json:"split,omitempty"`
}

// Change is a value before and after.
type Change struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// ErrFewClasses means that relabelling would leave fewer than two classes.
var ErrFewClasses = errors.New("fewer than two classes would remain")

// Relabel gives the rows of the dataset in dir the labels, and the splits if a table has any, that Options.Labels would
// give their images, without extracting them again. See featurestore.Revise for what is there at any time. Labels
// that are the same already are not a change, and without a change nothing is written.
func Relabel(ctx context.Context, dir string, options RelabelOptions) (Relabelled, error) {
	images, err := imagesOf(ctx, dir, options.MaxMemory)
	if err != nil {
		return Relabelled{}, err
	}
	done := Relabelled{Dataset: dir, DryRun: options.DryRun, Rows: images.rows}
	now, err := options.label(images, &done)
	if err != nil {
		return done, err
	}
	marks := images.compare(now, &done, options.MostChanges)
	classes := images.classes(now)
	if !options.Quiet {
		done.warn(classes)
	}
	if !options.FewClasses && done.Changed > 0 && len(classes) < 2 {
		return done, fmt.Errorf("%w in %s: %s", ErrFewClasses, dir, named(classes))
	}
	if options.DryRun || done.Changed+done.ChangedFailures == 0 {
		return done, nil
	}
	return done, marks.apply(ctx, dir, done.Changed, options.MaxMemory)
}

// warn tells of labels that are probably mistakes, in the source or beside the labels that rows keep.
func (r Relabelled) warn(classes []string) {
	doubts := r.doubts
	for _, doubt := range pipeline.AlikeLabels(classes) {
		if !slices.Contains(doubts, doubt) {
			doubts = append(doubts, doubt)
		}
	}
	for _, doubt := range doubts {
		logrus.Warn(doubt)
	}
}

// named lists names for a message.
func named(classes []string) string {
	if len(classes) == 0 {
		return "no row would have a label"
	}
	return fmt.Sprintf("all rows with a label would be %q", spelling.Spell(classes[0]))
}

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

// label returns what the images get.
func (o RelabelOptions) label(images images, done *Relabelled) ([]mark, error) {
	demanded := func(i int) bool { return i < images.rows && (o.Missing == MissingError || o.Missing == "") }
	if table, ok := o.Labels.(pipeline.CSVLabels); ok {
		table.MaxMemory, table.Understood = o.MaxMemory, func(how string) { logrus.Info("labels from " + how) }
		o.Labels = table
	}
	labels, err := pipeline.LabelPaths(o.Labels, images.paths, demanded)
	var missing *pipeline.MissingLabels
	if errors.As(err, &missing) && missing.Count < len(images.paths) {
		err = fmt.Errorf("%w; --missing keep leaves their labels as they are, --missing clear takes them away", err)
	}
	if err != nil {
		return nil, err
	}
	done.doubts = labels.Doubts
	now := slices.Clone(images.marks)
	for i := range now {
		switch {
		case labels.Found[i]:
			now[i].label = labels.Labels[i]
		case o.Missing == MissingClear:
			now[i].label = ""
		}
		if labels.HasSplits && (labels.Found[i] || o.Missing == MissingClear) {
			now[i].split = labels.Splits[i]
		}
		if !labels.Found[i] && i < images.rows {
			done.Missing++
		}
	}
	done.Unused, done.FirstUnused = labels.Unused, spelling.Spell(labels.FirstUnused)
	return now, nil
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
