package head

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Intervals are 95 % confidence intervals of metrics, by resampling the rows.
type Intervals struct {
	Accuracy         [2]float64 `json:"accuracy"`
	BalancedAccuracy [2]float64 `json:"balanced_accuracy"`
	MacroF1          [2]float64 `json:"macro_f1"`
	LogLoss          [2]float64 `json:"log_loss"`
}

// resamples is the number of samples, drawn with replacement, of as many rows as there are (Efron's
// percentile bootstrap). The seed is fixed, so that the same rows have the same intervals.
const (
	resamples     = 1000
	bootstrapSeed = 1
)

// bootstrap resamples rows whose class, prediction and loss are given.
func bootstrap(y, predicted []int, losses []float64, classes []string) Intervals {
	random := rand.New(rand.NewPCG(bootstrapSeed, 0x626f6f74))
	var values [4][]float64
	for range resamples {
		m := Metrics{N: len(y), Classes: classes, Confusion: newConfusion(len(classes))}
		loss, right := 0.0, 0
		for range y {
			i := random.IntN(len(y))
			m.Confusion[y[i]][predicted[i]]++
			loss += losses[i]
			if y[i] == predicted[i] {
				right++
			}
		}
		m.perClass()
		n := float64(len(y))
		for k, v := range []float64{float64(right) / n, m.BalancedAccuracy, m.MacroF1, loss / n} {
			values[k] = append(values[k], v)
		}
	}
	interval := func(k int) [2]float64 {
		slices.Sort(values[k])
		at := func(part float64) float64 { return values[k][int(math.Round(part*(resamples-1)))] }
		return [2]float64{at(0.025), at(0.975)}
	}
	return Intervals{interval(0), interval(1), interval(2), interval(3)}
}

func newConfusion(classes int) [][]int {
	all := make([][]int, classes)
	for i := range all {
		all[i] = make([]int, classes)
	}
	return all
}

// Bin is one interval of confidence, the probability of the predicted class.
type Bin struct {
	// N is the number of rows in the bin, Confidence and Accuracy are their means.
	N          int     `json:"n"`
	Confidence float64 `json:"confidence"`
	Accuracy   float64 `json:"accuracy"`
}

// calibrationBins is the number of bins of equal width (Guo et al., 2017).
const calibrationBins = 15

// calibration sorts rows into bins and returns the expected calibration error: the distance between
// accuracy and confidence, averaged over the rows.
func calibration(probabilities [][]float64, y []int) (bins []Bin, mean float64) {
	bins = make([]Bin, calibrationBins)
	for i, p := range probabilities {
		top := argmax(p)
		b := &bins[min(calibrationBins-1, int(p[top]*calibrationBins))]
		b.N++
		b.Confidence += p[top]
		if top == y[i] {
			b.Accuracy++
		}
	}
	for i := range bins {
		b := &bins[i]
		if b.N == 0 {
			continue
		}
		b.Confidence /= float64(b.N)
		b.Accuracy /= float64(b.N)
		mean += math.Abs(b.Accuracy-b.Confidence) * float64(b.N) / float64(len(y))
	}
	return bins, mean
}
