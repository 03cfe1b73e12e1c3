package vectors

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// Graph has the nearest neighbours of every row among the others.
type Graph struct {
	Rows, K int
	// Neighbors of row i are Neighbors[i*K : (i+1)*K], the most similar first, ties in row order.
	Neighbors []int32
	// Similarities are the cosines.
	Similarities []float64
}

// GraphOptions say how a graph is found.
type GraphOptions struct {
	// Workers is how many goroutines compute; 0 means one per CPU. The graph is the same.
	Workers int
	// Progress is told the share that is done, 0 to 1, in ascending order; by one goroutine at a time.
	Progress func(done float64)
}

// spare is how many more candidates than neighbours the first stage keeps: as many again, and some.
const spare = 4

// Graph finds the k rows most similar to each row, itself left out, by the cosine of the angle between them.
// With fewer other rows, k is their number. Rows of zeros have similarity 0 to all but each other, to which it is 1.
//
// Every row is compared with every other one, in whole numbers of 7 and 8 bits. Among the 2k+4 best, the k
// neighbours and their cosines are found in float64. So nearly all neighbours are the true ones; with fewer than some
// 32 columns, whole numbers tell fewer rows apart. The graph does not depend on instructions, workers or
// blocks. Rows that are equal are compared once. It takes 2 bytes of memory for each value of the table.
func (t *Table) Graph(ctx context.Context, k int, o GraphOptions) (*Graph, error) {
	return t.graph(ctx, fastest(), k, o)
}

func (t *Table) graph(ctx context.Context, s screen, k int, o GraphOptions) (*Graph, error) {
	if k < 1 {
		return nil, fmt.Errorf("vectors: graph: %d neighbours; at least 1 is needed", k)
	}
	if o.Workers < 1 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	k = min(k, max(0, t.rows-1))
	g := &Graph{Rows: t.rows, K: k, Neighbors: make([]int32, t.rows*k), Similarities: make([]float64, t.rows*k)}
	if k == 0 {
		return g, nil
	}
	t.findCopies()
	candidates, err := t.candidates(ctx, s, 2*k+spare, o)
	if err != nil {
		return nil, err
	}
	lengths := make([]float64, t.rows)
	err = eachRow(ctx, t.rows, o.Workers, func(i int) { lengths[i] = norm(t.Row(i)) })
	if err != nil {
		return nil, err
	}
	return g, eachRow(ctx, t.rows, o.Workers, func(i int) { t.choose(g, candidates, lengths, i) })
}

// choose finds the neighbours of a row among the candidates, in float64.
func (t *Table) choose(g *Graph, c *candidates, lengths []float64, i int) {
	own := t.unique[i]
	members := t.members(own)
	place, _ := slices.BinarySearch(members, int32(i))
	most := 2*g.K + spare
	near := make([]Neighbor, 0, 2*most)
	// Of many equal rows each has those that follow it, in a circle, so that no row is everyone's neighbour.
	for step := 1; step < len(members) && len(near) < most; step++ {
		near = append(near, Neighbor{Row: int(members[(place+step)%len(members)]), Similarity: 1})
	}
	if len(near) < most {
		for _, other := range c.of(int(own)) {
			members := t.members(other)
			similarity := cosineOf(t.Row(i), t.Row(int(members[0])), lengths[i], lengths[members[0]])
			for _, row := range members[:min(len(members), most)] {
				near = append(near, Neighbor{Row: int(row), Similarity: similarity})
			}
		}
	}
	slices.SortStableFunc(near, func(a, b Neighbor) int { return cmp.Compare(b.Similarity, a.Similarity) })
	for j, n := range near[:g.K] {
		g.Neighbors[i*g.K+j], g.Similarities[i*g.K+j] = int32(n.Row), n.Similarity
	}
}

// cosineOf sums products in a fixed order, none of them together with an addition, so that all processors
// find the same.
func cosineOf(a, b []float32, lengthA, lengthB float64) float64 {
	if lengthA == 0 || lengthB == 0 {
		return 0
	}
	var s0, s1, s2, s3 float64
	b = b[:len(a)]
	j := 0
	for ; j+4 <= len(a); j += 4 {
		s0 += float64(float64(a[j]) * float64(b[j]))
		s1 += float64(float64(a[j+1]) * float64(b[j+1]))
		s2 += float64(float64(a[j+2]) * float64(b[j+2]))
		s3 += float64(float64(a[j+3]) * float64(b[j+3]))
	}
	for ; j < len(a); j++ {
		s0 += float64(float64(a[j]) * float64(b[j]))
	}
	return min(1, max(-1, (s0+s1+(s2+s3))/lengthA/lengthB))
}

// eachRow calls do for the rows, in parts, until the context ends.
func eachRow(ctx context.Context, rows, workers int, do func(i int)) error {
	const part = 64
	return eachTask(ctx, (rows+part-1)/part, workers, func(_, p int) error {
		for i := p * part; i < min(rows, (p+1)*part); i++ {
			do(i)
		}
		return nil
	})
}

// eachTask calls do for the numbers up to n, in ascending order, from so many goroutines.
func eachTask(ctx context.Context, n, workers int, do func(worker, i int) error) error {
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for worker := range min(workers, n) {
		group.Go(func() error {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := context.Cause(ctx); err != nil {
					return err
				}
				if err := do(worker, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// largest is the largest absolute value of a row, not finite if one is not.
func largest(row []float32) float32 {
	var most float32
	for _, x := range row {
		if x != x {
			return x
		}
		most = max(most, float32(math.Abs(float64(x))))
	}
	return most
}
