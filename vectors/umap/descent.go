package umap

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
)

const (
	// blocks of rows meet in pairs, all at the same time, in rounds; an even number.
	blocks = 16
	rounds = blocks - 1
	// fewEdges are moved by one goroutine, because to wait for others at each meeting takes as long.
	fewEdges = rounds * blocks * 64
	// repulsions is how many rows repel one for each neighbour that attracts it.
	repulsions = 5
	// furthest is how far a row moves at most by one step, in each direction.
	furthest = 4
)

// edge joins two rows, which attract each other in that share of all epochs.
type edge struct {
	a, b int32
	rate float32
}

// schedule has the edges by when their rows may move: those of meeting m are edges[starts[m]:starts[m+1]].
// Meetings of one round, blocks each, have no row in common.
type schedule struct {
	edges  []edge
	starts [rounds*blocks + 1]int
}

// meeting is where the rows of two blocks meet, as in a tournament of everyone against everyone; those of one block,
// where it meets its partner of the first round.
func meeting(a, b int) int {
	a, b = min(a, b), max(a, b)
	if a == b {
		partner := (rounds - a) % rounds
		if a == 0 || a == rounds {
			partner = rounds - a
		}
		return min(a, partner)
	}
	round := (a + b) % rounds
	if b == rounds {
		round = 2 * a % rounds
	}
	return round*blocks + a
}

func newSchedule(w *weights) *schedule {
	var most float32
	for _, x := range w.weights {
		most = max(most, x)
	}
	s := &schedule{edges: make([]edge, len(w.rows)/2)}
	visit := func(do func(a, b int32, weight float32, meeting int)) {
		for i := range len(w.starts) - 1 {
			for e := w.starts[i]; e < w.starts[i+1]; e++ {
				if j := w.rows[e]; int(j) > i {
					do(int32(i), j, w.weights[e], meeting(i%blocks, int(j)%blocks))
				}
			}
		}
	}
	visit(func(_, _ int32, _ float32, m int) { s.starts[m+1]++ })
	for m := range rounds * blocks {
		s.starts[m+1] += s.starts[m]
	}
	next := s.starts
	visit(func(a, b int32, weight float32, m int) {
		s.edges[next[m]] = edge{a, b, weight / most}
		next[m]++
	})
	return s
}

// descend moves the points by attraction and repulsion.
func descend(ctx context.Context, points []float32, w *weights, o Options) error {
	d := &descent{points: points, before: make([]float32, len(points)), forces: newForces(o.MinDist), schedule: newSchedule(w), seed: mix(o.Seed)}
	workers := o.Workers
	if len(d.schedule.edges) < fewEdges {
		workers = 1
	}
	for epoch := range o.Epochs {
		d.epoch, d.step = epoch, 1-float32(epoch)/float32(o.Epochs)
		copy(d.before, points)
		for round := range rounds {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			parallel(blocks, workers, func(m int) { d.meet(round*blocks + m) })
		}
		o.Progress(startShare + (1-startShare)*float64(epoch+1)/float64(o.Epochs))
	}
	return nil
}

type descent struct {
	points, before []float32 // before this epoch
	schedule       *schedule
	forces         *forces
	seed           uint64
	epoch          int
	step           float32
}

// meet moves the rows of a meeting, to which nobody else has access meanwhile. Rows that repel them are where they
// were before the epoch.
func (d *descent) meet(m int) {
	random := mix(d.seed ^ uint64(d.epoch)<<16 ^ uint64(m))
	before, after := float32(d.epoch), float32(d.epoch+1)
	for _, e := range d.schedule.edges[d.schedule.starts[m]:d.schedule.starts[m+1]] {
		if int32(after*e.rate) == int32(before*e.rate) {
			continue
		}
		// Once for the edge from the first row, and once for that from the other.
		d.attract(int(e.a), int(e.b))
		random = d.repel(int(e.a), random)
		d.attract(int(e.b), int(e.a))
		random = d.repel(int(e.b), random)
	}
}

func (d *descent) attract(i, j int) {
	a, b := d.points[2*i:2*i+2], d.points[2*j:2*j+2]
	dx, dy := a[0]-b[0], a[1]-b[1]
	f := d.forces.attraction[bin(float32(dx*dx)+float32(dy*dy))]
	dx, dy = float32(d.step*clip(f*dx)), float32(d.step*clip(f*dy))
	a[0], a[1], b[0], b[1] = a[0]+dx, a[1]+dy, b[0]-dx, b[1]-dy
}

// repel moves row i away from some others, and returns the next random number.
func (d *descent) repel(i int, random uint64) uint64 {
	x, y := d.points[2*i], d.points[2*i+1]
	rows := uint64(len(d.before) / 2)
	for range repulsions {
		random = random*6364136223846793005 + 1442695040888963407
		j := int(random >> 32 * rows >> 32)
		if j == i {
			continue
		}
		dx, dy := x-d.before[2*j], y-d.before[2*j+1]
		f := d.forces.repulsion[bin(float32(dx*dx)+float32(dy*dy))]
		x += float32(d.step * clip(f*dx))
		y += float32(d.step * clip(f*dy))
	}
	d.points[2*i], d.points[2*i+1] = x, y
	return random
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
	const part = 1024
	parallel((n+part-1)/part, workers, func(p int) { do(p*part, min(n, (p+1)*part)) })
}

// parallel calls do for the numbers up to n, some at the same time.
func parallel(n, workers int, do func(i int)) {
	workers = min(workers, n)
	if workers <= 1 {
		for i := range n {
			do(i)
		}
		return
	}
	var next atomic.Int64
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
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
