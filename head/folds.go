package head

import "slices"

// untested is the number of the fold of rows that are only learned from.
const untested = -1

// foldNumbers gives each row the number of the fold that it is tested in, or untested. Folds are
// stratified by class; a class with fewer groups of rows than there are folds is tested in some of them. Where groups have
// rows of several classes, each class still has rows outside every fold that tests it.
func foldNumbers(y []int, groups []string, classes, most int, seed uint64) (number []int, count int) {
	units := groupUnits(y, groups, seed)
	perClass := make([]int, classes) // units with rows of the class
	for _, u := range units {
		for _, c := range u.classes(y) {
			perClass[c.class]++
		}
	}
	count = max(2, min(most, slices.Max(perClass)))
	d := dealer{perClass: perClass, next: make([]int, classes), within: make([][]int, count)}
	for f := range d.within {
		d.within[f] = make([]int, classes)
	}
	number = make([]int, len(y))
	for _, u := range units {
		fold := d.deal(u.classes(y))
		for _, i := range u.rows {
			number[i] = fold
		}
	}
	return number, count
}

// dealer deals units to folds.
type dealer struct {
	// perClass are the units with rows of each class, next those dealt so far, within those of them in each fold.
	perClass, next []int
	within         [][]int
}

// deal is the fold of a unit, in the turn of its rarest class. A fold that would have all units of a class is passed over:
// there would be nothing to learn the class from.
func (d *dealer) deal(counts []classRows) int {
	class, count := counts[0].class, len(d.within)
	for _, c := range counts {
		if d.perClass[c.class] < d.perClass[class] {
			class = c.class
		}
	}
	turn := d.next[class]
	d.next[class]++
	if d.perClass[class] < count { // in some folds only, for each class in others
		turn += class
	}
	for skip := range count {
		fold := (turn + skip) % count
		if slices.ContainsFunc(counts, func(c classRows) bool { return d.within[fold][c.class]+1 == d.perClass[c.class] }) {
			continue
		}
		for _, c := range counts {
			d.within[fold][c.class]++
		}
		return fold
	}
	return untested
}
