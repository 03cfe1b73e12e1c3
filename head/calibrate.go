package head

import "math"

// Temperatures are searched between these.
const (
	minTemperature = 0.05
	maxTemperature = 20
)

// temperature is the divisor of the scores that minimizes the log loss (Guo et al., "On Calibration
// of Modern Neural Networks", 2017). The loss is convex in the inverse temperature, so the zero of
// its slope is found by bisection.
//
// Each row's loss counts as much as the importance of its class; nil means equally. Doubt is the share of a row that
// counts for the other classes (see doubtOf).
func temperature(logits [][]float64, y []int, importance []float64, doubt float64) float64 {
	// slope is the derivative of the total loss with respect to the inverse temperature.
	slope := func(inverse float64) float64 {
		sum := 0.0
		var p []float64
		for i, l := range logits {
			p = append(p[:0], l...)
			for c := range p {
				p[c] *= inverse
			}
			softmax(p)
			p[y[i]] -= 1 - doubt
			own := 0.0
			for c, v := range p {
				if c != y[i] {
					v -= doubt / float64(len(p)-1)
				}
				own += v * l[c]
			}
			if importance != nil {
				own *= importance[y[i]]
			}
			sum += own
		}
		return sum
	}
	low, high := 1.0/maxTemperature, 1/minTemperature
	for range 60 { // enough halvings to reach the precision of float64
		middle := math.Sqrt(low * high)
		if slope(middle) < 0 {
			low = middle
		} else {
			high = middle
		}
	}
	return 1 / math.Sqrt(low*high)
}

// doubtOf is the probability of a mistake that some rows cannot rule out although all of them are classified correctly
// (Laplace's rule of succession). Without it, few rows would give probabilities of 1 that the next row refutes at
// any cost. Platt's scaling has such targets, too ("Probabilistic Outputs for Support Vector Machines", 1999).
func doubtOf(rows int) float64 { return 1 / float64(rows+2) }

// calibrate divides the scores by the temperature that suits the given rows, which were not trained
// on (temperature scaling).
func (h *Head) calibrate(report *Report, logits [][]float64, y, rows []int) {
	own := make([]int, len(rows))
	for i, r := range rows {
		own[i] = y[r]
	}
	report.Temperature = temperature(logits, own, nil, doubtOf(len(own)))
	factor := float32(1 / report.Temperature)
	for c, w := range h.Weights {
		h.Biases[c] *= factor
		for j := range w {
			w[j] *= factor
		}
	}
}
