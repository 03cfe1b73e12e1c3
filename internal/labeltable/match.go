package labeltable

import (
	"cmp"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"fovea/internal/spelling"
)

// Matching is what a table says of pictures.
type Matching struct {
	// Labels are those of the pictures, and Found says for which of them the table has a row.
	Labels []Label
	Found  []bool
	// Lines are those of the pictures' rows in the table, 0 for none.
	Lines []int
	// How says in what way the table's paths differ from those of the pictures, "" for none.
	How string
}

func newMatching(pictures int) Matching {
	return Matching{Labels: make([]Label, pictures), Found: make([]bool, pictures), Lines: make([]int, pictures)}
}

// Unused counts the rows that no picture has, and names the path of the first.
func (t *Table) Unused(m Matching) (rows int, first string) {
	used := make(map[int]bool, len(m.Lines))
	for _, line := range m.Lines {
		used[line] = true
	}
	line := 0
	for path, r := range t.rows {
		if used[r.line] {
			continue
		}
		if rows++; line == 0 || r.line < line {
			line, first = r.line, path
		}
	}
	return rows, first
}

// HasSplits says whether some row has a split.
func (t *Table) HasSplits() bool {
	for _, r := range t.rows {
		if r.Split != "" {
			return true
		}
	}
	return false
}

// Missing is the error of a table without rows for some pictures.
type Missing struct {
	// Table and First name the table and the first picture, of Count of Total.
	Table, First string
	Count, Total int
	// How is as in Matching, for most of the pictures.
	How string
	// Hint says why there may be no row.
	Hint string
}

func (m *Missing) Error() string {
	how := ""
	if m.How != "" {
		how = " (" + m.How + ")"
	}
	return fmt.Sprintf("%s lacks %d of %d images%s, the first is %s: %s", m.Table, m.Count, m.Total, how, spelling.Spell(m.First), m.Hint)
}

// Match finds the rows of pictures: by the same path, or else by one that differs in the same way for all of them. It
// may have blanks around it, backslashes, Unicode's other composition of letters, folders before it, or the picture may
// have folders before it; the table may leave out pictures' extensions. What could be the row of two pictures, or two
// rows of one picture, is an error.
//
// A picture without a row is a *Missing error if demanded tells so, which is asked only for those; nil demands all.
func (t *Table) Match(paths []string, demanded func(i int) bool) (Matching, error) {
	m := &matcher{Table: t, paths: paths, demand: demanded, demanded: map[int]bool{}}
	best, err := m.match()
	if err == nil && best.first < 0 {
		err = m.checkOthers(best)
	}
	if err != nil || best.first < 0 {
		return best.Matching, err
	}
	return Matching{}, &Missing{
		Table: t.name, First: paths[best.first], Count: best.missing, Total: len(paths), How: best.How, Hint: m.hint(paths[best.first], best.way),
	}
}

// MatchSome finds the rows of pictures as Match does, by the way in which most have one; the others may have none.
func (t *Table) MatchSome(paths []string) (Matching, error) {
	m := &matcher{Table: t, paths: paths, demanded: map[int]bool{}}
	best, err := m.match()
	if err == nil {
		err = m.checkOthers(best)
	}
	return best.Matching, err
}

// match is the first attempt in which no picture that is demanded lacks a row, or else the one in which the fewest do.
func (m *matcher) match() (attempt, error) {
	best, err := m.exact()
	if err != nil || best.first < 0 {
		return best, err
	}
	if err := m.normalize(); err != nil {
		return attempt{}, err
	}
	var unclear error
	for _, w := range m.ways(best.first) {
		tried, err := m.try(w)
		if err != nil && w == (way{stems: w.stems}) {
			return attempt{}, err
		}
		if err != nil { // another way may be clear
			unclear = cmp.Or(unclear, err)
			continue
		}
		if tried.first < 0 {
			return tried, m.otherFolder(w)
		}
		if tried.missing < best.missing {
			best = tried
		}
	}
	if unclear != nil && best.missing == len(m.paths) {
		return attempt{}, unclear
	}
	return best, nil
}

// matcher is a Match in progress.
type matcher struct {
	*Table
	paths    []string
	demand   func(i int) bool
	demanded map[int]bool // what demand has said
	// byKey are the rows by their key, and keys those of the pictures.
	byKey   map[string]keyed
	keys    []string
	changed changes
}

// changes are what keys leave out.
type changes struct{ backslashes, composed, encoded, blanks bool }

// keyed are the rows with a key.
type keyed struct {
	row
	path string
	// other is the path of another row with another label, "" for none.
	other string
}

// attempt is a Matching by one way.
type attempt struct {
	Matching
	way way
	// first is the first picture that is demanded and has no row, -1 for none; missing is the number of all without.
	first, missing int
}

// isDemanded asks once.
func (m *matcher) isDemanded(i int) bool {
	if m.demand == nil {
		return true
	}
	known, found := m.demanded[i]
	if !found {
		known = m.demand(i)
		m.demanded[i] = known
	}
	return known
}

// finish finds the first picture that is demanded among those without a row.
func (m *matcher) finish(a *attempt) {
	a.first = -1
	for i, found := range a.Found {
		if found {
			continue
		}
		a.missing++
		if a.first < 0 && m.isDemanded(i) {
			a.first = i
		}
	}
}

// exact finds rows by the pictures' paths, or by these as datasets show them.
func (m *matcher) exact() (attempt, error) {
	a := attempt{Matching: newMatching(len(m.paths))}
	spelled := map[string]string{} // the path for each spelling that stands for another one
	for i, path := range m.paths {
		r, found := m.rows[path]
		if shown := spelling.Spell(path); !found && shown != path {
			if r, found = m.rows[shown]; found {
				spelled[shown] = path
			}
		}
		a.Labels[i], a.Found[i], a.Lines[i] = r.Label, found, r.line
	}
	m.finish(&a)
	for _, path := range m.paths {
		if other, both := spelled[path]; both {
			return a, fmt.Errorf("%s, line %d: the row of %s could mean this picture or %q: rename one of them, or write the former as %s", m.name, m.rows[path].line, path, other, spelling.Spell(path))
		}
	}
	return a, nil
}

// normalize makes keys of all paths.
func (m *matcher) normalize() error {
	m.byKey = make(map[string]keyed, len(m.rows))
	m.keys = make([]string, len(m.paths))
	for i, p := range m.paths {
		m.keys[i] = m.pictureKey(p)
	}
	for p, r := range m.rows {
		if err := m.memory.Take(perRow+int64(len(p)), "what it labels, by other spellings of the paths"); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		key := m.rowKey(p)
		earlier, found := m.byKey[key]
		switch {
		case !found || p < earlier.path && earlier.Label == r.Label:
			m.byKey[key] = keyed{row: r, path: p, other: earlier.other}
		case earlier.Label != r.Label && (earlier.other == "" || p < earlier.other):
			earlier.other = p
			m.byKey[key] = earlier
		}
	}
	return nil
}

// rowKey is a path of the table without blanks around it, with slashes and composed letters.
func (m *matcher) rowKey(p string) string {
	key := strings.TrimSpace(p)
	if key != p {
		m.changed.blanks = true
	}
	if strings.Contains(key, `\`) {
		key = strings.ReplaceAll(key, `\`, "/")
		m.changed.backslashes = true
	}
	return m.compose(clean(key))
}

// pictureKey is a picture's path without blanks around it, with composed letters, read in the table's encoding if it is
// not UTF-8.
func (m *matcher) pictureKey(p string) string {
	if !utf8.ValidString(p) && m.decoder != nil {
		if text, err := m.decoder.NewDecoder().String(p); err == nil {
			m.changed.encoded = true
			p = text
		}
	}
	return m.compose(strings.TrimSpace(p))
}

func (m *matcher) compose(p string) string {
	if !utf8.ValidString(p) || norm.NFC.IsNormalString(p) {
		return p
	}
	m.changed.composed = true
	return norm.NFC.String(p)
}

// clean leaves out what means nothing in a path.
func clean(p string) string {
	if p == "" {
		return ""
	}
	return path.Clean(p)
}

// stem is a path without a picture's extension.
func (t *Table) stem(p string) string {
	if t.isPicture(p) {
		return strings.TrimSuffix(p, path.Ext(p))
	}
	return p
}

// find looks a key up. Two rows with other labels are an error.
func (m *matcher) find(key string) (keyed, bool, error) {
	k, found := m.byKey[key]
	if found && k.other != "" {
		return k, true, fmt.Errorf("%s, line %d labels %s as %s, line %d %s as %s, which is the same path: keep one of them",
			m.name, m.rows[k.other].line, spelling.Spell(k.other), m.rows[k.other].Label, k.line, spelling.Spell(k.path), k.Label)
	}
	return k, found, nil
}
