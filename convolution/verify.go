package convolution

import (
	"fmt"
	"math"
	"math/rand/v2"

	"fovea/inference"
)

// verify compares the model's last layer, and its last one with height and width, with those
// of the same names among layers, on noise: of three pictures, which is no multiple of the usual
// numbers of cores, and of one, which leaves all shares but one empty: some of TensorFlow's
// operations get the shape of nothing wrong (oneDNN's convolutions do).
func verify(model *inference.Model, layers []inference.Layer, tolerance float64) error {
	var names []string
	for i := len(layers) - 1; i >= 0 && len(names) < 2; i-- {
		if len(names) == 0 || layers[i].Spatial() {
			names = append(names, layers[i].Name)
		}
		if layers[i].Spatial() {
			break
		}
	}
	changed := *model
	changed.Layers = layers
	for _, pictures := range []int{3, 1} {
		want, err := onNoise(model, names, pictures)
		if err != nil {
			return err
		}
		got, err := onNoise(&changed, names, pictures)
		if err != nil {
			return err
		}
		for i, name := range names {
			if off := distance(want[i], got[i]); !(off <= tolerance) {
				return fmt.Errorf("convolution: layer %s of %s would be off by %.1e of its largest value: it is computed directly", name, model.Name, off)
			}
		}
	}
	return nil
}

// onNoise computes layers of pictures that are the same for each call.
func onNoise(model *inference.Model, layers []string, pictures int) ([][]float32, error) {
	random := rand.New(rand.NewPCG(1, 1))
	pixels := make([]float32, pictures*model.InputHeight*model.InputWidth*3)
	for i := range pixels {
		pixels[i] = float32(random.IntN(256))
	}
	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: layers, Batch: pictures})
	if err != nil {
		return nil, fmt.Errorf("convolution: compare with the direct way: %w", err)
	}
	features, err := extractor.Extract(pixels, pictures)
	if err != nil {
		return nil, fmt.Errorf("convolution: compare with the direct way: %w", err)
	}
	return features, nil
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
