package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"fovea/internal/labeltable"
	"fovea/internal/spelling"
	"fovea/internal/typo"
)

// Grouping says which images belong together, so that no split separates them. The zero value groups none.
type Grouping struct {
	kind    groupKind
	pattern *regexp.Regexp
	table   CSVLabels
}

type groupKind string

const (
	groupByParent  groupKind = "parent"
	groupByPatient groupKind = "patient"
	groupByLabels  groupKind = "labels"
	groupByTable   groupKind = "table"
	groupByPattern groupKind = "regexp"
)

// groupColumn is the column of a table that has the groups, unless another one is declared.
const groupColumn = "group"

// ParseGrouping parses the value of a --group-by flag: none (or ""), parent, patient, labels, csv:FILE,
// csv,KEY=VALUE,...:FILE with the keys of labeltable.ParseOptions but group instead of label, or regexp:EXPRESSION.
func ParseGrouping(value string) (g Grouping, err error) {
	expression, isPattern := strings.CutPrefix(value, "regexp:")
	options, file, isTable := strings.Cut(value, ":")
	isTable = isTable && (options == "csv" || strings.HasPrefix(options, "csv,"))
	switch {
	case value == "" || value == "none":
		return g, nil
	case value == "parent" || value == "patient" || value == "labels":
		return Grouping{kind: groupKind(value)}, nil
	case isPattern:
		if g.pattern, err = regexp.Compile(expression); err != nil {
			return g, fmt.Errorf("pipeline: %w", err)
		}
		if g.pattern.NumSubexp() == 0 {
			return g, fmt.Errorf("pipeline: the expression %q has no part in parentheses, which is the group: write one, as in regexp:(P[0-9]+)", expression)
		}
		g.kind = groupByPattern
		return g, nil
	case isTable:
		return parseGroupTable(options, file)
	}
	return g, fmt.Errorf("pipeline: unknown source of groups %q: use none, parent, patient, labels, csv:FILE or regexp:(EXPRESSION)", value)
}

// groupTableKeys are the options of a table of groups.
var groupTableKeys = []string{"encoding", "group", "path", "separator"}

func parseGroupTable(options, file string) (Grouping, error) {
	var keys []string
	for i, one := range strings.Split(options, ",") {
		key, value, _ := strings.Cut(one, "=")
		switch {
		case i == 0: // csv
		case !slices.Contains(groupTableKeys, key):
			return Grouping{}, fmt.Errorf("pipeline: a table of groups takes no %q%s: use %s", one, typo.Hint(key, groupTableKeys), strings.Join(groupTableKeys, ", "))
		case value == "":
			return Grouping{}, fmt.Errorf("pipeline: the option %s of a table of groups has no value: write %s=VALUE", key, key)
		case key == "group":
			one = "label=" + value
		}
		keys = append(keys, one)
	}
	table, found, err := parseCSVLabels(strings.Join(keys, ",") + ":" + file)
	if err == nil && !found {
		err = errors.New("pipeline: a table of groups needs its file: csv:FILE")
	}
	if table.Written.Label == "" {
		table.Written.Label = groupColumn
	}
	return Grouping{kind: groupByTable, table: table}, err
}

// Any reports whether images are grouped at all.
func (g Grouping) Any() bool { return g.kind != "" }

// ByPatient reports whether the groups are the patients of DICOM files, which are known only once files are read.
func (g Grouping) ByPatient() bool { return g.kind == groupByPatient }

// ByLabels reports whether the groups are in the table of the labels.
func (g Grouping) ByLabels() bool { return g.kind == groupByLabels }

// String says how images are grouped, without the names of files.
func (g Grouping) String() string {
	switch g.kind {
	case groupByPattern:
		return "regexp:" + g.pattern.String()
	case groupByLabels:
		return string(groupByTable)
	}
	return string(g.kind)
}

// File is the file of the table, "" if there is none, and WithFile replaces it.
func (g Grouping) File() string { return g.table.File }

// WithFile is the grouping by another file.
func (g Grouping) WithFile(file string) Grouping {
	g.table.File = file
	return g
}

// Group sets the groups of items whose labels are from a source. An image without one is an error that names it.
// Patients are left to Config.Group.
func (g Grouping) Group(items []Item, labels Labeler, maxMemory int64) error {
	var err error
	switch g.kind {
	case groupByParent:
		for i := range items {
			items[i].Group = parentOf(&items[i])
		}
	case groupByPattern:
		err = g.match(items)
	case groupByLabels:
		table, ok := labels.(CSVLabels)
		if !ok {
			return errors.New("pipeline: groups from the table of the labels need one: --labels csv:FILE with a column " + groupColumn)
		}
		table.Written.Label, table.Written.Split, table.Written.Classes = groupColumn, "", ""
		err = groupByRows(items, table, maxMemory)
	case groupByTable:
		err = groupByRows(items, g.table, maxMemory)
	}
	if err != nil {
		return err
	}
	return checkGroups(items)
}

// parentOf is the directory of an image as its path has it, or else the name of the one that it was found in.
func parentOf(item *Item) string {
	name := item.Path
	if item.isPart() {
		name = item.name()
	}
	if dir := path.Dir(name); dir != "." {
		return dir
	}
	dir := filepath.Dir(item.File)
	if item.stored == nil {
		if absolute, err := filepath.Abs(dir); err == nil {
			dir = absolute
		}
	}
	return filepath.Base(dir)
}

func (g Grouping) match(items []Item) error {
	missing, first := 0, ""
	for i := range items {
		found := g.pattern.FindStringSubmatch(items[i].Path)
		if found != nil && found[1] != "" {
			items[i].Group = found[1]
			continue
		}
		if missing++; missing == 1 {
			first = items[i].Path
		}
	}
	if missing == 0 {
		return nil
	}
	return fmt.Errorf("pipeline: the expression %q finds no group in the paths of %d of %d images, the first is %q: change it, or leave them out with --exclude", g.pattern, missing, len(items), spelling.Spell(first))
}

// groupByRows takes the groups from the column of a table that is declared as its label.
func groupByRows(items []Item, table CSVLabels, maxMemory int64) error {
	table.MaxMemory = maxMemory
	named := make([]Item, len(items))
	copy(named, items)
	if err := table.Label(named); err != nil {
		var missing *labeltable.Missing
		if errors.As(err, &missing) || errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("groups of images: %w", err)
		}
		return fmt.Errorf("groups of images: %w; csv,group=COLUMN:FILE names the column of the groups", err)
	}
	for i := range items {
		items[i].Group = named[i].Label
	}
	return nil
}

// checkGroups rejects what cannot be a name.
func checkGroups(items []Item) error {
	for i := range items {
		g := items[i].Group
		if strings.Contains(g, "\x00") || len(g) > maxLabelBytes {
			return fmt.Errorf("pipeline: the group of %s, %q, has zero bytes or more than %d: correct it at its origin", items[i].File, shortened(g), maxLabelBytes)
		}
	}
	return nil
}
