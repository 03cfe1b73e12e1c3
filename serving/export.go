package serving

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"

	"github.com/sirupsen/logrus"

	"fovea/inference"
	"fovea/pipeline"
	"fovea/servable"
)

// Export writes head and models as one SavedModel to dir, as servable.Export; unknown is the label of unknown images,
// "" for none of their own. The Predictor is opened
// with Options.Convolutions models.Direct: only TensorFlow's own operations are known wherever the
// SavedModel will be loaded. What is written computes in float32.
func (p *Predictor) Export(dir, unknown string) error {
	model := servable.Model{Columns: p.features.columns}
	for _, part := range p.features.parts {
		if precision := part.model.Precision; precision != inference.Float32 {
			logrus.Warnf("the head was trained in %s; what is exported computes in float32", precision)
		}
		config := pipeline.Config{Picture: part.input.Picture, Preprocessing: part.input.Preprocessing}
		model.Parts = append(model.Parts, servable.Part{Extractor: part.extractor, Config: config, Projection: part.project})
	}
	return servable.Export(p.head, model, servable.Options{Dir: dir, Unknown: unknown})
}

// Image is the content of an image file, with its name for people.
type Image struct {
	Name    string
	Content []byte
}

// notable is a difference of probabilities that rounding does not explain.
const notable = 0.01

// Comparison is how the probabilities of an exported SavedModel differ from the Predictor's.
type Comparison struct {
	// Images is the number of images that both computed.
	Images int `json:"images"`
	// Largest is the largest difference of any probability of these.
	Largest float64 `json:"largest_difference"`
	// Novelty is the largest difference of novelties, nil for heads without.
	Novelty *float64 `json:"largest_novelty_difference,omitempty"`
	// Failed is the number of images that one of them could not read, or whose probabilities differ
	// by more than 0.01.
	Failed int `json:"failed"`
}

// Compare loads the SavedModel in dir, and compares what it computes of images with what the
// Predictor does. It logs a warning for each image that counts as Failed.
func (p *Predictor) Compare(dir string, session inference.SessionConfig, images []Image) (Comparison, error) {
	var c Comparison
	s, err := servable.Open(dir, session)
	if err != nil {
		return c, err
	}
	defer s.Close() // only computed with
	for _, image := range images {
		want, err := p.Predict(image.Content)
		if err != nil {
			logrus.Warnf("%s: %v", image.Name, err)
			c.Failed++
			continue
		}
		got, err := s.Predict([][]byte{image.Content})
		if err != nil {
			logrus.Warnf("%s: predict can read it, the SavedModel cannot: %v", image.Name, err)
			c.Failed++
			continue
		}
		c.Images++
		difference := largest(want.Probabilities, got.Probabilities[0])
		if want.Novelty != nil && got.Novelty != nil {
			c.novelty(math.Abs(*want.Novelty - float64(got.Novelty[0])))
		}
		if difference > notable {
			c.Failed++
			logrus.Warnf("%s: probabilities differ from predict's by %.3f; docs/serving.md says why that can be", image.Name, difference)
		}
		c.Largest = max(c.Largest, difference)
	}
	return c, nil
}

func (c *Comparison) novelty(difference float64) {
	if c.Novelty != nil {
		difference = max(difference, *c.Novelty)
	}
	c.Novelty = &difference
}

// largest is the largest difference of two rows of probabilities.
func largest(a []float64, b []float32) float64 {
	difference := 0.0
	for i, p := range a {
		difference = max(difference, math.Abs(p-float64(b[i])))
	}
	return difference
}

// DrawnImage is a JPEG file to compare with where nobody gives one: a gradient.
func DrawnImage() (Image, error) {
	const width, height = 320, 240
	drawn := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			drawn.SetRGBA(x, y, color.RGBA{R: uint8(x * 4 / 5), G: uint8(y), B: uint8(x * y / 300), A: 255})
		}
	}
	var out bytes.Buffer
	err := jpeg.Encode(&out, drawn, nil)
	return Image{"a generated image", out.Bytes()}, err
}
