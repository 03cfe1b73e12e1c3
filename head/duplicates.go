package head

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"
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
	Pairs []Pair
}

// Pair is two row numbers and the cosine of the angle between the rows.
type Pair struct {
	A, B   int
	Cosine float64
}

// duplicateBlock is the number of rows that are compared with others at a time.
const duplicateBlock = 64

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
	var d Duplicates
	parent := make([]int, x.Rows)
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
	if threshold > 0 {
		var err error
		if d.Pairs, err = alike(ctx, x, identities, threshold); err != nil {
			return Duplicates{}, err
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
	return d, nil
}

// alike finds the pairs, in the order of their first rows.
func alike(ctx context.Context, x Matrix, identities []string, threshold float64) ([]Pair, error) {
	standard := Standardization{Unit: true, Blocks: x.Blocks, Mean: make([]float32, x.Cols), Scale: make([]float32, x.Cols)}
	for j := range standard.Scale {
		standard.Scale[j] = float32(1 / math.Sqrt(max(1, float64(len(x.Blocks)))))
	}
	units, err := standard.all(x)
	if err != nil {
		return nil, err
	}
	defer x.free(units.data)
	// Inner products in float32 are this accurate.
	threshold -= 1e-6
	// The first columns rule out most pairs: the others add at most the product of their norms
	// (Cauchy-Schwarz).
	begin := units.columns(0, max(1, x.Cols/4/lane*lane))
	rest := make([]float64, x.Rows)
	for i := range rest {
		for _, v := range units.row(i)[begin.cols:] {
			rest[i] += float64(v) * float64(v)
		}
		rest[i] = math.Sqrt(rest[i])
	}
	found := make([][]Pair, x.Rows)
	var mutex sync.Mutex // guards found
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(allCPUs())
	for start := 0; start < x.Rows; start += duplicateBlock {
		group.Go(func() error {
			rows := make([]int, min(duplicateBlock, x.Rows-start))
			for i := range rows {
				rows[i] = start + i
			}
			out := make([]float32, len(rows)*duplicateBlock)
			for other := start; other < x.Rows; other += duplicateBlock {
				if err := ctx.Err(); err != nil {
					return err
				}
				size := min(duplicateBlock, padded(x.Rows, quad)-other)
				begin.scores(rows, begin.from(other, size), out)
				if !promising(out, rows, rest, other, size, threshold) {
					continue
				}
				units.scores(rows, units.from(other, size), out)
				for i, a := range rows {
					for b := max(other, a+1); b < min(other+duplicateBlock, x.Rows); b++ {
						cosine := float64(out[i*size+b-other])
						if cosine < threshold || identities[a] == identities[b] {
							continue
						}
						mutex.Lock()
						found[a] = append(found[a], Pair{a, b, math.Min(cosine, 1)})
						mutex.Unlock()
					}
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var pairs []Pair
	for _, p := range found {
		pairs = append(pairs, p...)
	}
	return pairs, nil
}

// promising says whether any pair of a block can reach the threshold, given the products of the first
// columns and the norms of the others.
func promising(products []float32, rows []int, rest []float64, other, size int, threshold float64) bool {
	for i, a := range rows {
		for b := max(other, a+1); b < min(other+size, len(rest)); b++ {
			if float64(products[i*size+b-other])+rest[a]*rest[b] >= threshold {
				return true
			}
		}
	}
	return false
}
