package convolution_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"fovea/convolution"
	"fovea/inference"
)

// One picture, whose layers the cores share, has the same features, to the bit, as among others, of which each core has
// some; also when several are computed at a time.
func TestSinglePictures(t *testing.T) {
	for _, precision := range []inference.Precision{inference.Float32, inference.Int16} {
		for _, size := range [][2]int{{70, 61}, {9, 5}} {
			n, x := newNetwork(t, size[0], size[1], 3)
			n.model.Precision = precision
			height, width := size[0], size[1]
			for i, channels := range []int{3, 64, 160} {
				out := []int{64, 160, 96}[i]
				others := len(n.model.Layers)
				pooled, found := n.taps(x, height, width, channels, out)
				for l := others; l < len(n.model.Layers); l++ {
					n.model.Layers[l].Name += fmt.Sprint("_", i)
				}
				if !found {
					break
				}
				x, height, width = pooled, height/2, width/2
			}
			model := n.openAs(inference.SessionConfig{Device: inference.DeviceCPU, Precision: precision})
			if err := convolution.Accelerate(model, convolution.Options{Shares: 2}); err != nil {
				t.Logf("skipped in %s: %v", precision, err)
				continue
			}
			want := features(t, model, 4)
			check := func(got [][]float32) {
				for l, values := range got {
					if !slices.Equal(values, want[l][:len(values)]) {
						t.Errorf("%s, %v pixels: layer %s is another for a picture by itself", precision, size, model.Layers[l].Name)
					}
				}
			}
			check(features(t, model, 1))
			var group sync.WaitGroup
			results := make([][][]float32, 4)
			for i := range results {
				group.Go(func() { results[i] = features(t, model, 1+i%2) })
			}
			group.Wait()
			for _, got := range results {
				check(got)
			}
		}
	}
}
