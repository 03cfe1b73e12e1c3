package head

import (
	"context"
	"fmt"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"
)

// Neighbours are the rows nearest to each row.
type Neighbours struct {
	// K is the number of neighbours of a row.
	K int
	// Rows has K numbers of rows for each row, the nearest first; -1 where there are no more rows of
	// other groups. Similarities are their cosines.
	Rows         []int32
	Similarities []float32
}

// Of is the neighbours of row i and their cosines.
func (n *Neighbours) Of(i int) ([]int32, []float32) {
	rows := n.Rows[i*n.K : (i+1)*n.K]
	for j, r := range rows {
		if r < 0 {
			rows = rows[:j]
			break
		}
	}
	return rows, n.Similarities[i*n.K:][:len(rows)]
}

// FindNeighbours finds the k nearest rows of each row, of other groups if there are any (nil: each row
// is its own). Nearness is the cosine of the angle between standardized rows, of which, where rows are
// wide and many, the 64 directions count in which they vary most: that is what tells images apart, and
// takes a fraction of the time.
func FindNeighbours(ctx context.Context, x Matrix, k int, groups []string) (*Neighbours, error) {
	if err := x.validate(); err != nil {
		return nil, err
	}
	if k < 1 {
		return nil, fmt.Errorf("head: %d neighbours: it takes one at least", k)
	}
	s, err := standardize(x, ScaleCommon)
	if err != nil {
		return nil, err
	}
	t := &trainer{x: x}
	if t.coordinates, err = s.all(x); err != nil {
		return nil, err
	}
	defer x.free(t.coordinates.data)
	if t.directions, err = findDirections(ctx, t.coordinates); err != nil {
		return nil, err
	}
	if groups == nil {
		groups = ownGroups(x.Rows)
	}
	return t.neighbours(ctx, k, groups, false)
}

// Similarity is the mean cosine of each row's k nearest rows of other groups, which is low for rows unlike all others.
// Cosines are of the square roots of the values, where many small ones count more than a few large ones (of pictures of
// noise or of graphics among photos, it is 4 to 10 times the usual spread below the median; that of standardized rows is
// not below it). Where rows are wide and many, it is of their parts along the 64 directions of most of their
// lengths, divided by all of their lengths: what is not along these makes rows unlike.
func Similarity(ctx context.Context, x Matrix, k int, groups []string) ([]float64, error) {
	if err := x.validate(); err != nil {
		return nil, err
	}
	if k < 1 {
		return nil, fmt.Errorf("head: %d neighbours: it takes one at least", k)
	}
	s := Standardization{Unit: true, Blocks: x.Blocks, Mean: make([]float32, x.Cols)}
	stride := padded(x.Cols, lane)
	data, err := x.floats(padded(x.Rows, quad) * stride)
	if err != nil {
		return nil, err
	}
	defer x.free(data)
	t := &trainer{x: x, coordinates: dense{x.Rows, x.Cols, stride, data}}
	inParallel(x.Rows, func(i int) {
		row := t.coordinates.row(i)[:x.Cols]
		roots(row, x.Row(i))
		s.unit(row, row)
	})
	if t.directions, err = findDirections(ctx, t.coordinates); err != nil {
		return nil, err
	}
	if groups == nil {
		groups = ownGroups(x.Rows)
	}
	n, err := t.neighbours(ctx, k, groups, true)
	if err != nil {
		return nil, err
	}
	mean := make([]float64, x.Rows)
	for i := range mean {
		_, similarities := n.Of(i)
		for _, v := range similarities {
			mean[i] += float64(v) / float64(len(similarities)*max(1, len(x.Blocks)))
		}
	}
	return mean, nil
}

// neighbours are those of the coordinates, along the directions if there are any; unit says that the lengths of
// the coordinates are 1, which counts instead of the lengths along the directions.
func (t *trainer) neighbours(ctx context.Context, k int, groups []string, unit bool) (*Neighbours, error) {
	space := t.space()
	lengths := slices.Repeat([]float32{1}, space.rows)
	for i := range lengths {
		if length := math.Sqrt(dot(space.row(i), space.row(i))); length > 0 && !unit {
			lengths[i] = float32(1 / length)
		}
	}
	group, index := make([]int32, len(groups)), map[string]int32{}
	for i, g := range groups {
		if _, found := index[g]; !found {
			index[g] = int32(len(index))
		}
		group[i] = index[g]
	}
	n := &Neighbours{K: k, Rows: make([]int32, k*space.rows), Similarities: make([]float32, k*space.rows)}
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(allCPUs())
	for first := 0; first < space.rows; first += gramBlock {
		work.Go(func() error {
			rows := make([]int, min(gramBlock, space.rows-first))
			for i := range rows {
				rows[i] = first + i
			}
			return n.search(ctx, space, rows, lengths, group)
		})
	}
	return n, work.Wait()
}

// space is a table of the rows along the directions, or of the coordinates, with room for a multiple of quad
// rows.
func (t *trainer) space() (space dense) {
	x, d := t.coordinates, t.directions
	switch {
	case d != nil && d.vectors.rows > 0:
		space = newDense(padded(x.rows, quad), d.vectors.rows)
		space.rows = x.rows
		var group errgroup.Group
		group.SetLimit(allCPUs())
		for first := 0; first < x.rows; first += blockRows {
			group.Go(func() error {
				rows := make([]int, min(blockRows, x.rows-first))
				for i := range rows {
					rows[i] = first + i
				}
				out := make([]float32, len(rows)*d.vectors.rows)
				x.scores(rows, d.vectors, out)
				for i, r := range rows {
					copy(space.row(r), out[i*d.vectors.rows:(i+1)*d.vectors.rows])
				}
				return nil
			})
		}
		_ = group.Wait() // computing cannot fail
	case len(x.data) >= padded(x.rows, quad)*x.stride:
		return x
	default:
		space = newDense(padded(x.rows, quad), x.cols)
		space.rows = x.rows
		copy(space.data, x.data)
	}
	return space
}

// search finds the neighbours of some rows.
func (n *Neighbours) search(ctx context.Context, x dense, rows []int, lengths []float32, group []int32) error {
	found := make([]int, len(rows))
	out := make([]float32, len(rows)*gramBlock)
	for first := 0; first < x.rows; first += gramBlock {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		w := x.from(first, min(gramBlock, padded(x.rows, quad)-first))
		x.scores(rows, w, out)
		for i, r := range rows {
			own, similarities := n.Rows[r*n.K:(r+1)*n.K], n.Similarities[r*n.K:(r+1)*n.K]
			for j, s := range out[i*w.rows : i*w.rows+min(gramBlock, x.rows-first)] {
				s *= lengths[r] * lengths[first+j]
				at := found[i]
				if at == n.K && s <= similarities[n.K-1] || group[first+j] == group[r] {
					continue
				}
				if at == n.K {
					at--
				} else {
					found[i]++
				}
				for ; at > 0 && similarities[at-1] < s; at-- {
					own[at], similarities[at] = own[at-1], similarities[at-1]
				}
				own[at], similarities[at] = int32(first+j), s
			}
		}
	}
	for i, r := range rows {
		for at := found[i]; at < n.K; at++ {
			n.Rows[r*n.K+at] = -1
		}
	}
	return nil
}

// evenVotes is the number of votes that are added for all classes together, by their numbers of rows: no class is ruled
// out by a few neighbours.
const evenVotes = 2

// votes are the shares of the classes among each row's neighbours.
func (n *Neighbours) votes(y []int, classes int) [][]float64 {
	prior := make([]float64, classes)
	for _, c := range y {
		prior[c] += evenVotes / float64(len(y))
	}
	all := make([][]float64, len(y))
	for i := range all {
		rows, _ := n.Of(i)
		all[i] = make([]float64, classes)
		for c := range all[i] {
			all[i][c] = prior[c] / float64(len(rows)+evenVotes)
		}
		for _, r := range rows {
			all[i][y[r]] += 1 / float64(len(rows)+evenVotes)
		}
	}
	return all
}
