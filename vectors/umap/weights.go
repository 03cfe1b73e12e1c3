package umap

import (
	"math"
	"slices"

	"fovea/vectors"
)

// As in umap-learn: how near the sums of weights come, and what part of the mean distance is the least scale.
const (
	sumTolerance = 1e-5
	leastScale   = 1e-3
)

// weights are those of the edges: row i has those to rows[starts[i]:starts[i+1]], in ascending order. Each edge is
// there in both directions.
type weights struct {
	starts  []int
	rows    []int32
	weights []float32
}

// newWeights makes the fuzzy union of what the rows' neighbours weigh.
func newWeights(g *vectors.Graph, workers int) *weights {
	distances := make([]float32, len(g.Similarities))
	total := 0.0
	for i, similarity := range g.Similarities {
		distances[i] = float32(max(0, 1-similarity))
		total += float64(distances[i])
	}
	mean := total / float64(max(1, g.Rows*(g.K+1))) // with the rows themselves, at distance 0
	each(g.Rows, workers, func(from, to int) {
		for i := from; i < to; i++ {
			d := distances[i*g.K:][:g.K]
			scale, nearest := smooth(d, mean)
			for j := range d {
				d[j] = weight(d[j], nearest, scale)
			}
		}
	})
	return union(g, distances)
}

// smooth finds the scale of a row, with which the weights of its neighbours at these distances, in ascending order
// and without itself, add up to the logarithm of their number to base 2; and the distance of the nearest one
// that is not the same.
func smooth(distances []float32, mean float64) (scale, nearest float32) {
	sum := 0.0
	for _, d := range distances {
		if sum += float64(d); nearest == 0 {
			nearest = d
		}
	}
	target := math.Log2(float64(len(distances) + 1))
	low, high, middle := 0.0, math.Inf(1), 1.0
	for range 64 {
		total := 0.0
		for _, d := range distances {
			if over := float64(d) - float64(nearest); over > 0 {
				total += falling(over / middle)
			} else {
				total++
			}
		}
		if math.Abs(total-target) < sumTolerance {
			break
		}
		if total > target {
			high, middle = middle, (low+middle)/2
		} else if low = middle; math.IsInf(high, 1) {
			middle *= 2
		} else {
			middle = (low + high) / 2
		}
	}
	least := leastScale * mean
	if nearest > 0 {
		least = leastScale * sum / float64(len(distances)+1)
	}
	return float32(max(middle, least)), nearest
}

// falling is e to the power of -x, for x >= 0.
func falling(x float64) float64 {
	if x > 700 {
		return 0
	}
	return exp(-x)
}

func weight(distance, nearest, scale float32) float32 {
	if distance <= nearest || scale == 0 {
		return 1
	}
	return float32(falling(float64(distance-nearest) / float64(scale)))
}

// link is one direction of an edge: the row at its other end, and its weight.
type link struct {
	row    int32
	weight float32
}

// reversed says whose neighbour each row is: row i that of from[starts[i]:starts[i+1]], in ascending order.
func reversed(g *vectors.Graph, directed []float32) (starts []int, from []link) {
	starts = make([]int, g.Rows+1)
	for _, row := range g.Neighbors {
		starts[row+1]++
	}
	for i := range g.Rows {
		starts[i+1] += starts[i]
	}
	from = make([]link, len(g.Neighbors))
	next := slices.Clone(starts)
	for i := range g.Rows {
		for j := i * g.K; j < (i+1)*g.K; j++ {
			row := g.Neighbors[j]
			from[next[row]] = link{int32(i), directed[j]}
			next[row]++
		}
	}
	return starts, from
}

// union joins the weights of both directions, a and b, to a + b - a b.
func union(g *vectors.Graph, directed []float32) *weights {
	starts, from := reversed(g, directed)
	w := &weights{starts: make([]int, 1, g.Rows+1), rows: make([]int32, 0, 2*len(g.Neighbors)), weights: make([]float32, 0, 2*len(g.Neighbors))}
	own := make([]link, g.K)
	for i := range g.Rows {
		for j := range own {
			own[j] = link{g.Neighbors[i*g.K+j], directed[i*g.K+j]}
		}
		slices.SortFunc(own, func(a, b link) int { return int(a.row) - int(b.row) })
		a, b := own, from[starts[i]:starts[i+1]]
		for len(a) > 0 || len(b) > 0 {
			switch {
			case len(b) == 0 || len(a) > 0 && a[0].row < b[0].row:
				w.add(a[0].row, a[0].weight)
				a = a[1:]
			case len(a) == 0 || b[0].row < a[0].row:
				w.add(b[0].row, b[0].weight)
				b = b[1:]
			default:
				w.add(a[0].row, a[0].weight+b[0].weight-float32(a[0].weight*b[0].weight))
				a, b = a[1:], b[1:]
			}
		}
		w.starts = append(w.starts, len(w.rows))
	}
	return w
}

func (w *weights) add(row int32, weight float32) {
	if weight > 0 {
		w.rows, w.weights = append(w.rows, row), append(w.weights, weight)
	}
}
