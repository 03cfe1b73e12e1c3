package head

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"fovea/vectors"
)

// Duplicates are rows that stand for the same image.
type Duplicates struct {
	// Groups has a name for each row. Rows that are equal or alike, directly or by way of others, have
	// the same name.
	Groups []string
	// Equal is the number of rows with the identity of an earlier row, Alike that of further rows with
	// the group of an earlier row.
	Equal, Alike int
	// Pairs are the rows of different identities that are alike, in the order of the rows.
	Pairs []vectors.Pair
}

// FindDuplicates groups rows of the same identity, such as a checksum, and rows whose cosine
// similarity (the mean over the blocks) is at least threshold, which is above 0 and at most 1. With
// a threshold of 0 only identities count. All pairs are compared, so the time grows with the square
// of the number of rows.
func FindDuplicates(ctx context.Context, x Matrix, identities []string, threshold float64) (Duplicates, error) {
	if err := x.validate(); err != nil {
		return Duplicates{}, err
	}
	if len(identities) != x.Rows {
		return Duplicates{}, fmt.Errorf("head: %d identities for %d rows", len(identities), x.Rows)
	}
	if !(threshold >= 0 && threshold <= 1) {
		return Duplicates{}, fmt.Errorf("head: cosine %g: use one above 0 and at most 1, or 0 to find only equal rows", threshold)
	}
	var pairs []vectors.Pair
	if threshold > 0 {
		var err error
		if pairs, err = alike(ctx, x, identities, threshold); err != nil {
			return Duplicates{}, err
		}
	}
	return Join(identities, pairs), nil
}

// Join groups rows of the same identity, and the given pairs of others.
func Join(identities []string, pairs []vectors.Pair) Duplicates {
	d := Duplicates{Pairs: pairs}
	parent := make([]int, len(identities))
	first := map[string]int{}
	for i, id := range identities {
		parent[i] = i
		if f, found := first[id]; found {
			parent[i] = f
			d.Equal++
		} else {
			first[id] = i
		}
	}
	root := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	for _, p := range d.Pairs {
		a, b := root(p.A), root(p.B)
		if a != b {
			parent[max(a, b)] = min(a, b) // a group is named after its first row
			d.Alike++
		}
	}
	for i := range parent {
		d.Groups = append(d.Groups, strconv.Itoa(root(i)))
	}
	return d
}

// mostPairs bounds the memory of rows that are all alike, such as the frames of one scene: 0.8 GB.
const mostPairs = 32 << 20

// alike finds the pairs of different identities, in the order of the rows.
func alike(ctx context.Context, x Matrix, identities []string, threshold float64) ([]vectors.Pair, error) {
	source := vectors.Matrix(x.Data, x.Cols, max(1, 1<<20/x.Cols))
	pairs, err := vectors.Pairs(ctx, source, vectors.PairOptions{Threshold: threshold, Blocks: x.Blocks, Most: mostPairs})
	if err != nil {
		return nil, fmt.Errorf("head: compare the rows: %w", err)
	}
	return slices.DeleteFunc(pairs, func(p vectors.Pair) bool { return identities[p.A] == identities[p.B] }), nil
}
