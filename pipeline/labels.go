package pipeline

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"fovea/internal/spelling"
)

// Labeler gives items their labels, in place.
type Labeler interface {
	Label(items []Item) error
}

// ParseLabels reads the value of a --labels flag: none (also ""), prefix, dir or csv:FILE.
func ParseLabels(value string) (Labeler, error) {
	switch value {
	case "", "none":
		return nil, nil
	case "prefix":
		return LabelFunc(PrefixLabel), nil
	case "dir":
		return LabelFunc(DirectoryLabel), nil
	}
	if file, found := strings.CutPrefix(value, "csv:"); found && file != "" {
		return CSVLabels{File: file}, nil
	}
	return nil, fmt.Errorf("pipeline: unknown source of labels %q: use none, prefix, dir or csv:FILE", value)
}

// LabelFunc is a label that follows from the item's own name.
type LabelFunc func(Item) string

// Label implements Labeler.
func (f LabelFunc) Label(items []Item) error {
	for i := range items {
		items[i].Label = f(items[i])
	}
	return nil
}

// PrefixLabel is the file name's text before its first dot: "cat" of "cat.17.jpg".
func PrefixLabel(item Item) string {
	name := filepath.Base(item.File)
	if item.Source != nil {
		name = path.Base(item.name())
	}
	label, _, _ := strings.Cut(name, ".")
	return label
}

// DirectoryLabel is the name of the directory that holds the file. A picture in a source has
// the label that the source says, or else that of its directory in the source, if there is
// one.
func DirectoryLabel(item Item) string {
	if item.Source != nil {
		within := path.Dir(strings.TrimPrefix(item.Path, item.within+"/"))
		if item.Label != "" || within == "." {
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

// maxLabelBytes bounds a label: no directory's name is so long, and a class is not a text.
const maxLabelBytes = 1024

// checkLabels refuses labels that cannot be the names of classes, and doubts those of which several
// were probably meant to be one.
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
			return nil, fmt.Errorf("pipeline: the label of %s, %q, has zero bytes in it, which no name has: correct it where it comes from, or leave the image out", item.File, shortened(label))
		}
		if len(label) > maxLabelBytes {
			return nil, fmt.Errorf("pipeline: the label of %s, %q, has %d bytes: %d are the most; correct it where it comes from, or leave the image out", item.File, shortened(label), len(label), maxLabelBytes)
		}
		if strings.ContainsFunc(label, unicode.IsControl) {
			doubts = append(doubts, fmt.Sprintf("the label %q, first of %s, has control characters in it", label, item.File))
		}
		if !utf8.ValidString(label) {
			doubts = append(doubts, fmt.Sprintf("the label %q, first of %s, is not UTF-8 and is written as %s everywhere", label, item.File, spelling.Spell(label)))
		}
	}
	for _, group := range spelling.Alike(labels) {
		doubts = append(doubts, fmt.Sprintf("the labels %+q look alike and are classes of their own: give them one name if they are one", group))
	}
	return doubts, nil
}

// shortened is the beginning of a long text.
func shortened(text string) string {
	if len(text) > 60 {
		return text[:57] + "..."
	}
	return text
}
