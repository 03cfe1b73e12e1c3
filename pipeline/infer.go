package pipeline

import (
	"context"
	"fmt"
	"math"
	"time"
)

// infer is the inference stage: it adds the features to each batch. A batch that is being
// computed when the run is stopped is still handed on; none is begun after that.
func (r *run) infer(intake, failed context.Context) error {
	defer close(r.features)
	for {
		var b *batch
		select {
		case next, open := <-r.batches:
			if !open || intake.Err() != nil {
				return nil
			}
			b = next
		case <-intake.Done():
			return nil
		}
		if b.rows > 0 {
			if err := r.compute(b); err != nil {
				return err
			}
		}
		select {
		case r.features <- b:
		case <-failed.Done():
			return nil
		}
	}
}

func (r *run) compute(b *batch) error {
	defer since(&r.meter.infer, time.Now())
	defer r.meter.batches.Add(1)
	size := len(b.pixels) / r.extractor.BatchSize()
	features, err := b.extractor.Extract(b.pixels[:b.rows*size], b.rows)
	if err != nil {
		return fmt.Errorf("pipeline: extract features of %d pictures from %s on: %w", b.rows, b.first().Path, err)
	}
	select {
	case r.buffers <- b.pixels:
	default:
	}
	b.pixels = nil
	b.spread(features)
	return nil
}

// first is the first row's item.
func (b *batch) first() Item {
	for _, o := range b.outcomes {
		if o.failure == nil {
			return o.row.Item
		}
	}
	return Item{}
}

// spread gives each row its part of the features. A row with a value that is not a number
// becomes a failure: it would spoil whatever is computed from the dataset.
func (b *batch) spread(features [][]float32) {
	n := 0
	for i := range b.outcomes {
		o := &b.outcomes[i]
		if o.failure != nil {
			continue
		}
		o.row.Features = make([][]float32, len(features))
		for l, values := range features {
			size := len(values) / b.rows
			o.row.Features[l] = values[n*size : (n+1)*size : (n+1)*size]
			if at := notFinite(o.row.Features[l]); at >= 0 {
				o.failure = &Failure{Item: o.row.Item, Stage: StageInfer,
					Reason: fmt.Sprintf("value %d of feature column %d is %v: the model's weights or its input are broken", at, l, o.row.Features[l][at])}
			}
		}
		n++
	}
}

// notFinite is the index of the first NaN or infinite value, or -1.
func notFinite(values []float32) int {
	for i, v := range values {
		if math.Float32bits(v)&0x7f800000 == 0x7f800000 {
			return i
		}
	}
	return -1
}
