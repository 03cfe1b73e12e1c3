package pipeline

import (
	"fmt"
	"path"

	"fovea/internal/spelling"
	"fovea/internal/text"
)

// folder is a directory in which images lie, and where it was found.
type folder struct{ argument, path string }

// spelled is how a message names the folder.
func (f folder) spelled() string {
	if f.path == "." {
		return spelling.Line(spelling.Spell(f.argument))
	}
	return spelling.Line(spelling.Spell(f.path))
}

// folderLabels are the labels of folders whose images are labelled by them.
type folderLabels map[folder]string

// see takes in an item with its label.
func (l folderLabels) see(item Item) {
	dir := path.Dir(item.name())
	if item.Label == "" || item.Source != nil && item.Label != path.Base(dir) { // which the source knows
		return
	}
	l[folder{item.Argument, dir}] = item.Label
}

// nested is a message about folders that lie within the folder of another class, and are classes of their own by their
// names: whoever sorts the photos of a class into folders does not mean that. There is none where there are no such.
func (l folderLabels) nested() (doubts []string) {
	var inner, outer folder
	nested := 0
	for f, label := range l {
		above, found := f.above(l)
		if !found || l[above] == label {
			continue
		}
		if nested++; inner.path == "" || f.path < inner.path {
			inner, outer = f, above
		}
	}
	if nested == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s within the directory of another class, such as %s within %s: images get the name of the directory right above them; if these are no classes of their own, move the images or label them by a table (--labels csv:FILE)",
		text.Count(nested, "directory is a class of its own", "directories are classes of their own"), inner.spelled(), outer.spelled())}
}

// above is the next folder above f that has a label.
func (f folder) above(labels folderLabels) (above folder, found bool) {
	for !found && f.path != "." && f.path != "/" {
		f.path = path.Dir(f.path)
		_, found = labels[f]
	}
	return f, found
}
