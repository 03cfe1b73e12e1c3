package labeltable

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"fovea/internal/spelling"
	"fovea/internal/typo"
)

// difference is why a row's path is not a picture's.
type difference struct {
	why   string
	equal func(m *matcher, row, picture string) bool
}

func folded(p string) string { return strings.ToLower(p) }

func unblanked(p string) string { return strings.Join(strings.Fields(p), "") }

// differences are why a row's key is not that of a picture, the smallest first.
var differences = []difference{
	{why: "differs in letter case", equal: func(_ *matcher, row, picture string) bool { return folded(row) == folded(picture) }},
	{why: "has blanks in it", equal: func(_ *matcher, row, picture string) bool { return unblanked(row) == unblanked(picture) }},
	{why: "has another extension", equal: func(m *matcher, row, picture string) bool {
		return m.isPicture(row) && m.stem(row) == m.stem(picture)
	}},
	{why: "has no extension, as not all rows do", equal: func(m *matcher, row, picture string) bool { return row == m.stem(picture) }},
	{why: "differs in letter case and in the extension", equal: func(m *matcher, row, picture string) bool {
		return folded(m.stem(row)) == folded(m.stem(picture))
	}},
	{why: "is in another folder", equal: func(_ *matcher, row, picture string) bool { return path.Base(row) == path.Base(picture) }},
	{why: "is in another folder and has another extension", equal: func(m *matcher, row, picture string) bool {
		return m.stem(path.Base(row)) == m.stem(path.Base(picture))
	}},
	{why: "is in another folder and differs in letter case", equal: func(m *matcher, row, picture string) bool {
		return folded(m.stem(path.Base(row))) == folded(m.stem(path.Base(picture)))
	}},
}

// mostCompared bounds the rows that are compared letter by letter.
const mostCompared = 100_000

// hint says why no row may be the picture's: it shows the nearest one.
func (m *matcher) hint(picture string, w way) string {
	if len(m.rows) == 0 {
		return "the table has no rows: write a row path,label for each"
	}
	key := m.pictureKey(picture)
	nearest, rank := "", len(differences)
	for row := range m.byKey {
		trimmed := strings.TrimPrefix(row, w.folder)
		for i, d := range differences[:min(rank+1, len(differences))] {
			if d.equal(m, trimmed, key) && (i < rank || row < nearest) {
				nearest, rank = row, i
			}
		}
	}
	if row, picture, folder := m.below(); row != "" && w == (way{}) && (rank == len(differences) || strings.Contains(differences[rank].why, "folder")) {
		return fmt.Sprintf("no row is this one's, but row %s is %s below the folder %s: write the paths without that folder, as they are below the IMAGES argument", m.shown(row), spelling.Spell(picture), spelling.Spell(folder))
	}
	if rank < len(differences) {
		remedy := "write the paths as they are below the IMAGES argument"
		if strings.Contains(differences[rank].why, "folder") {
			remedy += ", or give another argument"
		}
		return fmt.Sprintf("the nearest row is %s, which %s: %s", m.shown(nearest), differences[rank].why, remedy)
	}
	keys := slices.Sorted(maps.Keys(m.byKey))
	if near := typo.Nearest(w.folder+key, keys[:min(len(keys), mostCompared)]); near != "" {
		return fmt.Sprintf("the nearest row is %s, which has other letters: write the paths as they are below the IMAGES argument", m.shown(near))
	}
	return fmt.Sprintf("no row is like it, and the table begins with %s: add a row %s,LABEL for each (an empty label is allowed)", m.shown(keys[0]), spelling.Spell(picture))
}

// below finds the first row in the table that would be one of the pictures but for a folder before it.
func (m *matcher) below() (row, picture, folder string) {
	pictures := make(map[string]int, len(m.keys))
	for i, key := range m.keys {
		pictures[key] = i
	}
	for key, r := range m.byKey {
		if _, itself := pictures[key]; itself || row != "" && m.byKey[row].line < r.line {
			continue
		}
		for rest, more := key, true; more; {
			if _, rest, more = strings.Cut(rest, "/"); !more {
				break
			}
			if i, found := pictures[rest]; found {
				row, picture, folder = key, m.paths[i], strings.TrimSuffix(key, rest)
				break
			}
		}
	}
	return row, picture, folder
}

// shown is the path of a row as the table has it.
func (m *matcher) shown(key string) string {
	return fmt.Sprintf("%+q (line %d)", m.byKey[key].path, m.byKey[key].line)
}
