package serving

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sirupsen/logrus"

	"fovea/head"
	"fovea/picture"
	"fovea/pipeline"
	"fovea/preprocessing"
	"fovea/vgg"
)

// Outcome is what a head says of an image.
type Outcome struct {
	// Probabilities are in the order of the head's classes.
	Probabilities []float64
	// Novelty is above 1 for most images that are unlike all that the head was trained on (head.Novelty). It is
	// nil for a head that cannot tell.
	Novelty *float64
}

// Predictor turns the bytes of an image file into probabilities of a head's classes. It may be used
// by several goroutines. Close it after use.
type Predictor struct {
	head *head.Head
	// features is the models' part of the way; tests do without.
	features *Featurizer
	config   pipeline.Config
	// extractor computes the features of decoded images, all views of each.
	extractor pipeline.Extractor
}

// ErrViews marks a head on dense views, which have no fixed size: only PredictAll computes them.
var ErrViews = errors.New("its features are of dense views")

// Open opens the models that a head was trained on. It fails with head.ErrMismatch if those at
// hand compute other features, and warns about differences that are only rounding.
func Open(h *head.Head, o Options) (*Predictor, error) {
	f, err := OpenFeaturizer(h.Recipe, h.LayerNames(), o)
	if err != nil {
		return nil, err
	}
	p := &Predictor{head: h, features: f, config: f.config}
	if err := p.prepare(o); err != nil {
		_ = f.Close() // the error at hand matters more
		return nil, err
	}
	return p, nil
}

func (p *Predictor) prepare(o Options) error {
	warnings, err := p.head.Check(p.features.recipe)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		logrus.Warnf("%s: %s in the head, %s here; results may differ by rounding", w.Field, w.Have, w.Got)
	}
	extractor := p.features.extractor
	if o.AnyBatch {
		if extractor, err = p.features.anyBatch(); err != nil {
			return err
		}
	}
	p.extractor = pipeline.OverViews(extractor, p.config.Picture.Views.Count())
	return nil
}

// modelIn is the SavedModel of that name in a directory, or "".
func modelIn(dir, name string) string {
	if _, err := vgg.ByName(name); dir == "" || err == nil {
		return ""
	}
	model := filepath.Join(dir, filepath.Base(name))
	if _, err := os.Stat(filepath.Join(model, "saved_model.pb")); err != nil {
		return ""
	}
	return model
}

// OneSize returns ErrViews for a head that cannot be served or exported because its images have no fixed
// size.
func OneSize(h *head.Head) error {
	for _, p := range h.Recipe.Parts() {
		if picture.Views(p.Views).IsDense() {
			return fmt.Errorf("%w (%s), which only finetune predict computes: train a head on features of other --views", ErrViews, p.Views)
		}
	}
	return nil
}

// TellsNovelty says whether outcomes have a novelty.
func (p *Predictor) TellsNovelty() bool { return p.head.Novelty != nil }

// Classes are the head's, in the order of probabilities.
func (p *Predictor) Classes() []string { return p.head.Classes }

// BatchSize is the largest number of images that Outcomes takes.
func (p *Predictor) BatchSize() int { return p.extractor.BatchSize() }

// Predict computes what the head says of the bytes of one image file. An error of the file is a *picture.Error.
func (p *Predictor) Predict(content []byte) (Outcome, error) {
	values, err := p.Decode(content)
	if err != nil {
		return Outcome{}, err
	}
	outcomes, err := p.Outcomes(values, 1)
	if err != nil {
		return Outcome{}, err
	}
	return outcomes[0], nil
}

// Decode turns the bytes of an image file into the models' input: views x height x width x channels
// values, of each different input one after the other. An error of the file is a *picture.Error.
func (p *Predictor) Decode(content []byte) ([]float32, error) {
	if err := OneSize(p.head); err != nil {
		return nil, err
	}
	inputs := p.config.Inputs()
	if len(inputs) == 1 {
		values := make([]float32, inputs[0].Values())
		_, err := picture.DecodeTensor(values, content, p.config.Picture, p.config.Preprocessing)
		return values, err
	}
	size := 0
	for _, input := range inputs {
		size += input.Values()
	}
	values := make([]float32, size)
	parts, how := make([][]float32, len(inputs)), make([]preprocessing.Spec, len(inputs))
	rest := values
	for i, input := range inputs {
		n := input.Values()
		parts[i], rest, how[i] = rest[:n], rest[n:], input.Preprocessing
	}
	return values, picture.DecodeTensors(parts, content, p.config.Pictures(), how)
}

// cost is what Decode takes.
func (p *Predictor) cost(content []byte) (picture.Cost, error) {
	return picture.EstimateEach(content, p.config.Pictures())
}

// Outcomes computes those of n decoded images, 1 to BatchSize, whose values follow one another.
func (p *Predictor) Outcomes(values []float32, n int) ([]Outcome, error) {
	_, outcomes, err := p.compute(values, n)
	return outcomes, err
}

// compute is Outcomes with the features, a slice for each of the head's layers.
func (p *Predictor) compute(values []float32, n int) ([][]float32, []Outcome, error) {
	features, err := p.extractor.Extract(values, n)
	if err != nil {
		return nil, nil, err
	}
	outcomes, err := p.classify(features, n)
	return features, outcomes, err
}

// classify applies the head to the features of n images, a slice per layer.
func (p *Predictor) classify(features [][]float32, n int) ([]Outcome, error) {
	x, err := p.head.Join(features, n)
	if err != nil {
		return nil, err
	}
	probabilities, err := p.head.Probabilities(x)
	if err != nil {
		return nil, err
	}
	novelties, err := p.head.Novelties(x)
	if err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, n)
	for i := range outcomes {
		outcomes[i].Probabilities = probabilities[i]
		if novelties != nil {
			outcomes[i].Novelty = &novelties[i]
		}
	}
	return outcomes, nil
}

// Close closes the models.
func (p *Predictor) Close() error { return p.features.Close() }
