package head

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"fovea/internal/spelling"
	"fovea/internal/text"
)

// Intervals are 95 % confidence intervals of metrics, from the lower to the upper end, for other rows of the same
// kind. They hold where enough rows were tested (TestCoverage); elsewhere one is nil, and None says why.
type Intervals struct {
	BalancedAccuracy *[2]float64 `json:"balanced_accuracy"`
	MacroF1          *[2]float64 `json:"macro_f1"`
	LogLoss          *[2]float64 `json:"log_loss"`
	// None has the reason for each that is nil, by its name in JSON.
	None map[string]string `json:"none,omitempty"`
}

// What intervals need at least, by simulation: with less, they hold the true value less often than they say.
const (
	leastLosses  = 100 // rows, whose losses are far from normally distributed
	leastOfClass = 5   // rows of each class
)

// leastMean is the number of rows a class that macro F1 needs. The bias that is left in it falls with the square of
// that number, its standard error only with the root of all rows, so that many classes need more rows each.
func leastMean(classes int) int { return int(math.Ceil(math.Cbrt(50 * float64(classes)))) }

const z95 = 1.959963984540054

// intervals are those of the metrics m, whose confusion is complete, with the losses of the rows.
func intervals(m *Metrics, losses []float64) Intervals {
	all := Intervals{None: map[string]string{}}
	fewest := slices.MinFunc(m.PerClass, func(a, b ClassMetrics) int { return cmp.Compare(a.N, b.N) })
	if fewest.N < leastOfClass {
		why := fmt.Sprintf("class %s has %s, it takes %d of each class", spelling.Name(fewest.Class), text.Plural(fewest.N, "row"), leastOfClass)
		all.None["balanced_accuracy"], all.None["macro_f1"] = why, why
	} else {
		all.BalancedAccuracy = balancedInterval(m)
		if least := leastMean(len(m.Classes)) * len(m.Classes); m.N < least {
			all.None["macro_f1"] = fmt.Sprintf("it takes %d rows with %d classes, not %d", least, len(m.Classes), m.N)
		} else {
			all.MacroF1 = f1Interval(m)
		}
	}
	if m.N < leastLosses {
		all.None["log_loss"] = fmt.Sprintf("it takes %d rows, not %d", leastLosses, m.N)
	} else if all.LogLoss = meanInterval(losses); all.LogLoss == nil {
		all.None["log_loss"] = "all rows have the same loss"
	}
	if len(all.None) == 0 {
		all.None = nil
	}
	return all
}

// Wilson is the 95 % score interval of a proportion (Wilson 1927) of n trials, or of as many as would give it its
// variance.
func Wilson(p, n float64) [2]float64 {
	const z = z95
	centre := p + z*z/(2*n)
	width := z * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	scale := 1 + z*z/n
	interval := [2]float64{max(0, (centre-width)/scale), min(1, (centre+width)/scale)}
	switch p { // which rounding may miss
	case 0:
		interval[0] = 0
	case 1:
		interval[1] = 1
	}
	return interval
}

// spread makes variances larger that were estimated for many classes from few rows.
func spread(m *Metrics) float64 { return 1 + float64(len(m.Classes))/float64(m.N) }

// overall is the accuracy, drawn a little towards one half, so that it is never 0 or 1.
func overall(m *Metrics) float64 { return (m.Accuracy*float64(m.N) + 1) / (float64(m.N) + 2) }

// balancedInterval is Wilson's interval for a proportion with the variance of the mean of the recalls. For the
// variance, each class has two more rows that are as often right as all: a class without an error is not
// certain to have none.
func balancedInterval(m *Metrics) *[2]float64 {
	const more = 2
	mean, variance, classes := 0.0, 0.0, float64(len(m.Classes))
	for _, c := range m.PerClass {
		n := float64(c.N)
		recall := (c.Recall*n + more*overall(m)) / (n + more)
		mean += recall / classes
		variance += recall * (1 - recall) / n / classes / classes
	}
	interval := Wilson(m.BalancedAccuracy, mean*(1-mean)/(variance*spread(m)))
	return &interval
}

// f1Interval is Wilson's interval for a proportion with the variance of macro F1, around macro F1 without the bias
// that it has with few rows.
func f1Interval(m *Metrics) *[2]float64 {
	value, variance := smoothF1(m)
	centre := min(1, max(0, m.MacroF1-f1Bias(m)))
	interval := Wilson(centre, value*(1-value)/(variance*spread(m)))
	return &interval
}

// smoothF1 is macro F1 and its variance by the delta method: the sum over the rows of the squares of what each adds.
// Each class has one more row that is as often right as all, or the variance without errors would be 0.
func smoothF1(m *Metrics) (value, variance float64) {
	k := len(m.Classes)
	right := overall(m)
	wrong := (1 - right) / float64(k-1)
	count := func(a, b int) float64 {
		if a == b {
			return float64(m.Confusion[a][b]) + right
		}
		return float64(m.Confusion[a][b]) + wrong
	}
	sums, all := make([]float64, k), 0.0 // of rows and columns
	for a := range k {
		for b := range k {
			n := count(a, b)
			sums[a] += n
			sums[b] += n
			all += n
		}
	}
	loss := make([]float64, k)
	for c, s := range sums {
		hits := count(c, c)
		value += 2 * hits / s / float64(k)
		loss[c] = 2 * hits / (s * s) / float64(k)
	}
	mean, square := 0.0, 0.0
	for a := range k {
		for b := range k {
			adds := -loss[a] - loss[b]
			if a == b {
				adds += 2 / sums[a] / float64(k)
			}
			mean += count(a, b) * adds / all
			square += count(a, b) * adds * adds
		}
	}
	return value, (square - all*mean*mean) * all / float64(m.N)
}

// f1Bias is the jackknife's estimate of macro F1's bias: what it changes by, in the mean, when a row is left out.
func f1Bias(m *Metrics) float64 {
	sum := 0.0
	for c, p := range m.PerClass {
		hits, both := m.Confusion[c][c], p.N
		for o := range m.Classes {
			both += m.Confusion[o][c]
		}
		f1 := func(hits, both int) float64 { return 2 * float64(hits) / float64(max(both, 1)) }
		sum += float64(both-2*hits) * (f1(hits, both-1) - p.F1)
		if hits > 0 {
			sum += float64(hits) * (f1(hits-1, both-2) - p.F1)
		}
	}
	n := float64(m.N)
	return (n - 1) / n * sum / float64(len(m.Classes))
}

// meanInterval is the interval of a mean by Student's t with Hall's transformation (1992), which takes out
// the skewness: most losses are near 0, a few are large. It is nil for values that are all equal.
func meanInterval(values []float64) *[2]float64 {
	n := float64(len(values))
	mean, variance, cubes := 0.0, 0.0, 0.0
	for _, v := range values {
		mean += v / n
	}
	for _, v := range values {
		d := v - mean
		variance += d * d / (n - 1)
		cubes += d * d * d / n
	}
	if !(variance > 0) {
		return nil
	}
	t := z95 * (1 + (z95*z95+1)/(4*n)) // about Student's quantile
	skew := cubes / math.Pow(variance, 1.5) / math.Sqrt(n)
	end := func(t float64) float64 {
		if math.Abs(skew) < 1e-9 {
			return mean - t*math.Sqrt(variance/n)
		}
		return mean - math.Sqrt(variance/n)*3/skew*(math.Cbrt(1+skew*(t-skew/6))-1)
	}
	return &[2]float64{max(0, end(t)), end(-t)}
}
