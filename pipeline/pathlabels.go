package pipeline

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"fovea/internal/spelling"
)

// PathLabels are what a source of labels says of images of which no more than the paths are known, as in a dataset.
type PathLabels struct {
	// Labels and Splits have an element for each path, and Found tells of which the source says anything.
	Labels, Splits []string
	Found          []bool
	// HasSplits means that the source is a table in which some row has a split. Otherwise it says nothing of splits.
	HasSplits bool
	// Unused is the number of the table's rows that are of none of the paths, and FirstUnused the path of one, if it
	// is known.
	Unused      int
	FirstUnused string
	// Doubts are messages about labels that are probably mistakes.
	Doubts []string
}

// LabelsByPath are the labels of images by their paths, both as raw bytes. It says nothing of other images.
type LabelsByPath map[string]string

// Label implements Labeler.
func (l LabelsByPath) Label(items []Item) error {
	for i := range items {
		if label, found := l[items[i].Path]; found {
			items[i].Label = label
		}
	}
	return nil
}

func (l LabelsByPath) labelPaths(p *PathLabels, paths []string, demanded func(i int) bool) error {
	missing, first := 0, ""
	for i, path := range paths {
		if p.Labels[i], p.Found[i] = l[path]; !p.Found[i] && (demanded == nil || demanded(i)) {
			if missing++; missing == 1 {
				first = path
			}
		}
	}
	if missing > 0 {
		return &MissingLabels{missing, fmt.Errorf("pipeline: there are no labels for %d of %d images, the first is %s", missing, len(paths), spelling.Spell(first))}
	}
	return nil
}

// MissingLabels is the error of a source that says nothing of some images.
type MissingLabels struct {
	// Count is the number of those images.
	Count int
	err   error
}

func (m *MissingLabels) Error() string { return m.err.Error() }

func (m *MissingLabels) Unwrap() error { return m.err }

// LabelPaths asks a source for the labels that images of these paths would get. A path of which it says nothing is a
// *MissingLabels error if demanded tells so; nil demands all.
//
// Directories say nothing of images right below the argument that they were found under, whose name is not in the
// path, nor right within an archive or a table.
func LabelPaths(labels Labeler, paths []string, demanded func(i int) bool) (PathLabels, error) {
	p := PathLabels{Labels: make([]string, len(paths)), Splits: make([]string, len(paths)), Found: make([]bool, len(paths))}
	var err error
	switch source := labels.(type) {
	case CSVLabels:
		err = source.labelPaths(&p, paths, demanded)
	case LabelFunc:
		err = source.labelPaths(&p, paths, demanded)
	case directoryLabels:
		err = source.labelPaths(&p, paths, demanded)
	case LabelsByPath:
		err = source.labelPaths(&p, paths, demanded)
	default:
		err = fmt.Errorf("pipeline: labels from %T need the images", labels)
	}
	if err != nil {
		return PathLabels{}, err
	}
	p.Doubts, err = p.check(paths)
	if _, byDirectory := labels.(directoryLabels); byDirectory {
		folders := folderLabels{}
		for i, name := range paths {
			if p.Found[i] {
				folders.see(Item{Path: name, Label: p.Labels[i]})
			}
		}
		p.Doubts = append(p.Doubts, folders.nested()...)
	}
	return p, err
}

// check looks at each label once.
func (p *PathLabels) check(paths []string) ([]string, error) {
	seen := map[string]bool{}
	var items []Item
	for i, label := range p.Labels {
		if p.Found[i] && !seen[label] {
			seen[label] = true
			items = append(items, Item{File: spelling.Spell(paths[i]), Label: label})
		}
	}
	return checkLabels(items)
}

// labelPaths is that of directories, of images that are in no table: those have the labels that the table knows, if it
// knows any.
func (directoryLabels) labelPaths(p *PathLabels, paths []string, demanded func(i int) bool) error {
	return LabelFunc(func(item Item) string {
		if strings.Contains(strings.ToLower(path.Dir(item.Path))+"/", ".parquet/") {
			return item.File // depends on more than the path
		}
		return DirectoryLabel(item)
	}).labelPaths(p, paths, demanded)
}

func (f LabelFunc) labelPaths(p *PathLabels, paths []string, demanded func(i int) bool) error {
	missing, first := 0, ""
	for i, name := range paths {
		if p.Labels[i], p.Found[i] = f.labelPath(name); p.Found[i] || demanded != nil && !demanded(i) {
			continue
		}
		if missing == 0 {
			first = name
		}
		missing++
	}
	if missing > 0 {
		return &MissingLabels{missing, fmt.Errorf("pipeline: the paths of %d of %d images do not tell their labels, the first is %s: it may lie right below a directory that was extracted, or in an archive or table: take them from csv:FILE",
			missing, len(paths), spelling.Spell(first))}
	}
	return nil
}

// labelPath is the label of an image of that path, if it depends on nothing else.
func (f LabelFunc) labelPath(name string) (label string, found bool) {
	label = f(Item{Path: name, File: "/a/" + name})
	if label != f(Item{Path: name, File: "/b/" + name}) {
		return "", false
	}
	holder := path.Base(path.Dir(name))
	if isNumbered(path.Base(name)) || label == holder && isSourceName(holder) {
		return "", false
	}
	return label, true
}

// isNumbered reports whether a name ends in a number that tells it from an equal one in its source, and has nothing
// else at which a label ends.
func isNumbered(name string) bool {
	before, number, found := strings.Cut(name, "#")
	_, err := strconv.Atoi(number)
	return found && err == nil && !strings.Contains(before, ".")
}

// isSourceName reports whether a directory of that name may be an archive or a table.
func isSourceName(name string) bool {
	name = strings.ToLower(name)
	for _, extension := range []string{".tar", ".tgz", ".gz", ".zst", ".bz2", ".xz", ".zip", ".parquet"} {
		if strings.HasSuffix(name, extension) {
			return true
		}
	}
	return false
}
