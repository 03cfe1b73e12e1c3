package vectors

import (
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
	// Memory is the number of values of the rows that are held at a time (4 bytes each); 0 means 32
	// million. With less memory the stream is read more often.
	Memory int
	// Most is the maximum number of pairs; 0 means a million.
	Most int
}

// ErrTooMany says that there are more pairs than the maximum.
var ErrTooMany = errors.New("too many pairs")

// Pairs finds all pairs of rows whose similarity is at least the threshold, ordered by A, then B.
// Rows of zeros are similar to nothing. Similarities are as exact as Nearest's.
//
// It compares every row with every other. The stream is read once for each part of it that
// fits into memory.
func Pairs(ctx context.Context, source Source, options PairOptions) ([]Pair, error) {
	if !(options.Threshold > 0 && options.Threshold <= 1) {
		return nil, fmt.Errorf("vectors: pairs: a threshold of %g: it must be more than 0, at most 1", options.Threshold)
	}
	if options.Memory <= 0 {
		options.Memory = 32 << 20
	}
	if options.Most <= 0 {
		options.Most = 1e6
	}
	p := &pairSearch{options: options}
	for p.more = true; p.more; p.first += p.held {
		p.more, p.held = false, 0
		if err := source.checked()(ctx, p.block); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(p.pairs, func(a, b Pair) int {
		if a.A != b.A {
			return a.A - b.A
		}
		return a.B - b.B
	})
	return p.pairs, nil
}

// pairSearch compares the rows that it holds, from first on, with all that follow.
type pairSearch struct {
	options PairOptions
	pairs   []Pair

	first, held int
	// raw are the held rows and norms their lengths.
	raw            []float32
	norms          []float64
	unit, products []float32
	// more: there are rows that could not be held.
	more bool
}

func (p *pairSearch) block(b Block) error {
	if skip := min(b.Rows, p.first-b.First); skip > 0 {
		b = Block{First: b.First + skip, Rows: b.Rows - skip, Cols: b.Cols, Data: b.Data[skip*b.Cols:]}
	}
	if b.Rows == 0 {
		return nil
	}
	if p.held == 0 {
		// All the memory at once: growing would take twice as much.
		p.raw, p.norms = slices.Grow(p.raw[:0], max(b.Cols, p.options.Memory)), p.norms[:0]
	}
	// At least one row is held, whatever its size.
	room := max(1, p.options.Memory/b.Cols) - p.held
	hold := min(room, b.Rows)
	if hold < b.Rows {
		p.more = true
	}
	p.unit = normalized(p.unit, b)
	// First with the rows held before, then among its own rows.
	if err := p.compare(b, p.raw, p.norms, p.first); err != nil {
		return err
	}
	if hold == 0 {
		return nil
	}
	p.raw = append(p.raw, b.Data[:hold*b.Cols]...)
	for i := range hold {
		p.norms = append(p.norms, norm(b.Row(i)))
	}
	at := p.held
	p.held += hold
	return p.compare(b, p.raw[at*b.Cols:], p.norms[at:], p.first+at)
}

// compare finds the pairs of held rows, the first one at place from, and later rows
// of the block.
func (p *pairSearch) compare(b Block, raw []float32, norms []float64, from int) error {
	held := len(norms)
	p.products = multiply(p.products, p.unit, b.Rows, raw, held, b.Cols)
	for i := range b.Rows {
		for j := range held {
			if from+j >= b.First+i {
				break
			}
			if float64(p.products[i*held+j]) < (p.options.Threshold-screenMargin)*norms[j] {
				continue
			}
			similarity := Cosine(raw[j*b.Cols:(j+1)*b.Cols], b.Row(i))
			// Copies have similarity 1 but for rounding.
			if similarity < p.options.Threshold-1e-12 {
				continue
			}
			if len(p.pairs) == p.options.Most {
				return fmt.Errorf("vectors: pairs: %w: more than %d with a similarity of at least %g; use a higher threshold", ErrTooMany, p.options.Most, p.options.Threshold)
			}
			p.pairs = append(p.pairs, Pair{A: from + j, B: b.First + i, Similarity: similarity})
		}
	}
	return nil
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
