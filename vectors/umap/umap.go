package umap

import (
	"context"
	"fmt"
	"math"
	"runtime"

	"fovea/vectors"
)

// Options of a map. The zero value gives the defaults of umap-learn.
type Options struct {
	// Neighbors is how many neighbours of a row count, itself among them: few show fine structure, many the
	// whole. At least 2; 0 means 15. With fewer rows, all count.
	Neighbors int
	// MinDist is how close together points may lie, 0 to 1, in units of which the map is some ten wide. 0 means 0.1;
	// a negative number is 0.
	MinDist float64
	// Epochs is how often all rows move; 0 means 500, or 200 for more than 10,000 rows.
	Epochs int
	// Seed decides what is random. The same seed gives the same map.
	Seed uint64
	// Workers is how many goroutines compute; 0 means one per CPU. The map is the same.
	Workers int
	// MaxMemory is the number of bytes of rows that are held in memory; more lie in a temporary file, and
	// take longer. 0 means no limit. Besides, half as many bytes and some 700 per row are needed.
	MaxMemory int64
	// Progress is told the share that is done, 0 to 1, never less than before; by one goroutine at a time.
	Progress func(done float64)
}

// Shares of the time that the stages take, for progress.
const neighborsShare, startShare = 0.7, 0.72

func (o *Options) complete() error {
	if o.Neighbors == 0 {
		o.Neighbors = 15
	}
	if o.MinDist == 0 {
		o.MinDist = 0.1
	}
	if o.MinDist < 0 {
		o.MinDist = 0
	}
	if o.Neighbors < 2 || o.Epochs < 0 || !(o.MinDist <= 1) || o.Workers < 0 {
		return fmt.Errorf("umap: %d neighbours, a least distance of %g, %d epochs and %d workers: there must be 2 neighbours or more, and the others 0 or more, the distance at most 1", o.Neighbors, o.MinDist, o.Epochs, o.Workers)
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Progress == nil {
		o.Progress = func(float64) {}
	}
	return nil
}

// Layout returns the places of all rows of the source in the plane: x and y of the first row, then those of the second,
// and so on; about 0 to 10, and some way beyond. Rows of zeros are like each other and like nothing else; one with a
// value that is not finite is a vectors.NotFiniteError. A context that ends stops it within a fraction of a second.
//
// The source is read once, and all rows are held (see Options.MaxMemory).
func Layout(ctx context.Context, source vectors.Source, o Options) ([]float32, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	table, err := vectors.ReadTable(ctx, source, o.MaxMemory)
	if err != nil {
		return nil, fmt.Errorf("umap: %w", err)
	}
	defer table.Free()
	near, err := table.Graph(ctx, o.Neighbors-1, vectors.GraphOptions{Workers: o.Workers, Progress: func(done float64) { o.Progress(neighborsShare * done) }})
	if err != nil {
		return nil, fmt.Errorf("umap: %w", err)
	}
	w := newWeights(near, o.Workers)
	points, err := start(ctx, table, o)
	if err != nil {
		return nil, fmt.Errorf("umap: %w", err)
	}
	o.Progress(startShare)
	if o.Epochs == 0 {
		o.Epochs = 500
		if near.Rows > 10000 {
			o.Epochs = 200
		}
	}
	if err := descend(ctx, points, w, o); err != nil {
		return nil, fmt.Errorf("umap: %w", err)
	}
	o.Progress(1)
	return points, nil
}

// exp is e to the power of x, of x from -700 to 700, the same on all processors: that of package math is not.
func exp(x float64) float64 {
	n := math.Round(x * math.Log2E)
	r := x - float64(n*0.693147180369123816490)
	r -= float64(n * 1.90821492927058770002e-10)
	sum, term := 1.0, 1.0
	for i := 1.0; i < 14; i++ {
		term = float64(term*r) / i
		sum += term
	}
	return math.Ldexp(sum, int(n))
}

// log is the natural logarithm of a positive number, the same on all processors.
func log(x float64) float64 {
	fraction, exponent := math.Frexp(x)
	if fraction < math.Sqrt2/2 {
		fraction, exponent = 2*fraction, exponent-1
	}
	s := (fraction - 1) / (fraction + 1)
	sum, power, square := 0.0, s, float64(s*s)
	for i := 1.0; i < 24; i += 2 {
		sum += power / i
		power = float64(power * square)
	}
	return float64(2*sum) + float64(float64(exponent)*math.Ln2)
}
