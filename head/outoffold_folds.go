package head

import (
	"errors"
	"fmt"
	"slices"
)

// divide are the rows that fold f is trained and tested on. If none of a class's rows would be left,
// those not to keep are trained on, too.
func (o *outOfFold) divide(number []int, f int, keep []bool) (train, test []int) {
	left, any := make([]int, o.classes), make([]int, o.classes)
	for i, n := range number {
		if n != f {
			any[o.y[i]]++
			if keep[i] {
				left[o.y[i]]++
			}
		}
	}
	learned := 0
	for _, n := range any {
		learned += min(n, 1)
	}
	if learned < 2 {
		return nil, nil
	}
	for i, n := range number {
		switch c := o.y[i]; {
		case n != f && (keep[i] || left[c] == 0):
			train = append(train, i)
		case n == f && any[c] > 0:
			test = append(test, i)
		}
	}
	return train, test
}

// indexAnyLabels is indexLabels for labels of which some may be wrong: a class may have one row.
func indexAnyLabels(x Matrix, labels []string) ([]string, []int, error) {
	if len(labels) != x.Rows {
		return nil, nil, fmt.Errorf("head: %d labels for %d rows", len(labels), x.Rows)
	}
	classes := slices.Clone(labels)
	slices.Sort(classes)
	classes = slices.Compact(classes)
	switch {
	case len(classes) == 0:
		return nil, nil, errors.New("head: there are no rows")
	case classes[0] == "":
		return nil, nil, fmt.Errorf("head: row %d has no label", slices.Index(labels, ""))
	case len(classes) == 1:
		return nil, nil, fmt.Errorf("head: all rows are of one class, %q: wrong labels are found by what tells classes apart, so it takes two", classes[0])
	}
	y := make([]int, len(labels))
	for i, l := range labels {
		y[i], _ = slices.BinarySearch(classes, l)
	}
	return classes, y, nil
}

// foldable says whether some class has rows that can be tested by others of it.
func foldable(y []int, groups []string, classes int) bool {
	number, _ := foldNumbers(y, groups, classes, 2, 0)
	return slices.ContainsFunc(number, func(n int) bool { return n != untested })
}
