package pipeline

import "fmt"

// OverViews makes an extractor of pictures that have several views each, which follow each
// other in the pixels: its features are the averages over a picture's views. With one view
// it is the extractor itself.
func OverViews(extractor Extractor, views int) Extractor {
	if views <= 1 {
		return extractor
	}
	return viewsExtractor{extractor, views}
}

type viewsExtractor struct {
	extractor Extractor
	views     int
}

// BatchSize is the number of pictures whose views fill a batch, at least 1.
func (e viewsExtractor) BatchSize() int { return max(1, e.extractor.BatchSize()/e.views) }

// Parallel is that of the extractor behind it.
func (e viewsExtractor) Parallel() int { return parallel(e.extractor) }

// Extract computes all views, in as many batches as it takes, and averages them.
func (e viewsExtractor) Extract(pixels []float32, n int) ([][]float32, error) {
	total := n * e.views
	if n < 1 || len(pixels)%total != 0 {
		return nil, fmt.Errorf("pipeline: %d input values for %d pictures of %d views", len(pixels), n, e.views)
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
			for _, values := range features {
				sums = append(sums, make([]float64, n*len(values)/count))
			}
		}
		for layer, values := range features {
			width := len(values) / count
			for view := range count {
				sum := sums[layer][(from+view)/e.views*width:][:width]
				for i, v := range values[view*width : (view+1)*width] {
					sum[i] += float64(v)
				}
			}
		}
	}
	averages := make([][]float32, len(sums))
	for layer, sum := range sums {
		averages[layer] = make([]float32, len(sum))
		for i, v := range sum {
			averages[layer][i] = float32(v / float64(e.views))
		}
	}
	return averages, nil
}
