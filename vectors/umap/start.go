package umap

import (
	"context"
	"math"

	"fovea/vectors"
)

const (
	// Principal components are found among some of the rows, with at most so many values.
	sampleRows, sampleValues = 4096, 16 << 20
	// startWidth is how wide the map is at first, startNoise how far rows are from their places.
	startWidth, startNoise = 10, 1e-3
	directions, iterations = 4, 16
)

// start places the rows by their first two principal components, scaled to the length 1 each before: 0 to startWidth
// in both directions. Some noise parts rows that are equal.
func start(ctx context.Context, t *vectors.Table, o Options) ([]float32, error) {
	points := make([]float32, 2*t.Rows())
	if t.Rows() == 0 {
		return points, nil
	}
	mean, axes, err := components(ctx, t, o.Workers)
	if err != nil {
		return nil, err
	}
	each(t.Rows(), o.Workers, func(from, to int) {
		unit := make([]float64, len(mean))
		for i := from; i < to && ctx.Err() == nil; i++ {
			center(unit, t.Row(i), mean)
			points[2*i], points[2*i+1] = float32(dot(unit, axes[0])), float32(dot(unit, axes[1]))
		}
	})
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	spread(points, o.Seed)
	return points, nil
}

// spread scales both coordinates to 0 to startWidth, and adds noise.
func spread(points []float32, seed uint64) {
	seed = mix(seed ^ 0x5bd1e995)
	for axis := range 2 {
		low, high := points[axis], points[axis]
		for i := axis; i < len(points); i += 2 {
			low, high = min(low, points[i]), max(high, points[i])
		}
		for i := axis; i < len(points); i += 2 {
			random := float32(mix(seed^uint64(i))>>40) / (1 << 24)
			// With nothing to see in this direction, chance places the rows.
			place, noise := float32(0), float32(random*startWidth)
			if high-low > 1e-6 {
				place, noise = float32((points[i]-low)/(high-low)*startWidth), float32((random-0.5)*(2*startNoise))
			}
			points[i] = place + noise
		}
	}
}

// center writes a row, scaled to length 1, less the mean.
func center(to []float64, row []float32, mean []float64) {
	squares := 0.0
	for _, x := range row {
		squares += float64(float64(x) * float64(x))
	}
	inverse := 0.0
	if squares > 0 {
		inverse = 1 / math.Sqrt(squares)
	}
	for j, x := range row {
		to[j] = float64(float64(x)*inverse) - mean[j]
	}
}

func dot(a, b []float64) float64 {
	var s0, s1, s2, s3 float64
	b = b[:len(a)]
	j := 0
	for ; j+4 <= len(a); j += 4 {
		s0 += float64(a[j] * b[j])
		s1 += float64(a[j+1] * b[j+1])
		s2 += float64(a[j+2] * b[j+2])
		s3 += float64(a[j+3] * b[j+3])
	}
	for ; j < len(a); j++ {
		s0 += float64(a[j] * b[j])
	}
	return s0 + s1 + (s2 + s3)
}

// centredSample are evenly spaced rows, of unit length before their mean is taken off.
func centredSample(t *vectors.Table) (mean []float64, sample [][]float64) {
	cols := t.Cols()
	count := min(t.Rows(), sampleRows, max(2, sampleValues/cols))
	sample = make([][]float64, count)
	mean = make([]float64, cols)
	for i := range sample {
		sample[i] = make([]float64, cols)
		center(sample[i], t.Row(i*t.Rows()/count), mean)
	}
	for _, row := range sample {
		add(mean, row, 1/float64(count))
	}
	for _, row := range sample {
		add(row, mean, -1)
	}
	return mean, sample
}

// components finds two directions of most variance among evenly spaced rows, by iterations of a subspace: good
// enough to begin with.
func components(ctx context.Context, t *vectors.Table, workers int) (mean []float64, axes [][]float64, err error) {
	cols := t.Cols()
	mean, sample := centredSample(t)
	axes = make([][]float64, min(directions, cols))
	for a := range axes {
		axes[a] = make([]float64, cols)
		for j := range cols {
			axes[a][j] = float64(mix(uint64(a*cols+j))>>11)/(1<<53) - 0.5
		}
	}
	orthonormalize(axes)
	for range iterations {
		if err := context.Cause(ctx); err != nil {
			return nil, nil, err
		}
		// Each direction has a goroutine, so that sums do not depend on how many there are.
		next := make([][]float64, len(axes))
		parallel(len(axes), workers, func(a int) {
			next[a] = make([]float64, cols)
			for _, row := range sample {
				add(next[a], row, dot(row, axes[a]))
			}
		})
		axes = next
		orthonormalize(axes)
	}
	for len(axes) < 2 { // rows of one value
		axes = append(axes, make([]float64, cols))
	}
	return mean, axes, nil
}

func add(to, v []float64, times float64) {
	for j, x := range v {
		to[j] += float64(x * times)
	}
}

// orthonormalize makes directions of length 1 at right angles, or of zeros if they depend on others.
func orthonormalize(axes [][]float64) {
	for a, axis := range axes {
		length := math.Sqrt(dot(axis, axis))
		for range 2 {
			for _, other := range axes[:a] {
				add(axis, other, -dot(axis, other))
			}
		}
		left := math.Sqrt(dot(axis, axis))
		inverse := 0.0
		if left > 1e-10*length {
			inverse = 1 / left
		}
		for j := range axis {
			axis[j] = float64(axis[j] * inverse)
		}
	}
}
