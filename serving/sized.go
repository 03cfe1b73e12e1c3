package serving

import (
	"fovea/inference"
	"fovea/pipeline"
)

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

// anyBatch makes extractors for batches of 1, 2, 4, ... images, the last of which is the
// Featurizer's own, and warms them up.
func (f *Featurizer) anyBatch() (sized, error) {
	var all sized
	for size := 1; size < f.extractor.BatchSize(); size *= 2 {
		e, err := inference.NewExtractor(f.model, inference.ExtractorOptions{Layers: f.recipe.LayerNames(), Pool: f.recipe.Pool, Project: f.project.Layer, Batch: size})
		if err != nil {
			return nil, err
		}
		if err := e.WarmUp(); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return append(all, f.extractor), f.extractor.WarmUp()
}
