package labeltable

import (
	"fmt"
	"slices"
	"strings"

	"fovea/internal/spelling"
)

// way is how the table's paths differ from those of the pictures.
type way struct {
	// folder is before all rows' paths.
	folder string
	// ends says that rows have the ends of pictures' paths alone.
	ends bool
	// stems says that rows lack extensions.
	stems bool
}

// ways lists those that are worth trying, by a picture that has no row.
func (m *matcher) ways(first int) []way {
	var all []way
	for _, stems := range []bool{false, true} {
		key := m.keys[first]
		if stems {
			if key = m.stem(key); key == m.keys[first] {
				continue
			}
		}
		all = append(all, way{stems: stems})
		for _, folder := range m.foldersBefore(key) {
			all = append(all, way{stems: stems, folder: folder})
		}
		all = append(all, way{stems: stems, ends: true})
	}
	return all
}

// mostFolders bounds the folders that are tried before the rows' paths.
const mostFolders = 16

// foldersBefore are what stands before the key in rows that end with it, shortest first.
func (m *matcher) foldersBefore(key string) (folders []string) {
	for k := range m.byKey {
		if before, found := strings.CutSuffix(k, "/"+key); found {
			folders = append(folders, before+"/")
		}
	}
	slices.SortFunc(folders, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return folders[:min(len(folders), mostFolders)]
}

// try finds the rows in one way.
func (m *matcher) try(w way) (attempt, error) {
	a := attempt{Matching: newMatching(len(m.paths)), way: w}
	users := map[string]int{} // the picture of each row
	for i, key := range m.keys {
		if w.stems {
			key = m.stem(key)
		}
		k, found, err := m.lookUp(w, key, i)
		if err != nil {
			return a, err
		}
		if !found {
			continue
		}
		if other, used := users[k.path]; used && m.paths[other] != m.paths[i] { // frames and tiles have the path of their file
			return a, fmt.Errorf("%s, line %d: the row of %s could mean %s or %s: write the paths as they are below the IMAGES argument", m.name, k.line, spelling.Spell(k.path), spelling.Spell(m.paths[other]), spelling.Spell(m.paths[i]))
		}
		users[k.path] = i
		a.Labels[i], a.Found[i], a.Lines[i] = k.Label, true, k.line
	}
	m.finish(&a)
	a.How = m.how(w)
	return a, nil
}

// lookUp finds the row of a picture.
func (m *matcher) lookUp(w way, key string, picture int) (found keyed, ok bool, err error) {
	if !w.ends {
		return m.find(w.folder + key)
	}
	if found, ok, err = m.find(key); ok || err != nil {
		return found, ok, err
	}
	for end := key; ; {
		_, rest, more := strings.Cut(end, "/")
		if !more {
			return found, ok, nil
		}
		end = rest
		k, another, err := m.find(end)
		switch {
		case err != nil:
			return k, true, err
		case another && ok && k.Label != found.Label:
			return k, true, fmt.Errorf("%s, lines %d and %d: the rows of %s and %s could both mean %s: write the paths as they are below the IMAGES argument", m.name, found.line, k.line, spelling.Spell(found.path), spelling.Spell(k.path), spelling.Spell(m.paths[picture]))
		case another && !ok:
			found, ok = k, true
		}
	}
}

// otherFolder is an error if the rows below another folder would explain all pictures as well.
func (m *matcher) otherFolder(w way) error {
	if w.folder == "" || len(m.keys) == 0 {
		return nil
	}
	key := m.keys[0]
	if w.stems {
		key = m.stem(key)
	}
	for _, folder := range m.foldersBefore(key) {
		other := w
		other.folder = folder
		if folder == w.folder {
			continue
		}
		if a, err := m.try(other); err == nil && a.missing == 0 {
			return fmt.Errorf("%s has all %d images below %s and below %s: give the folder above as the IMAGES argument, so that it is clear which are meant", m.name, len(m.paths), spelling.Spell(w.folder), spelling.Spell(folder))
		}
	}
	return nil
}

// how says in what way the table's paths differ.
func (m *matcher) how(w way) string {
	var parts []string
	if w.folder != "" {
		parts = append(parts, fmt.Sprintf("without the folder %s of its paths", spelling.Spell(w.folder)))
	}
	if w.ends {
		parts = append(parts, "without the folders of the images")
	}
	if w.stems {
		parts = append(parts, "without the images' extensions")
	}
	if m.changed.blanks {
		parts = append(parts, "without the blanks around them")
	}
	if m.changed.backslashes {
		parts = append(parts, `with / for \`)
	}
	if m.changed.composed {
		parts = append(parts, "with letters composed by Unicode's NFC")
	}
	if m.changed.encoded {
		parts = append(parts, "with the images' names read as "+m.encoding)
	}
	return strings.Join(parts, ", ")
}
