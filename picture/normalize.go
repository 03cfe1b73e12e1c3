package picture

import "fmt"

// Normalization is how pixels become the numbers that a model was trained on.
type Normalization string

const (
	// Caffe is BGR order less the means of ImageNet's channels, 103.939, 116.779 and
	// 123.68, without scaling: what the authors of VGG used, and Keras's
	// vgg16.preprocess_input.
	Caffe Normalization = "caffe"
	// Torch is RGB scaled to 0..1, less the means 0.485, 0.456, 0.406, over the standard
	// deviations 0.229, 0.224, 0.225: torchvision's.
	Torch Normalization = "torch"
	// TF is RGB scaled to -1..1, as Keras's MobileNet, Inception and Xception want it.
	TF Normalization = "tf"
	// None is RGB from 0 to 255, for models that normalize by themselves.
	None Normalization = "none"
)

// Terms are the numbers of a normalization: output channel c is the pixel's channel From[c]
// over Scale, less Mean[c], over Deviation[c], computed in float64 and rounded to float32.
type Terms struct {
	From            [3]int
	Scale           float64
	Mean, Deviation [3]float64
}

// table holds the number of each byte, per output channel, and what it was made from.
type table struct {
	Terms
	values [3][256]float32
}

var tables = map[Normalization]*table{
	Caffe: makeTable([3]int{2, 1, 0}, 1, [3]float64{103.939, 116.779, 123.68}, [3]float64{1, 1, 1}),
	Torch: makeTable([3]int{0, 1, 2}, 255, [3]float64{0.485, 0.456, 0.406}, [3]float64{0.229, 0.224, 0.225}),
	TF:    makeTable([3]int{0, 1, 2}, 127.5, [3]float64{1, 1, 1}, [3]float64{1, 1, 1}),
	None:  makeTable([3]int{0, 1, 2}, 1, [3]float64{}, [3]float64{1, 1, 1}),
}

func makeTable(from [3]int, scale float64, mean, deviation [3]float64) *table {
	t := &table{Terms: Terms{from, scale, mean, deviation}}
	for c := range t.values {
		for v := range t.values[c] {
			t.values[c][v] = float32((float64(v)/scale - mean[c]) / deviation[c])
		}
	}
	return t
}

// Validate says whether the normalization is known.
func (n Normalization) Validate() error {
	if tables[n] == nil {
		return fmt.Errorf("picture: unknown preprocessing %q: use caffe, torch, tf or none", n)
	}
	return nil
}

// Terms are those of the normalization, which must be valid.
func (n Normalization) Terms() Terms { return tables[n].Terms }

// Apply writes the numbers of RGB pixels to dst, which must be as long. The normalization
// must be valid.
func (n Normalization) Apply(dst []float32, pix []uint8) {
	t := tables[n]
	a, b, c := t.From[0], t.From[1], t.From[2]
	for i := 0; i+3 <= len(pix); i += 3 {
		pixel, out := pix[i:i+3:i+3], dst[i:i+3:i+3]
		out[0] = t.values[0][pixel[a]]
		out[1] = t.values[1][pixel[b]]
		out[2] = t.values[2][pixel[c]]
	}
}
