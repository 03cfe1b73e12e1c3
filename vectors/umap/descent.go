package umap

import (
	"context"
	"math"
	"sync"
)

const (
	// groups of rows move in turn.
	groups = 8
	// repulsions is how many rows repel one for each neighbour that attracts it.
	repulsions = 5
	// furthest is how far a row moves at most by one step, in each direction.
	furthest = 4
)

// descend moves the points by attraction and repulsion.
func descend(ctx context.Context, points []float32, w *weights, o Options) error {
	rows := len(points) / 2
	if rows < 2 {
		return nil
	}
	d := &descent{points: points, moved: make([]float32, len(points)), forces: newForces(o.MinDist), w: w, seed: mix(o.Seed)}
	d.rates = rates(w)
	for epoch := range o.Epochs {
		d.epoch, d.step = epoch, 1-float32(epoch)/float32(o.Epochs)
		for group := range groups {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			members := (rows - group + groups - 1) / groups
			each(members, o.Workers, func(from, to int) {
				for m := from; m < to; m++ {
					d.move(m*groups + group)
				}
			})
			for i := group; i < rows; i += groups {
				points[2*i], points[2*i+1] = d.moved[2*i], d.moved[2*i+1]
			}
		}
		o.Progress(startShare + (1-startShare)*float64(epoch+1)/float64(o.Epochs))
	}
	return nil
}

// rates is in how many of all epochs each edge attracts: the heaviest in each.
func rates(w *weights) []float32 {
	var most float32
	for _, x := range w.weights {
		most = max(most, x)
	}
	r := make([]float32, len(w.weights))
	for i, x := range w.weights {
		r[i] = x / most
	}
	return r
}

type descent struct {
	points, moved []float32
	w             *weights
	rates         []float32
	forces        *forces
	seed          uint64
	epoch         int
	step          float32
}

// move computes where a row comes to in this epoch. All others rest.
func (d *descent) move(i int) {
	x, y := d.points[2*i], d.points[2*i+1]
	random := mix(d.seed ^ uint64(d.epoch)<<32 ^ uint64(i))
	rows := uint64(len(d.points) / 2)
	before, after := float32(d.epoch), float32(d.epoch+1)
	for e := d.w.starts[i]; e < d.w.starts[i+1]; e++ {
		rate := d.rates[e]
		if int32(after*rate) == int32(before*rate) {
			continue
		}
		j := int(d.w.rows[e])
		toX, toY := d.points[2*j], d.points[2*j+1]
		// Once for the edge to the other row, and once for that from it.
		for range 2 {
			dx, dy := x-toX, y-toY
			f := d.forces.attraction[bin(float32(dx*dx)+float32(dy*dy))]
			x += float32(d.step * clip(f*dx))
			y += float32(d.step * clip(f*dy))
		}
		for range repulsions {
			random = random*6364136223846793005 + 1442695040888963407
			j := int(random >> 32 * rows >> 32)
			dx, dy := x-d.points[2*j], y-d.points[2*j+1]
			if j == i {
				continue
			}
			f := d.forces.repulsion[bin(float32(dx*dx)+float32(dy*dy))]
			x += float32(d.step * clip(f*dx))
			y += float32(d.step * clip(f*dy))
		}
	}
	d.moved[2*i], d.moved[2*i+1] = x, y
}

func clip(x float32) float32 {
	if x > furthest {
		return furthest
	}
	if x < -furthest {
		return -furthest
	}
	return x
}

// mix makes an even random number of any number (SplitMix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// each calls do for parts of the numbers up to n at the same time.
func each(n, workers int, do func(from, to int)) {
	workers = max(1, min(workers, n/64))
	if workers == 1 {
		do(0, n)
		return
	}
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() { do(n*w/workers, n*(w+1)/workers) })
	}
	group.Wait()
}

// The squares of distances are in bins that are 1/128 of a power of two wide, from 2^-24 to 2^16.
const (
	firstBin = (127 - 24) << 7
	bins     = 40 << 7
)

func bin(square float32) uint32 {
	b := math.Float32bits(square)>>16 - firstBin
	if b >= bins {
		if square < 1 {
			return 0
		}
		return bins - 1
	}
	return b
}

// forces are the gradients for all bins, by which differences of coordinates are multiplied.
type forces struct {
	attraction, repulsion [bins]float32
}

func newForces(minDist float64) *forces {
	a, b := curve(minDist)
	f := &forces{}
	for i := range bins {
		square := float64(math.Float32frombits(uint32(i+firstBin)<<16 | 1<<15)) // the middle of the bin
		power := exp(b * log(square))
		f.attraction[i] = float32(-2 * a * b * power / square / (1 + float64(a*power)))
		f.repulsion[i] = float32(2 * b / ((0.001 + square) * (1 + float64(a*power))))
	}
	return f
}

// curve fits 1 / (1 + a x^2b) to what it stands for: 1 up to the least distance, and then e to the power of what x is
// beyond it, negative. The fit has the least squares at 300 places from 0 to 3 (Gauss, Newton, Levenberg, Marquardt).
func curve(minDist float64) (a, b float64) {
	const places = 300
	a, b = 1, 1
	errorOf := func(a, b float64) (sum, aa, ab, bb, ra, rb float64) {
		for i := range places {
			x := 3 * float64(i) / (places - 1)
			want := 1.0
			if x >= minDist {
				want = exp(minDist - x)
			}
			power, logarithm := 0.0, 0.0
			if x > 0 {
				logarithm = log(x)
				power = exp(2 * b * logarithm)
			}
			is := 1 / (1 + float64(a*power))
			byA, byB := -is*is*power, -2*is*is*a*power*logarithm
			rest := want - is
			sum += float64(rest * rest)
			aa, ab, bb = aa+float64(byA*byA), ab+float64(byA*byB), bb+float64(byB*byB)
			ra, rb = ra+float64(byA*rest), rb+float64(byB*rest)
		}
		return
	}
	sum, aa, ab, bb, ra, rb := errorOf(a, b)
	for damping := 1e-3; damping < 1e12; {
		da, db := aa*(1+damping), bb*(1+damping)
		determinant := float64(da*db) - float64(ab*ab)
		toA, toB := a+(float64(ra*db)-float64(rb*ab))/determinant, b+(float64(rb*da)-float64(ra*ab))/determinant
		s, aa2, ab2, bb2, ra2, rb2 := errorOf(toA, toB)
		if !(s < sum) || toA <= 0 || toB <= 0 {
			damping *= 10
			continue
		}
		a, b, sum, aa, ab, bb, ra, rb = toA, toB, s, aa2, ab2, bb2, ra2, rb2
		damping /= 10
	}
	return a, b
}
