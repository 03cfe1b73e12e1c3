package pipeline

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"fovea/internal/spelling"
	"fovea/internal/text"
	"fovea/internal/typo"
)

// Labeler gives items their labels, in place.
type Labeler interface {
	Label(items []Item) error
}

// ParseLabels parses the value of a --labels flag: none (or ""), prefix, dir, csv:FILE, or csv,KEY=VALUE,...:FILE with
// the keys of labeltable.ParseOptions.
func ParseLabels(value string) (Labeler, error) {
	switch value {
	case "", "none":
		return nil, nil
	case "prefix":
		return LabelFunc(PrefixLabel), nil
	case "dir":
		return directoryLabels{}, nil
	}
	if table, found, err := parseCSVLabels(value); found {
		return table, err
	}
	return nil, fmt.Errorf("pipeline: unknown source of labels %q%s: use none, prefix, dir or csv:FILE", value, typo.Hint(value, []string{"none", "prefix", "dir"}))
}

// LabelFunc derives a label from the item's name.
type LabelFunc func(Item) string

// Label implements Labeler.
func (f LabelFunc) Label(items []Item) error {
	for i := range items {
		items[i].Label = f(items[i])
	}
	return nil
}

// PrefixLabel is the file name up to its first dot: "cat" for "cat.17.jpg".
func PrefixLabel(item Item) string {
	name := filepath.Base(item.File)
	if item.Source != nil {
		name = path.Base(item.name())
	}
	label, _, _ := strings.Cut(name, ".")
	return label
}

// directoryLabels are those of DirectoryLabel.
type directoryLabels struct{}

// LabelSource is a Source that says why labels cannot be read: all of them, or that of the image at an index. Both give
// "" if they can.
type LabelSource interface {
	LabelFault() string
	RowFault(index int) string
}

// Label implements Labeler. A source whose labels cannot be understood is an error: its directories are not what was
// meant. So is an image whose label is none of the classes that its source names.
func (d directoryLabels) Label(items []Item) error { return d.label(items, nil) }

// label is Label, where only the labels of items for which demanded is true must be understood.
func (directoryLabels) label(items []Item, demanded func(i int) bool) error {
	var last Source
	faulty, first := 0, ""
	for i := range items {
		if s, ok := items[i].Source.(LabelSource); ok {
			if items[i].Source != last && s.LabelFault() != "" {
				return fmt.Errorf("pipeline: no labels can be read from %s: %s: store texts, numbers or booleans in it, rename it, or label the images by a table (--labels csv:FILE)", items[i].File, s.LabelFault())
			}
			last = items[i].Source
			if fault := s.RowFault(items[i].Index); fault != "" && (demanded == nil || demanded(i)) {
				if faulty++; faulty == 1 {
					first = fmt.Sprintf("row %d of %s, %q: %s", items[i].Index, items[i].File, shortened(spelling.Spell(items[i].Path)), fault)
				}
			}
		}
		items[i].Label = DirectoryLabel(items[i])
	}
	if faulty > 0 {
		return fmt.Errorf("pipeline: %s not among the classes that the table names, the first of %s: correct it at its origin (-1 or null is no label), leave the image out with --exclude, or label all by a table (--labels csv:FILE)", text.Count(faulty, "label is", "labels are"), first)
	}
	return nil
}

// DirectoryLabel is the name of the directory that contains the file. An image in a source has the
// label that the source has for it, or else its directory within the source, if there is one and the source does not
// know labels of its images.
func DirectoryLabel(item Item) string {
	if item.Source != nil {
		within := path.Dir(strings.TrimPrefix(item.Path, item.within+"/"))
		if item.Label != "" || item.Labelled || within == "." {
			return item.Label
		}
		return path.Base(within)
	}
	dir := filepath.Dir(item.File)
	if absolute, err := filepath.Abs(dir); err == nil {
		dir = absolute // so that "." has a name
	}
	return filepath.Base(dir)
}

// maxLabelBytes bounds a label: no directory's name is that long, and a class is not a text.
const maxLabelBytes = 1024

// checkLabels rejects labels that cannot be names of classes, and reports groups of labels that were
// probably meant to be the same.
func checkLabels(items []Item) (doubts []string, err error) {
	seen := map[string]bool{}
	var labels []string
	for _, item := range items {
		label := item.Label
		if seen[label] {
			continue
		}
		seen[label] = true
		labels = append(labels, label)
		if strings.Contains(label, "\x00") {
			return nil, fmt.Errorf("pipeline: the label of %s, %q, contains zero bytes, which no name does: correct it at its origin, or exclude the image", item.File, shortened(label))
		}
		if len(label) > maxLabelBytes {
			return nil, fmt.Errorf("pipeline: the label of %s, %q, has %d bytes, and at most %d are allowed: correct it at its origin, or exclude the image", item.File, shortened(label), len(label), maxLabelBytes)
		}
		if spelled := spelling.Spell(label); spelling.Line(spelled) != spelled {
			doubts = append(doubts, fmt.Sprintf("the label \"%s\", first of %s, contains control characters or others that cannot be seen", spelling.Line(spelled), item.File))
		}
		if !utf8.ValidString(label) {
			doubts = append(doubts, fmt.Sprintf("the label %q, first of %s, is not UTF-8 and is written as %s everywhere", label, item.File, spelling.Spell(label)))
		}
	}
	return append(doubts, AlikeLabels(labels)...), nil
}

// AlikeLabels are messages about groups of labels that were probably meant to be the same.
func AlikeLabels(labels []string) (doubts []string) {
	for _, group := range spelling.Alike(labels) {
		doubts = append(doubts, fmt.Sprintf("the labels %+q look alike but are separate classes: give them one name if they are the same", group))
	}
	return doubts
}

// shortened cuts a long text.
func shortened(text string) string {
	if len(text) > 60 {
		return text[:57] + "..."
	}
	return text
}
