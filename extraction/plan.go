package extraction

import (
	"fmt"

	"fovea/featurestore"
	"fovea/internal/spelling"
	"fovea/internal/text"
	"fovea/pipeline"
)

// Plan says what Options.Sync does, or would do, to a dataset.
type Plan struct {
	// Rows is the number of rows before it.
	Rows int `json:"rows"`
	// Kept rows stay as they are; Relabelled ones get the label or split of their image, and are not among them.
	Kept       int `json:"kept"`
	Relabelled int `json:"relabelled"`
	// Moved rows get the path of an image with the same SHA-256 that had no row, because their own image is gone or
	// another one by now. Copied ones are made anew with the vectors of another image with the same SHA-256.
	Moved  int `json:"moved"`
	Copied int `json:"copied"`
	// New and Changed images are extracted, and Retried ones that could not be read before.
	New     int `json:"new"`
	Changed int `json:"changed"`
	Retried int `json:"retried"`
	// Removed rows have no image any more. Held ones lie in a directory or archive that cannot be listed, so that
	// nobody can tell; they stay as they are.
	Removed int `json:"removed"`
	Held    int `json:"held"`
	// Dropped is the number of failures whose images are gone.
	Dropped int `json:"dropped_failures"`
	// Refusal says why it is not done without Options.AllowEmpty.
	Refusal string `json:"refusal,omitempty"`
	// Steps are all of these but the kept and held rows.
	Steps []Step `json:"steps,omitempty"`

	// rows says what becomes of each row; copies, and the items to extract, follow.
	rows    []fate
	copies  []copied
	extract []pipeline.Item
	// failures stay, or are the listing's.
	failures []featurestore.Failure
	// failuresSeen is what the failures that stay are read from by now, by their index.
	failuresSeen map[int][16]byte
}

// Step is a part of a Plan. Names are as the dataset shows them.
type Step struct {
	// What is moved, copied, relabelled, changed, new, retried, removed, dropped or unlisted.
	What string `json:"what"`
	// Path is that of the image, From the one that a moved or copied row has.
	Path string `json:"path"`
	From string `json:"from,omitempty"`
	// Before and Now are the labels, or the splits, of a relabelled row.
	Before string `json:"before,omitempty"`
	Now    string `json:"now,omitempty"`
}

// String is the plan as a sentence.
func (p Plan) String() string {
	said := fmt.Sprintf("%s so far: %d kept", text.Plural(p.Rows, "row"), p.Kept+p.Held)
	for _, part := range []struct {
		n    int
		what string
	}{
		{p.Relabelled, "relabelled"}, {p.Moved, "moved"}, {p.Copied, "copied"}, {p.Changed, "changed"}, {p.New, "new"}, {p.Retried, "tried again"}, {p.Removed, "removed"},
	} {
		if part.n > 0 {
			said += fmt.Sprintf(", %d %s", part.n, part.what)
		}
	}
	return said
}

// spelled is the plan with names as the dataset shows them.
func (p Plan) spelled() *Plan {
	for i := range p.Steps {
		s := &p.Steps[i]
		for _, name := range []*string{&s.Path, &s.From, &s.Before, &s.Now} {
			*name = spelling.Spell(*name)
		}
	}
	return &p
}

// row returns what becomes of each row of the dataset.
func (p *Plan) row(o *Options, items []pipeline.Item, u *featurestore.Update) func(int) (featurestore.Row, bool) {
	rows, _ := u.Rows()
	return func(i int) (featurestore.Row, bool) {
		switch f := p.rows[i]; f.item {
		case goes:
			return featurestore.Row{}, false
		case stays:
			return featurestore.Row{Path: rows.Paths[i], Label: rows.Labels[i], Split: rows.Splits[i], Group: groupAt(rows, i), Seen: f.seen}, true
		default:
			item := &items[f.item]
			return featurestore.Row{Path: item.Path, Label: item.Label, Split: item.Split, Group: o.groupOf(item, groupAt(rows, i)), Seen: f.seen}, true
		}
	}
}

// groupAt is the group of a row, "" in a dataset without.
func groupAt(rows *featurestore.Table, i int) string {
	if rows.Groups == nil {
		return ""
	}
	return rows.Groups[i]
}

// groupOf is the group that the row of an image gets, which has one so far: patients are known by the content alone, and
// that is the same.
func (o *Options) groupOf(item *pipeline.Item, have string) string {
	if o.GroupBy.ByPatient() {
		return have
	}
	return item.Group
}

// wanted are the images of the new rows, by path.
func (p *Plan) wanted(items []pipeline.Item) map[string]pipeline.Item {
	wanted := make(map[string]pipeline.Item, len(p.extract)+len(p.copies))
	for _, item := range p.extract {
		wanted[item.Path] = item
	}
	for _, c := range p.copies {
		wanted[items[c.item].Path] = items[c.item]
	}
	return wanted
}

// recognized is what rows and failures are read from, where nothing else has changed.
func (p *Plan) recognized() (rows, failures map[int][16]byte) {
	rows = make(map[int][16]byte, len(p.rows))
	for i, f := range p.rows {
		rows[i] = f.seen
	}
	return rows, p.failuresSeen
}

// fate is what becomes of a row.
type fate struct {
	// item is the index of its image, or one of the constants.
	item int32
	seen pipeline.Seen
}

const (
	goes  = -1 // the row has no image
	stays = -2 // nobody knows
)

// copied is an image whose vectors are those of another row.
type copied struct {
	item, row int
	seen      pipeline.Seen
}

// Unchanged reports whether the dataset holds just what it should.
func (p Plan) Unchanged() bool { return len(p.Steps) == 0 }
