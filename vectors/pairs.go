package vectors

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// Pair is two similar rows: A comes before B in the stream.
type Pair struct {
	A, B       int
	Similarity float64
}

// PairOptions control which pairs Pairs finds, and how much memory it uses.
type PairOptions struct {
	// Threshold is the minimum cosine similarity, above 0 and at most 1.
	Threshold float64
	// Blocks are the widths of groups of columns, such as those of a layer. The similarity is then the
	// mean of the blocks' cosines. Empty means that all columns are one block.
	Blocks []int
	// Memory is the number of values of the rows that are held at a time (5 bytes each); 0 means 128
	// MiB of them. With less memory the stream is read more often.
	Memory int
	// Most is the maximum number of pairs; 0 means a million.
	Most int
}

// ErrTooMany says that there are more pairs than the maximum.
var ErrTooMany = errors.New("too many pairs")

// Pairs finds all pairs of rows whose similarity is at least the threshold, ordered by A, then B.
// Rows of zeros are similar to nothing; one with a value that is not finite is a NotFiniteError.
// Similarities are as exact as Nearest's.
//
// It compares every row with every other, on all CPUs. The stream is read once for each part of it that
// fits into memory.
func Pairs(ctx context.Context, source Source, options PairOptions) ([]Pair, error) {
	return pairsWith(ctx, fastest(), source, options)
}

func pairsWith(ctx context.Context, s screen, source Source, options PairOptions) ([]Pair, error) {
	if !(options.Threshold > 0 && options.Threshold <= 1) {
		return nil, fmt.Errorf("vectors: pairs: a threshold of %g: it must be more than 0, at most 1", options.Threshold)
	}
	if options.Memory <= 0 {
		options.Memory = (128 << 20) / 5
	}
	if options.Most <= 0 {
		options.Most = 1e6
	}
	p := &pairSearch{options: options, screen: s}
	defer p.pins.Unpin()
	for p.more = true; p.more; p.first += p.count {
		p.more, p.count = false, 0
		for _, h := range p.chunks {
			h.clear()
		}
		if err := p.pass(ctx, source.checked()); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(p.pairs, func(a, b Pair) int { return cmp.Or(a.A-b.A, a.B-b.B) })
	return p.pairs, nil
}

// Groups joins pairs that share rows. Each group lists its rows in ascending order; groups are
// ordered by their first rows.
func Groups(pairs []Pair) [][]int {
	parent := map[int]int{}
	var root func(int) int
	root = func(i int) int {
		p, ok := parent[i]
		if !ok || p == i {
			parent[i] = i
			return i
		}
		r := root(p)
		parent[i] = r
		return r
	}
	for _, p := range pairs {
		a, b := root(p.A), root(p.B)
		parent[max(a, b)] = min(a, b)
	}
	members := map[int][]int{}
	for row := range parent {
		members[root(row)] = append(members[root(row)], row)
	}
	groups := make([][]int, 0, len(members))
	for _, rows := range members {
		slices.Sort(rows)
		groups = append(groups, rows)
	}
	slices.SortFunc(groups, func(a, b []int) int { return a[0] - b[0] })
	return groups
}
