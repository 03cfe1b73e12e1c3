package pipeline

import (
	"fmt"

	"fovea/picture"
)

// OverViews makes an extractor for images with several views each, which follow one another in the
// pixels: the features are averages over an image's views. With one view it is the extractor itself, as
// is a Joint, which does so with each of its parts.
func OverViews(extractor Extractor, views int) Extractor {
	if _, joint := extractor.(*Joint); joint || views <= 1 {
		return extractor
	}
	return viewsExtractor{extractor, views}
}

type viewsExtractor struct {
	extractor Extractor
	views     int
}

// BatchSize is the number of images whose views fill a batch, at least 1.
func (e viewsExtractor) BatchSize() int { return max(1, e.extractor.BatchSize()/e.views) }

// Parallel is that of the underlying extractor.
func (e viewsExtractor) Parallel() int { return parallel(e.extractor) }

// Extract computes all views, in as many batches as it takes, and averages them.
func (e viewsExtractor) Extract(pixels []float32, n int) ([][]float32, error) {
	total := n * e.views
	if n < 1 || len(pixels)%total != 0 {
		return nil, fmt.Errorf("pipeline: %d input values for %d images of %d views", len(pixels), n, e.views)
	}
	size := len(pixels) / total
	var sums [][]float64
	for from := 0; from < total; from += e.extractor.BatchSize() {
		count := min(e.extractor.BatchSize(), total-from)
		features, err := e.extractor.Extract(pixels[from*size:(from+count)*size], count)
		if err != nil {
			return nil, err
		}
		if sums == nil {
			sums = newSums(features, n, count)
		}
		for layer, values := range features {
			width := len(values) / count
			for view := range count {
				sum := sums[layer][(from+view)/e.views*width:][:width]
				add(sum, values[view*width:])
			}
		}
	}
	return averages(sums, e.views), nil
}

// overTensors computes the views of an image, consecutive views of the same size together, and
// averages their features.
func overTensors(extractor SizedExtractor, tensors []picture.Tensor) ([][]float32, error) {
	var sums [][]float64
	for rest := tensors; len(rest) > 0; {
		first, n := rest[0], 1
		values := first.Values
		for n < len(rest) && rest[n].Height == first.Height && rest[n].Width == first.Width {
			values = append(values, rest[n].Values...)
			n++
		}
		rest = rest[n:]
		features, err := extractor.ExtractSized(values, n, first.Height, first.Width)
		if err != nil {
			return nil, err
		}
		if sums == nil {
			sums = newSums(features, 1, n)
		}
		for layer, values := range features {
			for ; len(values) > 0; values = values[len(sums[layer]):] {
				add(sums[layer], values)
			}
		}
	}
	return averages(sums, len(tensors)), nil
}

// newSums makes zeros for n images; features are those of count views.
func newSums(features [][]float32, n, count int) [][]float64 {
	sums := make([][]float64, len(features))
	for layer, values := range features {
		sums[layer] = make([]float64, n*len(values)/count)
	}
	return sums
}

func add(sum []float64, values []float32) {
	for i := range sum {
		sum[i] += float64(values[i])
	}
}

// averages divides sums by the number of views.
func averages(sums [][]float64, views int) [][]float32 {
	means := make([][]float32, len(sums))
	for layer, sum := range sums {
		means[layer] = make([]float32, len(sum))
		for i, v := range sum {
			means[layer][i] = float32(v / float64(views))
		}
	}
	return means
}
