package head

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"fovea/internal/text"
)

// unit is a set of rows that must stay together in a split.
type unit struct {
	class int // of the first row
	rows  []int
}

// classRows is a number of rows of one class.
type classRows struct{ class, rows int }

// classes counts the rows of each class. A group, such as a patient, may have several.
func (u unit) classes(y []int) []classRows {
	counts := []classRows{{u.class, 0}}
	for _, row := range u.rows {
		i := slices.IndexFunc(counts, func(c classRows) bool { return c.class == y[row] })
		if i < 0 {
			i, counts = len(counts), append(counts, classRows{class: y[row]})
		}
		counts[i].rows++
	}
	return counts
}

// groupUnits collects the rows of each group. The order of the units depends on the seed and the groups.
func groupUnits(y []int, groups []string, seed uint64) []unit {
	index := map[string]int{}
	var units []unit
	for i, g := range groups {
		u, found := index[g]
		if !found {
			u = len(units)
			index[g] = u
			units = append(units, unit{class: y[i]})
		}
		units[u].rows = append(units[u].rows, i)
	}
	random := rand.New(rand.NewPCG(seed, 0x666f766561))
	random.Shuffle(len(units), func(i, j int) { units[i], units[j] = units[j], units[i] })
	return units
}

// Split divides rows into a training set and a test set, which has the given fraction of each class, but at least one
// row of three or more, and leaves two of each, as far as groups allow. Rows of one group, such as copies of an image,
// are in the same set; a group may have rows of several classes. The result depends only on labels, groups and seed.
func Split(labels, groups []string, testFraction float64, seed uint64) (train, test []int, err error) {
	if !(testFraction > 0 && testFraction < 1) {
		return nil, nil, fmt.Errorf("head: test fraction %g: use one between 0 and 1", testFraction)
	}
	if len(groups) != len(labels) {
		return nil, nil, fmt.Errorf("head: %d groups for %d rows", len(groups), len(labels))
	}
	classes := slices.Clone(labels)
	slices.Sort(classes)
	classes = slices.Compact(classes)
	y, rows := make([]int, len(labels)), make([]int, len(classes))
	for i, l := range labels {
		y[i], _ = slices.BinarySearch(classes, l)
		rows[y[i]]++
	}
	units := groupUnits(y, groups, seed)
	chosen := chooseUnits(units, y, rows, testFraction)
	for i, u := range units {
		if chosen[i] {
			test = append(test, u.rows...)
		} else {
			train = append(train, u.rows...)
		}
	}
	if len(test) == 0 {
		return nil, nil, indivisible(rows)
	}
	slices.SortFunc(train, cmp.Compare)
	slices.SortFunc(test, cmp.Compare)
	return train, test, nil
}

// ErrTogether marks rows that could be split if fewer of them had to stay together.
var ErrTogether = errors.New("too many of them stay together")

// indivisible says why no row can be a test row, whatever the fraction, for the number of rows of each class.
func indivisible(rows []int) error {
	all, most := 0, 0
	for _, n := range rows {
		all, most = all+n, max(most, n)
	}
	what := text.Plural(all, "row")
	if most < 3 {
		return unlearnable{fmt.Errorf("head: %s cannot be split: two of a class are left to learn from, and no class has more than %d: use more images", what, most)}
	}
	return unlearnable{fmt.Errorf("head: %s cannot be split: %w to leave two of a class to learn from: use more images", what, ErrTogether)}
}

// chooseUnits says which units are the test set, for the number of rows of each class.
func chooseUnits(units []unit, y, rows []int, testFraction float64) []bool {
	chosen, taken := make([]bool, len(units)), make([]int, len(rows))
	take := func(i int, most func(class int) int) {
		counts := units[i].classes(y)
		if slices.ContainsFunc(counts, func(c classRows) bool { return taken[c.class]+c.rows > most(c.class) }) {
			return
		}
		chosen[i] = true
		for _, c := range counts {
			taken[c.class] += c.rows
		}
	}
	for i := range units {
		take(i, func(class int) int { return wanted(rows[class], testFraction) })
	}
	allButTwo := func(class int) int { return rows[class] - 2 }
	best := smallest(units, y, taken, allButTwo)
	for _, class := range slices.Sorted(maps.Keys(best)) {
		if taken[class] == 0 { // unless the unit of another class has brought some
			take(best[class], allButTwo)
		}
	}
	return chosen
}

// smallest are the smallest units of the classes of which none is taken, since all are larger than what is wanted, that
// have no more than most of any class.
func smallest(units []unit, y, taken []int, most func(class int) int) map[int]int {
	best := map[int]int{}
	for i, u := range units {
		counts := u.classes(y)
		if slices.ContainsFunc(counts, func(c classRows) bool { return taken[c.class]+c.rows > most(c.class) }) {
			continue
		}
		for _, c := range counts {
			if b, found := best[c.class]; taken[c.class] == 0 && (!found || len(u.rows) < len(units[b].rows)) {
				best[c.class] = i
			}
		}
	}
	return best
}

// wanted is the number of test rows of a class: at least one, but two are left to learn from.
func wanted(rows int, testFraction float64) int {
	return min(max(1, int(math.Round(testFraction*float64(rows)))), max(0, rows-2))
}

// Select copies the given rows into m's Memory.
func (m Matrix) Select(rows []int) (Matrix, error) {
	out := Matrix{Rows: len(rows), Cols: m.Cols, Blocks: m.Blocks, Memory: m.Memory}
	var err error
	if out.Data, err = m.floats(len(rows) * m.Cols); err != nil {
		return Matrix{}, err
	}
	for i, r := range rows {
		copy(out.Row(i), m.Row(r))
	}
	return out, nil
}

// Free gives Data back to Memory. Nothing may read it afterwards.
func (m *Matrix) Free() {
	m.free(m.Data)
	m.Data = nil
}
