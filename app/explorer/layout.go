package explorer

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"fovea/internal/budget"
	"fovea/vectors"
	"fovea/vectors/umap"
)

// layouts place rows in the plane.
var layouts = map[string]func(ctx context.Context, t *table, floats []float32, seed uint64, progress func(float64)) ([]float32, error){
	mapPCA: principal, mapUMAP: neighbourly,
}

const (
	// exactValues is the number of values up to which all rows decide the principal components, as in dataset project.
	exactValues = 8 << 20
	// sampledValues are about those of the rows that decide them where there are more.
	sampledValues = 5 << 20
	// leastSampled bounds the number of such rows from below.
	leastSampled = 1000
)

// principal are the places along the two principal components, as dataset project draws them; of many rows, along those of
// a sample, which takes seconds where all would take minutes.
func principal(ctx context.Context, t *table, floats []float32, seed uint64, _ func(float64)) ([]float32, error) {
	cols := t.layer.Size()
	if cols == 1 || equalRows(floats, cols) { // there are no two directions
		points := make([]float32, 2*t.rows())
		for i := range t.rows() {
			points[2*i] = floats[i*cols]
		}
		return points, nil
	}
	source := t.source(floats)
	if len(floats) > exactValues {
		source = t.source(sample(floats, cols, max(leastSampled, sampledValues/cols), seed))
	}
	p, err := vectors.PrincipalComponents(ctx, source, 2)
	if err != nil {
		return nil, err
	}
	return project(ctx, t.source(floats), p, t.rows())
}

// equalRows says whether all rows are equal, as one is.
func equalRows(floats []float32, cols int) bool {
	for at := cols; at < len(floats); at += cols {
		if !slices.Equal(floats[at:at+cols], floats[:cols]) {
			return false
		}
	}
	return true
}

// sample copies n rows, one of each n-th part at random.
func sample(floats []float32, cols, n int, seed uint64) []float32 {
	rows := len(floats) / cols
	if n >= rows {
		return floats
	}
	random := rand.New(rand.NewPCG(seed, 1))
	out := make([]float32, 0, n*cols)
	for i := range n {
		from, to := i*rows/n, (i+1)*rows/n
		row := from + random.IntN(to-from)
		out = append(out, floats[row*cols:][:cols]...)
	}
	return out
}

// project are the rows' coordinates along two components.
func project(ctx context.Context, source vectors.Source, p *vectors.Projection, rows int) ([]float32, error) {
	points := make([]float32, 0, 2*rows)
	x, y := mat.Col(nil, 0, p.Components), mat.Col(nil, 1, p.Components)
	err := source(ctx, func(b vectors.Block) error {
		for i := range b.Rows {
			var atX, atY float64
			for j, v := range b.Row(i) {
				v := float64(v) - p.Mean[j]
				atX += v * x[j]
				atY += v * y[j]
			}
			points = append(points, float32(atX), float32(atY))
		}
		return nil
	})
	return points, err
}

// neighbourly are places at which neighbours lie together (UMAP).
func neighbourly(ctx context.Context, t *table, floats []float32, seed uint64, progress func(float64)) ([]float32, error) {
	if t.rows() < leastNeighbourly {
		return nil, errNoMap
	}
	return umap.Layout(ctx, t.source(floats), umap.Options{Seed: seed, Progress: progress, MaxMemory: budget.Total() / 4})
}

// leastNeighbourly is the number of rows from which on neighbours say more than two directions.
const leastNeighbourly = 4

// scaled moves and scales points to the square from -1 to 1, without changing the aspect.
func scaled(points []float32) []float32 {
	low, high := [2]float32{}, [2]float32{}
	for axis := range 2 {
		low[axis], high[axis] = float32(math.Inf(1)), float32(math.Inf(-1))
		for i := axis; i < len(points); i += 2 {
			low[axis], high[axis] = min(low[axis], points[i]), max(high[axis], points[i])
		}
	}
	size := max(high[0]-low[0], high[1]-low[1])
	if !(size > 0) {
		size = 1
	}
	out := make([]float32, len(points))
	for i, v := range points {
		axis := i % 2
		out[i] = 2 * (v - (low[axis]+high[axis])/2) / size
	}
	return out
}
