package head

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Duplicates are rows that stand for one picture.
type Duplicates struct {
	// Groups has a name per row, which rows share that are equal or alike, or are so by way
	// of others.
	Groups []string
	// Equal is the number of rows whose identity an earlier row has, Alike that of further
	// rows whose group an earlier row has.
	Equal, Alike int
	// Pairs are rows of unequal identity that are alike, in the order of the rows.
	Pairs []Pair
}

// Pair is two rows and the cosine of the angle between them.
type Pair struct {
	A, B   int
	Cosine float64
}

// duplicateBlock is the number of rows that are compared with others at a time.
const duplicateBlock = 64

// FindDuplicates groups rows of one identity, such as a checksum, and rows the cosine of the
// angle between which (the mean of the blocks' cosines) is at least threshold, above 0 and at
// most 1; with threshold 0 only the former. All pairs are compared: the time grows with the square of the rows.
func FindDuplicates(ctx context.Context, x Matrix, identities []string, threshold float64) (Duplicates, error) {
	if err := x.validate(); err != nil {
		return Duplicates{}, err
	}
	if len(identities) != x.Rows {
		return Duplicates{}, fmt.Errorf("head: %d identities for %d rows", len(identities), x.Rows)
	}
	if !(threshold >= 0 && threshold <= 1) {
		return Duplicates{}, fmt.Errorf("head: a cosine of %g: use one above 0 and at most 1, or 0 to look for equal rows only", threshold)
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
			parent[max(a, b)] = min(a, b) // the group is called after its first row
			d.Alike++
		}
	}
	for i := range parent {
		d.Groups = append(d.Groups, strconv.Itoa(root(i)))
	}
	return d, nil
}

// alike finds the pairs, ordered by their first rows.
func alike(ctx context.Context, x Matrix, identities []string, threshold float64) ([]Pair, error) {
	standard := Standardization{Unit: true, Blocks: x.Blocks, Mean: make([]float32, x.Cols), Scale: make([]float32, x.Cols)}
	for j := range standard.Scale {
		standard.Scale[j] = float32(1 / math.Sqrt(max(1, float64(len(x.Blocks)))))
	}
	units := standard.all(x)
	// Inner products of float32 are good to about this.
	threshold -= 1e-6
	// The first columns rule most pairs out: what the others add is at most the product of
	// their norms (Cauchy and Schwarz).
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

// promising says whether any pair of a block can reach the threshold, from the products of
// the first columns and the norms of the others.
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
