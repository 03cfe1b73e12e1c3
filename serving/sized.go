package serving

import "fovea/pipeline"

// sized are extractors of rising batch sizes. The smallest one that holds a batch computes it.
type sized []pipeline.Extractor

// BatchSize is that of the largest.
func (s sized) BatchSize() int { return s[len(s)-1].BatchSize() }

// Extract computes n images, at most BatchSize.
func (s sized) Extract(values []float32, n int) ([][]float32, error) {
	for _, e := range s[:len(s)-1] {
		if n <= e.BatchSize() {
			return e.Extract(values, n)
		}
	}
	return s[len(s)-1].Extract(values, n)
}
