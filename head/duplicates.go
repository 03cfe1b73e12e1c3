package head

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
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

// FindDuplicates groups rows of the same identity, such as a checksum, and rows whose cosine similarity (the mean over
// the blocks) is at least threshold, which is above 0 and at most 1. Equal rows have a similarity of 1, even where they
// are all zero. With a threshold of 0 only identities count. All pairs are compared, so the time grows with the square
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
	if pairs, err = withEqualZeros(x, pairs); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(pairs, func(p vectors.Pair) bool { return identities[p.A] == identities[p.B] }), nil
}

// withEqualZeros adds the pairs of equal rows with blocks of zeros, which have no direction and so a cosine of 0 with any
// other, but are equal all the same.
func withEqualZeros(x Matrix, pairs []vectors.Pair) ([]vectors.Pair, error) {
	blocks := x.Blocks
	if len(blocks) == 0 {
		blocks = []int{x.Cols}
	}
	equal, total := map[[sha256.Size]byte][]int{}, len(pairs)
	for i := range x.Rows {
		if row := x.Row(i); hasZeros(row, blocks) {
			sum := checksum(row)
			total += len(equal[sum])
			equal[sum] = append(equal[sum], i)
		}
	}
	switch {
	case total == len(pairs):
		return pairs, nil
	case total > mostPairs:
		return nil, fmt.Errorf("head: compare the rows: %w: %d, many of them of equal rows of zeros: leave out pictures without content", vectors.ErrTooMany, total)
	}
	for _, rows := range equal {
		for i, b := range rows {
			for _, a := range rows[:i] {
				pairs = append(pairs, vectors.Pair{A: a, B: b, Similarity: 1})
			}
		}
	}
	slices.SortFunc(pairs, func(a, b vectors.Pair) int {
		return cmp.Or(a.A-b.A, a.B-b.B, cmp.Compare(b.Similarity, a.Similarity))
	})
	return slices.CompactFunc(pairs, func(a, b vectors.Pair) bool { return a.A == b.A && a.B == b.B }), nil
}

// hasZeros says whether all values of a block are 0.
func hasZeros(row []float32, blocks []int) bool {
	for _, width := range blocks {
		if isZero(row[:width]) {
			return true
		}
		row = row[width:]
	}
	return false
}

// isZero says whether all values are 0.
func isZero(values []float32) bool {
	return !slices.ContainsFunc(values, func(v float32) bool { return v != 0 })
}

// checksum is that of a row's values, the same for both signs of 0.
func checksum(row []float32) (sum [sha256.Size]byte) {
	data := make([]byte, 0, 4*len(row))
	for _, v := range row {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v+0)) // -0 + 0 is 0
	}
	return sha256.Sum256(data)
}
