package head

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"fovea/recipe"
)

// NoveltyOptions say how TrainNovelty makes a model.
type NoveltyOptions struct {
	// Layers make up the columns, one after another.
	Layers []recipe.Layer
	// Groups has a name for each row: of rows of one group, such as copies of an image, one counts. Nil means that each row
	// is its own group.
	Groups []string
	// Rate is the share of known rows that are to be above the cutoff, above 0 and below 1.
	Rate float64
	// Seed determines which rows are kept.
	Seed uint64
}

// ErrCopies marks rows that are all copies of one, or of zeros, so that nothing is known of how they differ.
var ErrCopies = errors.New("head: all rows are copies of each other or all 0, so that it cannot be told how far apart known ones are")

// mostMeasured is the number of rows that the cutoff is found on: with more it would be no better known, within 0.3 % of
// the rows at a rate of 5 %.
const mostMeasured = 1 << 14

// TrainNovelty makes a model of what rows are known. It keeps rows of all classes alike, as many as there is room for, and
// measures each row's distance from the kept ones, leaving out itself and its copies. The cutoff is the distance that
// Rate of these exceed, as in split conformal prediction: of new rows of the same kind, at most Rate are above it
// on average. Rows of zeros, which are as far from each other as from any other, are neither kept nor measured (see
// Matrix.ZeroRows). The result does not depend on the number of CPUs.
func TrainNovelty(ctx context.Context, x Matrix, labels []string, o NoveltyOptions) (*Novelty, error) {
	if err := x.validate(); err != nil {
		return nil, err
	}
	size := 0
	for _, l := range o.Layers {
		size += l.Size()
	}
	switch {
	case !(o.Rate > 0 && o.Rate < 1):
		return nil, fmt.Errorf("head: a novelty rate of %g: use a share above 0 and below 1", o.Rate)
	case len(labels) != x.Rows || size != x.Cols || (o.Groups != nil && len(o.Groups) != x.Rows):
		return nil, fmt.Errorf("head: %d labels and %d groups of %d rows of %d values, layers of %d", len(labels), len(o.Groups), x.Rows, x.Cols, size)
	}
	d := describe(o.Layers)
	rows := slices.DeleteFunc(onePerGroup(x.Rows, o.Groups, o.Seed), func(r int) bool { return isZero(x.Row(r)) })
	kept := alternating(rows, labels, max(2, mostKnown/d.width))
	if len(kept) < 2 {
		return nil, ErrCopies
	}
	n := &Novelty{Neighbors: neighbors(kept, labels), Rate: o.Rate, Known: Matrix{Rows: len(kept), Cols: d.width}}
	table := d.all(x, kept)
	for i := range kept {
		n.Known.Data = append(n.Known.Data, table.row(i)[:d.width]...)
	}
	distances, err := n.measure(ctx, d, x, rows[:min(len(rows), mostMeasured)], kept)
	if err != nil {
		return nil, err
	}
	n.Measured, n.Cutoff = len(distances), quantile(distances, o.Rate)
	return n, nil
}

// neighbors is the number of those that count: fewer than usual where most classes have fewer rows, since the distance
// from rows of other classes would be taken for what is usual.
func neighbors(kept []int, labels []string) int {
	counts := map[string]int{}
	for _, r := range kept {
		counts[labels[r]]++
	}
	sizes := slices.Sorted(maps.Values(counts))
	return max(1, min(mostNeighbors, sizes[len(sizes)/2]-1))
}

// measure computes the distances of rows from the kept ones but themselves.
func (n *Novelty) measure(ctx context.Context, d description, x Matrix, rows, kept []int) ([]float64, error) {
	number := map[int]int{}
	for i, r := range kept {
		number[r] = i
	}
	var all []float64
	for part := range slices.Chunk(rows, describedRows) {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		except := make([]int, len(part))
		for i, r := range part {
			except[i] = -1
			if at, found := number[r]; found {
				except[i] = at
			}
		}
		all = append(all, n.distances(d.all(x, part), except)...)
	}
	return all, nil
}

// quantile is the distance that a new one, of the same kind as these, exceeds with a probability of at most rate. Where
// there are too few to tell, it is the largest.
func quantile(distances []float64, rate float64) float64 {
	slices.Sort(distances)
	rank := int(math.Ceil(float64(len(distances)+1) * (1 - rate)))
	return max(minCutoff, distances[min(max(rank, 1), len(distances))-1])
}

// onePerGroup draws a row of each group, in random order.
func onePerGroup(rows int, groups []string, seed uint64) []int {
	order := rand.New(rand.NewPCG(seed, 0x6e6f76656c)).Perm(rows)
	if groups == nil {
		return order
	}
	seen := make(map[string]bool, rows)
	return slices.DeleteFunc(order, func(r int) bool {
		before := seen[groups[r]]
		seen[groups[r]] = true
		return before
	})
}

// alternating chooses rows, the first of each class in turn, until there are enough.
func alternating(rows []int, labels []string, most int) []int {
	byClass := map[string][]int{}
	var classes []string
	for _, r := range rows {
		if byClass[labels[r]] == nil {
			classes = append(classes, labels[r])
		}
		byClass[labels[r]] = append(byClass[labels[r]], r)
	}
	slices.Sort(classes)
	var chosen []int
	for round := 0; len(chosen) < min(most, len(rows)); round++ {
		for _, c := range classes {
			if own := byClass[c]; round < len(own) && len(chosen) < most {
				chosen = append(chosen, own[round])
			}
		}
	}
	return chosen
}
