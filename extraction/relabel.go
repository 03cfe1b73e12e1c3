package extraction

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"

	"fovea/internal/spelling"
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

// padded are the labels that begin or end with blanks.
func (i images) padded() map[string]bool {
	all := map[string]bool{}
	for _, m := range i.marks {
		if strings.TrimSpace(m.label) != m.label {
			all[m.label] = true
		}
	}
	return all
}

// named lists names for a message.
func named(classes []string) string {
	if len(classes) == 0 {
		return "no row would have a label"
	}
	return fmt.Sprintf("all rows with a label would be %q", spelling.Spell(classes[0]))
}

// label returns what the images get.
func (o RelabelOptions) label(images images, done *Relabelled) ([]mark, error) {
	demanded := func(i int) bool { return i < images.rows && (o.Missing == MissingError || o.Missing == "") }
	if table, ok := o.Labels.(pipeline.CSVLabels); ok {
		padded := images.padded()
		table.Written.Known = func(label string) bool { return padded[label] }
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
