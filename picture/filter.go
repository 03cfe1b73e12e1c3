package picture

import (
	"fmt"
	"math"

	"fovea/picture/internal/kernel"
)

// Interpolation is a resampling filter, with Pillow's name.
type Interpolation string

// The filters. All but Nearest are antialiased: when an image shrinks, the filter's support grows
// with the factor.
const (
	Bilinear Interpolation = "bilinear"
	Bicubic  Interpolation = "bicubic"
	Lanczos  Interpolation = "lanczos"
	Nearest  Interpolation = "nearest"
)

// filter is a kernel and the distance beyond which it is zero.
type filter struct {
	weight  func(float64) float64
	support float64
}

var filters = map[Interpolation]filter{
	"":       {triangle, 1},
	Bilinear: {triangle, 1},
	Bicubic:  {cubic, 2},
	Lanczos:  {lanczos, 3},
	Nearest:  {},
}

// Validate reports whether the filter is known.
func (i Interpolation) Validate() error {
	if _, found := filters[i]; !found {
		return fmt.Errorf("image: unknown interpolation %q: use bilinear, bicubic, lanczos or nearest", i)
	}
	return nil
}

func triangle(x float64) float64 { return max(0, 1-math.Abs(x)) }

// cubic is Keys's kernel with a = -0.5.
func cubic(x float64) float64 {
	const a = -0.5
	x = math.Abs(x)
	switch {
	case x < 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return (((x-5)*x+8)*x - 4) * a
	}
	return 0
}

func lanczos(x float64) float64 {
	if x < -3 || x >= 3 {
		return 0
	}
	return sinc(x) * sinc(x/3)
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x *= math.Pi
	return math.Sin(x) / x
}

// axis is how the samples of one direction are made: output i is the sum of the source's
// samples from starts[i] on, times the weights from ends[i-1] to ends[i].
type axis struct {
	starts  []int32
	ends    []int32
	weights []int32
	scratch []float64
}

// window is the first source sample and the weights of output i.
func (a *axis) window(i int) (start int, weights []int32) {
	first := int32(0)
	if i > 0 {
		first = a.ends[i-1]
	}
	return int(a.starts[i]), a.weights[first:a.ends[i]]
}

// set computes the windows of outputs first to first+count when in samples are scaled to out. If
// nothing is scaled, and for Nearest, an output is one sample times 1.
// It reports whether there was time for that.
func (a *axis) set(f filter, in, out, first, count int, clock *clock) bool {
	size := f.windows(in, out, count)
	a.starts, a.ends = grown(a.starts, count)[:0], grown(a.ends, count)[:0]
	a.weights, a.scratch = grown(a.weights, size.all)[:0], grown(a.scratch, size.one)[:0]
	scale := float64(in) / float64(out)
	nearest := scale * 0.5
	if f.weight == nil {
		const between = 1 << 20
		for i := range first { // summed in Pillow's order, because rounding shows
			if i%between == between-1 && !clock.spend(between) {
				return false
			}
			nearest += scale
		}
	}
	for i := first; i < first+count; i++ {
		if !clock.spend(size.one) {
			return false
		}
		switch {
		case in == out:
			a.one(i)
		case f.weight == nil:
			a.one(min(in-1, int(nearest)))
		default:
			a.add(f, scale, in, i)
		}
		nearest += scale
		a.ends = append(a.ends, int32(len(a.weights)))
	}
	return true
}

func (a *axis) one(sample int) {
	a.starts = append(a.starts, int32(sample))
	a.weights = append(a.weights, 1<<kernel.WeightBits)
}

// add computes the window of output i with Pillow's roundings.
func (a *axis) add(f filter, scale float64, in, i int) {
	stretch := max(scale, 1)
	support := f.support * stretch
	centre := (float64(i) + 0.5) * scale
	start := max(0, int(centre-support+0.5))
	end := min(in, int(centre+support+0.5))
	a.scratch = a.scratch[:0]
	sum, inverse := 0.0, 1/stretch
	for j := start; j < end; j++ {
		weight := f.weight((float64(j) - centre + 0.5) * inverse)
		a.scratch = append(a.scratch, weight)
		sum += weight
	}
	for _, weight := range a.scratch {
		if sum != 0 {
			weight /= sum
		}
		a.weights = append(a.weights, int32(math.Copysign(0.5, weight)+weight*(1<<kernel.WeightBits)))
	}
	a.starts = append(a.starts, int32(start))
}
