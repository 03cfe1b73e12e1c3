package winograd

import (
	"fmt"
	"math"
	"math/rand/v2"

	"fovea/inference"
)

// tolerance is how far two ways to compute a layer may be apart, relative to its largest
// value: far above what rounding does, far below what a mistake does.
const tolerance = 1e-3

// verify compares the model's last layer, and its last one with height and width, with those
// of the same names among layers, on noise.
func verify(model *inference.Model, layers []inference.Layer) error {
	const pictures = 3 // not a multiple of the usual numbers of cores
	var names []string
	for i := len(layers) - 1; i >= 0 && len(names) < 2; i-- {
		if len(names) == 0 || layers[i].Spatial() {
			names = append(names, layers[i].Name)
		}
		if layers[i].Spatial() {
			break
		}
	}
	random := rand.New(rand.NewPCG(1, 1))
	pixels := make([]float32, pictures*model.InputHeight*model.InputWidth*3)
	for i := range pixels {
		pixels[i] = float32(random.IntN(256))
	}
	changed := *model
	changed.Layers = layers
	var results [2][][]float32
	for i, m := range []*inference.Model{model, &changed} {
		extractor, err := inference.NewExtractor(m, inference.ExtractorOptions{Layers: names, Batch: pictures})
		if err != nil {
			return fmt.Errorf("winograd: compare with the direct way: %w", err)
		}
		if results[i], err = extractor.Extract(pixels, pictures); err != nil {
			return fmt.Errorf("winograd: compare with the direct way: %w", err)
		}
	}
	for i, name := range names {
		if off := distance(results[0][i], results[1][i]); !(off <= tolerance) {
			return fmt.Errorf("winograd: layer %s of %s would be off by %.1e of its largest value: it is computed directly", name, model.Name, off)
		}
	}
	return nil
}

// distance is the largest difference, relative to the largest value.
func distance(want, got []float32) float64 {
	var worst, most float64
	for i, w := range want {
		most = math.Max(most, math.Abs(float64(w)))
		worst = math.Max(worst, math.Abs(float64(got[i]-w))) // math.Max keeps NaN
	}
	if worst == 0 {
		return 0
	}
	return worst / most
}
