package head

import (
	"math"
	"slices"
)

// Temperatures are looked for between these.
const (
	minTemperature = 0.05
	maxTemperature = 20
)

// temperature is the divisor of the scores with the smallest log loss (Guo et al., "On
// Calibration of Modern Neural Networks", 2017). The loss is convex in its inverse, in which
// its slope is followed to zero.
func temperature(logits [][]float64, y []int) float64 {
	// slope is the derivative of the summed loss by the inverse temperature.
	slope := func(inverse float64) float64 {
		sum := 0.0
		for i, l := range logits {
			p := slices.Clone(l)
			for c := range p {
				p[c] *= inverse
			}
			softmax(p)
			for c, v := range p {
				sum += v * l[c]
			}
			sum -= l[y[i]]
		}
		return sum
	}
	low, high := 1.0/maxTemperature, 1/minTemperature
	for range 60 { // halves the interval below float64's precision
		middle := math.Sqrt(low * high)
		if slope(middle) < 0 {
			low = middle
		} else {
			high = middle
		}
	}
	return 1 / math.Sqrt(low*high)
}

// soften divides the scores by the temperature that suits rows which were not trained on.
func (h *Head) soften(report *Report, logits [][]float64, y, rows []int) {
	own := make([]int, len(rows))
	for i, r := range rows {
		own[i] = y[r]
	}
	report.Temperature = temperature(logits, own)
	factor := float32(1 / report.Temperature)
	for c, w := range h.Weights {
		h.Biases[c] *= factor
		for j := range w {
			w[j] *= factor
		}
	}
}
