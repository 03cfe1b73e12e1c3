package vgg

import (
	"fmt"
	"math"
	"slices"

	"fovea/preprocessing"
	"fovea/vgg/weights"
)

// Kinship compares the first convolution of a network with that of another one whose preprocessing
// is known. Networks that descend from one set of published weights compute the same responses to
// the same image; they differ in the order of the channels and in their scale and means, which
// publishers fold into the kernels and biases. Solving
//
//	kernel(c) = reference(c) * std(c)      bias = reference bias + sum of gain(c) * (mean(c) - reference mean(c))
//
// for std and mean yields what the network expects of its input, from the weights alone.
type Kinship struct {
	// Spec is the measured preprocessing: a preset where one is within the error.
	Spec preprocessing.Spec
	// Correlation is that of the kernels, 0 to 1, with the channels in the order of Spec;
	// Other is that in the opposite order.
	Correlation, Other float64
}

const (
	firstKernel = "block1_conv1/kernel"
	firstBias   = "block1_conv1/bias"
	// firstFilters is the number of filters of the first convolution in all configurations.
	firstFilters = 64
	firstTaps    = 9
)

// Bounds on the correlation of first kernels. By chance it is 0.024 for 1,728 values; with the
// channels in the wrong order it is still 0.85.
const (
	leastCorrelation = 0.5
	// leastMargin is how much more of the kernels' variance the right order has to explain.
	leastMargin = 0.05
	// exactCorrelation is that of identical weights, stored in float16 or better. Only then are
	// means solved for: training moves biases by more than the small differences in them.
	exactCorrelation = 0.999
)

// Relate compares a set of weights, in our names and order, with a reference such as the embedded
// base, whose preprocessing is caffe. It returns false where they are unrelated or the order of the
// channels cannot be determined.
func Relate(set, reference weights.Set) (Kinship, bool, error) {
	own, err := firstConvolution(set)
	if err != nil {
		return Kinship{}, false, err
	}
	base, err := firstConvolution(reference)
	if err != nil {
		return Kinship{}, false, err
	}
	asIs, flipped := fit(own, base, [3]int{0, 1, 2}), fit(own, base, [3]int{2, 1, 0})
	best, other, channels := asIs, flipped, preprocessing.BGR
	if flipped.explained > asIs.explained {
		best, other, channels = flipped, asIs, preprocessing.RGB
	}
	k := Kinship{Correlation: math.Sqrt(best.explained), Other: math.Sqrt(other.explained)}
	if k.Correlation < leastCorrelation || best.explained-other.explained < leastMargin || slices.Min(best.std[:]) <= 0 {
		return k, false, nil
	}
	mean := best.order(caffeMeans())
	if k.Correlation >= exactCorrelation {
		shift := solveMeans(own, base, best)
		for c := range mean {
			mean[c] += shift[c]
		}
	}
	k.Spec = nearest(preprocessing.New(channels, 1, mean, best.std))
	return k, true, nil
}

func caffeMeans() [3]float64 {
	m := preprocessing.Caffe.Mean
	return [3]float64{m[0], m[1], m[2]}
}

// first is the first convolution of a network: kernel[tap][channel][filter].
type first struct {
	kernel, bias []float32
}

func firstConvolution(set weights.Set) (first, error) {
	var f first
	for name, to := range map[string]*[]float32{firstKernel: &f.kernel, firstBias: &f.bias} {
		values, err := set.Tensors[name].Float32()
		if err != nil {
			return f, fmt.Errorf("vgg: tensor %s: %w", name, err)
		}
		*to = values
	}
	if len(f.kernel) != firstTaps*3*firstFilters || len(f.bias) != firstFilters {
		return f, fmt.Errorf("vgg: the first convolution has %d and %d values, not %d and %d", len(f.kernel), len(f.bias), firstTaps*3*firstFilters, firstFilters)
	}
	return f, nil
}

// pairwise calls f with the values of two kernels at the same tap and filter, channel c of one
// and from of the other.
func pairwise(a, b first, c, from int, f func(x, y float64, filter int)) {
	for tap := range firstTaps {
		for filter := range firstFilters {
			f(float64(a.kernel[(tap*3+c)*firstFilters+filter]), float64(b.kernel[(tap*3+from)*firstFilters+filter]), filter)
		}
	}
}

// fitted is the least-squares fit of a kernel by another's, each channel scaled.
type fitted struct {
	from      [3]int // the reference's channel for each of the set's
	std       [3]float64
	explained float64 // share of the variance, 0 to 1
}

func (f fitted) order(v [3]float64) [3]float64 {
	return [3]float64{v[f.from[0]], v[f.from[1]], v[f.from[2]]}
}

func fit(own, base first, from [3]int) fitted {
	result := fitted{from: from}
	var total, left float64
	for c := range 3 {
		var xy, yy, xx float64
		pairwise(own, base, c, from[c], func(x, y float64, _ int) { xy, yy, xx = xy+x*y, yy+y*y, xx+x*x })
		if yy > 0 {
			result.std[c] = xy / yy
		}
		total, left = total+xx, left+xx-result.std[c]*xy
	}
	if total > 0 {
		result.explained = max(0, 1-left/total)
	}
	return result
}

// solveMeans finds, by least squares over the filters, how far the means are from the reference's,
// which shows in the biases.
func solveMeans(own, base first, f fitted) [3]float64 {
	var gains [3][firstFilters]float64
	for c := range 3 {
		pairwise(own, base, c, f.from[c], func(_, y float64, filter int) { gains[c][filter] += y })
	}
	var a [3][4]float64 // normal equations
	for i := range 3 {
		for filter := range firstFilters {
			for j := range 3 {
				a[i][j] += gains[i][filter] * gains[j][filter]
			}
			a[i][3] += gains[i][filter] * float64(own.bias[filter]-base.bias[filter])
		}
	}
	return solve(a)
}

// solve is Gaussian elimination with pivoting; it returns zeros where the equations are singular.
func solve(a [3][4]float64) [3]float64 {
	for i := range 3 {
		pivot := i
		for row := i + 1; row < 3; row++ {
			if math.Abs(a[row][i]) > math.Abs(a[pivot][i]) {
				pivot = row
			}
		}
		a[i], a[pivot] = a[pivot], a[i]
		if math.Abs(a[i][i]) < 1e-9 {
			return [3]float64{}
		}
		for row := range 3 {
			if row == i {
				continue
			}
			factor := a[row][i] / a[i][i]
			for column := i; column < 4; column++ {
				a[row][column] -= factor * a[i][column]
			}
		}
	}
	return [3]float64{a[0][3] / a[0][0], a[1][3] / a[1][1], a[2][3] / a[2][2]}
}

// Tolerances for a measured preprocessing to count as a preset: means in pixel units, standard
// deviations relative. Rounding to float16 moves both by about a tenth of that.
const (
	meanTolerance = 1.5
	stdTolerance  = 0.03
)

// nearest is the preset that a measurement matches, else the measurement itself. The measured Spec
// has a scale of 1: its means and standard deviations are in pixel units.
func nearest(measured preprocessing.Spec) preprocessing.Spec {
	best, closest := measured, math.Inf(1)
	for _, name := range preprocessing.Names() {
		preset, _ := preprocessing.Preset(name)
		if distance := distanceOf(measured, preset); distance < closest {
			best, closest = preset, distance
		}
	}
	return best
}

// distanceOf is infinite beyond the tolerances.
func distanceOf(measured, preset preprocessing.Spec) float64 {
	if measured.Channels != preset.Channels {
		return math.Inf(1)
	}
	worst := 0.0
	for c := range preset.Depth() {
		mean, std := preset.Mean[c]*preset.Divisor, preset.Std[c]*preset.Divisor
		worst = max(worst, math.Abs(measured.Mean[c]-mean)/meanTolerance, math.Abs(measured.Std[c]/std-1)/stdTolerance)
	}
	if worst > 1 {
		return math.Inf(1)
	}
	return worst
}
