package head

import (
	"cmp"
	"slices"
)

// Confusion counts rows by their class and by the class that they were assigned to.
type Confusion [][]int

// MostInMatrix is the number of classes up to which people and files are shown the whole matrix; it grows with their
// square.
const MostInMatrix = 20

// IsZero says whether JSON leaves the matrix out.
func (c Confusion) IsZero() bool { return len(c) == 0 || len(c) > MostInMatrix }

// Confused are the rows of a class that were assigned to another one.
type Confused struct {
	Class     string `json:"class"`
	Predicted string `json:"predicted"`
	// N is the number of these rows, Of that of all rows of the class.
	N  int `json:"n"`
	Of int `json:"of"`
}

// ClassCount is a class with its number of rows.
type ClassCount struct {
	Class string `json:"class"`
	N     int    `json:"n"`
}

// NamesOf are the names of classes.
func NamesOf(classes []ClassCount) []string {
	var all []string
	for _, c := range classes {
		all = append(all, c.Class)
	}
	return all
}

// mostConfused bounds the pairs of classes that are listed.
const mostConfused = 100

// most are the pairs of classes that are confused most; of equal ones, the first.
func (c Confusion) most(classes []string) []Confused {
	var all []Confused
	for i, row := range c {
		of := 0
		for _, n := range row {
			of += n
		}
		for j, n := range row {
			if i != j && n > 0 {
				all = append(all, Confused{classes[i], classes[j], n, of})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Confused) int { return cmp.Compare(b.N, a.N) })
	return slices.Clone(all[:min(mostConfused, len(all))])
}

func newConfusion(classes int) Confusion {
	all := make(Confusion, classes)
	for i := range all {
		all[i] = make([]int, classes)
	}
	return all
}
