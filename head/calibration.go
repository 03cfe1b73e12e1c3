package head

import "math"

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
