package labeltable

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"fovea/internal/spelling"
	"fovea/internal/text"
	"fovea/internal/typo"
)

// Names of columns, as keyOf writes them. Of several, those that come first mean it more.
var (
	pathNames = [][]string{
		words("path filepath imagepath imgpath picturepath photopath relativepath relpath file filename imagefile imagefilename imgfile imgfilename imagename imgname fname"),
		words("image img picture photo"),
		words("imageid imgid photoid pictureid fileid id idcode uuid key name"),
	}
	labelNames = [][]string{
		words("label class target category labelname classname categoryname targetname classlabel"),
		words("y tag truth groundtruth labelid classid categoryid targetid labelindex classindex labelidx classidx"),
	}
	splitNames = [][]string{words("split subset set dataset partition")}
	// countNames are the row's number, which tables of data have before the columns.
	countNames = words("unnamed0 index level0 rowid row")
)

func words(list string) []string { return strings.Fields(list) }

// keyOf is a column's name without case, blanks and the like: "Image ID", "image_id" and "imageId" are one.
func keyOf(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" _-.:\u00a0\t", r) {
			return -1
		}
		return r
	}, strings.ToLower(strings.TrimSpace(name)))
}

// rankOf is the index of the names that include the key, or its singular; -1 for none.
func rankOf(key string, names [][]string) int {
	return slices.IndexFunc(names, func(group []string) bool {
		return slices.Contains(group, key) || slices.Contains(group, strings.TrimSuffix(key, "s")) || slices.Contains(group, strings.TrimSuffix(key, "es"))
	})
}

// layout says where in a row the fields are; -1 is nowhere.
type layout struct {
	path, label, split int
	// header is the first row, if that names the columns. columns is the number of fields.
	header  []string
	columns int
	// guessed says that header may be a row like the others, of a picture whose name does not look like one.
	guessed bool
	// numbered says that a column was declared by its number, so that the first row may be one like the others.
	numbered bool
}

// named is the layout by the names in a first row. found is false if the row does not name columns; then err is nil.
func (o Options) named(row []string) (l layout, found bool, err error) {
	l = layout{path: -1, label: -1, split: -1, header: row, columns: len(row)}
	for _, c := range []struct {
		at             *int
		declared, what string
		names          [][]string
	}{{&l.path, o.Path, "path", pathNames}, {&l.label, o.Label, "label", labelNames}, {&l.split, o.Split, "split", splitNames}} {
		var number bool
		if *c.at, number, err = pick(row, c.declared, c.what, c.names); err != nil {
			return l, true, err
		}
		l.numbered = l.numbered || number
	}
	if l.path < 0 && l.label < 0 {
		return l, false, nil
	}
	if o.Split == "" && (l.split == l.path || l.split == l.label) { // which was declared
		l.split = -1
	}
	others := l.unnamed()
	switch {
	case l.path >= 0 && l.label >= 0:
	case len(others) != 1 && l.path < 0:
		return l, false, nil
	case len(others) != 1 || l.path >= 0 && rankOf(keyOf(row[others[0]]), pathNames) >= 0 && o.Path == "":
		return l, true, fmt.Errorf("has the columns %s, and which of them is the label is not clear: name it, as in csv,label=COLUMN:FILE", listed(row))
	case l.path >= 0:
		l.label = others[0]
	default:
		l.path = others[0]
	}
	return l, true, l.checkDistinct()
}

// checkDistinct refuses one column for two fields.
func (l layout) checkDistinct() error {
	for _, both := range []struct {
		a, b  int
		names string
	}{{l.path, l.label, "the path and the label"}, {l.path, l.split, "the path and the split"}, {l.label, l.split, "the label and the split"}} {
		if both.a == both.b {
			return fmt.Errorf("has one column for both %s, %q", both.names, l.header[both.a])
		}
	}
	return nil
}

// unnamed are the columns that may yet be the path or the label: neither those nor numbers of rows.
func (l layout) unnamed() (others []int) {
	for i, name := range l.header {
		if key := keyOf(name); i != l.path && i != l.label && i != l.split && key != "" && !slices.Contains(countNames, key) {
			others = append(others, i)
		}
	}
	return others
}

// pick finds a column: the declared one, or the only one of the best names.
func pick(row []string, declared, what string, names [][]string) (at int, number bool, err error) {
	if declared != "" {
		return declaredColumn(row, declared)
	}
	for rank := range names {
		var found []int
		for i, name := range row {
			if rankOf(keyOf(name), names) == rank {
				found = append(found, i)
			}
		}
		if len(found) > 1 {
			return -1, false, fmt.Errorf("has the columns %s, of which %s could each be the %s: name it, as in csv,%s=%s:FILE", listed(row), listed([]string{row[found[0]], row[found[1]]}), what, what, strings.TrimSpace(row[found[0]]))
		}
		if len(found) == 1 {
			return found[0], false, nil
		}
	}
	return -1, false, nil
}

// declaredColumn finds a column by its name, or by its number.
func declaredColumn(row []string, declared string) (at int, number bool, err error) {
	for _, same := range []func(a, b string) bool{
		func(a, b string) bool { return a == b },
		func(a, b string) bool { return keyOf(a) == keyOf(b) },
	} {
		if at := slices.IndexFunc(row, func(name string) bool { return same(name, declared) }); at >= 0 {
			return at, false, nil
		}
	}
	if n, err := strconv.Atoi(declared); err == nil && n >= 1 && n <= len(row) {
		return n - 1, true, nil
	}
	return -1, false, fmt.Errorf("has no column %s%s, but %s", declared, typo.Hint(declared, row), listed(row))
}

// isHeader tells whether the first row names the columns, where they were declared by number.
func isHeader(rows [][]string, l layout, isPicture func(string) bool) bool {
	first := rows[0]
	return rankOf(keyOf(first[l.path]), pathNames) >= 0 || rankOf(keyOf(first[l.label]), labelNames) >= 0 && !isPicture(first[l.path]) ||
		len(rows) > 1 && l.path < len(rows[1]) && isPicture(rows[1][l.path]) && !isPicture(first[l.path])
}

func listed(names []string) string {
	shown := make([]string, len(names))
	for i, name := range names {
		shown[i] = strconv.Quote(spelling.Spell(strings.TrimSpace(name)))
	}
	return text.Some(shown)
}

// unnamedLayout is the layout of rows without names that are known: path,label[,split], or label,path if only the
// second field of every row is a picture's name. A first row whose path is the only one that is not such a name is a
// header with other words. evident says that the pictures' names show it.
func unnamedLayout(rows [][]string, isPicture func(string) bool) (l layout, evident bool, err error) {
	columns := len(rows[0])
	if columns != 2 && columns != 3 {
		return l, false, fmt.Errorf("has %d fields: a row is path,label or path,label,split, or the first row names the columns, such as path and label", columns)
	}
	pictures := func(column int, rows [][]string) bool {
		return len(rows) > 0 && !slices.ContainsFunc(rows, func(r []string) bool { return column >= len(r) || !isPicture(strings.TrimSpace(r[column])) })
	}
	l = layout{path: 0, label: 1, split: -1, columns: columns}
	if columns == 3 {
		l.split = 2
	}
	switch {
	case pictures(0, rows[1:]), pictures(0, rows):
		evident = true
	case pictures(1, rows[1:]) || pictures(1, rows):
		if columns == 3 {
			return l, true, fmt.Errorf("has a picture's name in its second field of three: write path,label,split, or name the columns in a first row")
		}
		l.path, l.label, evident = 1, 0, true
	}
	if evident && len(rows) > 1 && !isPicture(strings.TrimSpace(rows[0][l.path])) {
		l.header, l.guessed = rows[0], true
	}
	return l, evident, nil
}
