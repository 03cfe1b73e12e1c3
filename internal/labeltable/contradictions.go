package labeltable

import (
	"fmt"
	"strings"

	"fovea/internal/spelling"
)

// checkOthers is an error if a row that no picture has is that of a picture in another spelling, such as with blanks
// around its path, backslashes, or a detour through a folder, and has another label than the one that was found.
func (m *matcher) checkOthers(a attempt) error {
	used := make(map[int]bool, len(a.Lines))
	for _, line := range a.Lines {
		used[line] = true
	}
	var pictures map[string]int // by key
	var of, other row
	var path, otherPath string
	for p, r := range m.rows {
		if used[r.line] {
			continue
		}
		if pictures == nil {
			pictures = m.pictures(a)
		}
		i, found := pictures[strings.TrimPrefix(m.rowKey(p), "/")]
		if found && a.Labels[i] != r.Label && (other.line == 0 || r.line < other.line) {
			of, path, other, otherPath = row{a.Labels[i], a.Lines[i]}, m.paths[i], r, p
		}
	}
	if other.line == 0 {
		return nil
	}
	return fmt.Errorf("%s, line %d labels %q as %s, but line %d labels this image, %s, as %s: keep one of them",
		m.name, other.line, otherPath, other, of.line, spelling.Spell(path), of)
}

// pictures are those that have a row, by their keys, and by how datasets show them.
func (m *matcher) pictures(a attempt) map[string]int {
	all := make(map[string]int, len(m.paths))
	for i, p := range m.paths {
		if !a.Found[i] {
			continue
		}
		all[m.pictureKey(p)] = i
		if shown := spelling.Spell(p); shown != p {
			all[shown] = i
		}
	}
	return all
}
