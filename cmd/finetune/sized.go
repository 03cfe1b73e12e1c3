package main

import (
	"cmp"

	"fovea/head"
	"fovea/inference"
	"fovea/pipeline"
)

// sized are extractors of rising batch sizes, of which the smallest that holds a batch
// computes it: one alone would fill it up with zeros, and a single picture would take as long
// as eight.
type sized []extractor

// BatchSize is that of the largest.
func (s sized) BatchSize() int { return s[len(s)-1].BatchSize() }

// Extract computes n pictures, at most BatchSize.
func (s sized) Extract(pixels []float32, n int) ([][]float32, error) {
	for _, e := range s[:len(s)-1] {
		if n <= e.BatchSize() {
			return e.Extract(pixels, n)
		}
	}
	return s[len(s)-1].Extract(pixels, n)
}

// prepareSized is prepare for batches of 1, 2, 4, ... up to --batch, warmed up.
func (o *predictOptions) prepareSized(h *head.Head, model *inference.Model) (sized, pipeline.Config, error) {
	var all sized
	asked := o.session.Batch
	defer func() { o.session.Batch = asked }()
	most := cmp.Or(asked, inference.DefaultBatchOn(model.Device))
	for size := 1; ; size *= 2 {
		o.session.Batch = min(size, most)
		e, config, err := o.prepare(h, model)
		if err != nil {
			return nil, config, err
		}
		if err := e.WarmUp(); err != nil {
			return nil, config, err
		}
		if all = append(all, e); size >= most || e.BatchSize() < size {
			return all, config, nil
		}
	}
}
