package pipeline

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
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
		name = path.Base(item.Path)
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

// CSVLabels takes labels from a file of rows path,label or path,label,split. The paths are
// those of the items; a first row that begins with "path" is a heading. An empty label or
// split means that the picture has none.
type CSVLabels struct{ File string }

type csvLabel struct{ label, split string }

// Label implements Labeler. A picture that the file does not list is an error, before any
// work is done; rows without a picture are not.
func (c CSVLabels) Label(items []Item) error {
	labels, err := c.read()
	if err != nil {
		return err
	}
	missing := 0
	var first string
	for i := range items {
		label, found := labels[items[i].Path]
		if !found {
			if missing == 0 {
				first = items[i].Path
			}
			missing++
			continue
		}
		items[i].Label, items[i].Split = label.label, label.split
	}
	if missing > 0 {
		return fmt.Errorf("pipeline: %s misses %d of %d pictures, the first is %s: add a row %s,LABEL for each (an empty label is allowed)", c.File, missing, len(items), first, first)
	}
	return nil
}

func (c CSVLabels) read() (map[string]csvLabel, error) {
	f, err := os.Open(c.File)
	if err != nil {
		return nil, fmt.Errorf("pipeline: cannot open the labels in %s: %w", c.File, cause(err))
	}
	defer f.Close() //nolint:errcheck // opened for reading
	return parseCSVLabels(f, c.File)
}

func parseCSVLabels(r io.Reader, name string) (map[string]csvLabel, error) {
	reader := csv.NewReader(r)
	reader.FieldsPerRecord = -1 // checked below, with a better message
	labels := map[string]csvLabel{}
	for {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return labels, nil
		}
		if err != nil {
			return nil, fmt.Errorf("pipeline: read the labels in %s: %w", name, err)
		}
		line, _ := reader.FieldPos(0)
		if len(record) != 2 && len(record) != 3 {
			return nil, fmt.Errorf("pipeline: %s, line %d has %d fields: a row is path,label or path,label,split", name, line, len(record))
		}
		path := strings.TrimPrefix(record[0], "\ufeff")
		if len(labels) == 0 && strings.EqualFold(path, "path") {
			continue
		}
		label := csvLabel{label: record[1]}
		if len(record) == 3 {
			label.split = record[2]
		}
		path = strings.TrimPrefix(filepath.ToSlash(path), "./")
		if earlier, found := labels[path]; found && earlier != label {
			return nil, fmt.Errorf("pipeline: %s, line %d labels %s as %q, an earlier line as %q: keep one of them", name, line, path, label.label, earlier.label)
		}
		labels[path] = label
	}
}
