package serving

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"

	"fovea/inference"
	"fovea/models"
	"fovea/picture"
	"fovea/pipeline"
	"fovea/projection"
	"fovea/recipe"
)

// part is one of the models of a Featurizer.
type part struct {
	// want is the recipe of the model and its layers, named by their columns, that are computed.
	want recipe.Recipe
	// layers are the layers' names within the model.
	layers []string
	// place is where the model is; named says that the caller said so.
	place string
	named bool

	model  *inference.Model
	shared bool // with an earlier part, which closes it
	// extractor gives the layers in the order of want's, of the views of an image one by one.
	extractor *inference.Extractor
	input     pipeline.Input
	recipe    recipe.Recipe
	// project is the projection of the layers, nil for none.
	project *projection.Projection
}

// divide finds the parts of a recipe that have the layers, and where in them these are.
func (f *Featurizer) divide(want recipe.Recipe, layers []string) error {
	of := map[string]int{} // recipe's part, by column
	for i, p := range want.Parts() {
		for _, l := range p.Layers {
			of[l.Name] = i
		}
	}
	index := map[int]int{}
	for _, name := range layers {
		number, found := of[name]
		if !found && len(want.Added) > 0 {
			return fmt.Errorf("serving: %s have no layer %q, only %s", want.Models(), name, strings.Join(want.LayerNames(), ", "))
		}
		at, found := index[number]
		if !found {
			at = len(f.parts)
			index[number] = at
			p := &part{want: want.Parts()[number]}
			p.want.Layers = nil
			f.parts = append(f.parts, p)
		}
		p := f.parts[at]
		layer, found := want.Layer(name)
		if !found {
			layer.Name = name // of a recipe without layers
		}
		f.columns = append(f.columns, pipeline.Column{Part: at, Layer: len(p.layers)})
		p.want.Layers, p.layers = append(p.want.Layers, layer), append(p.layers, layer.InModel())
	}
	if len(f.parts) == 0 {
		return errors.New("serving: no layers were requested")
	}
	for _, p := range f.parts {
		if len(f.parts) > 1 && picture.Views(p.want.Views).IsDense() {
			return fmt.Errorf("%w (%s of %s), which cannot be computed together with those of another model: predict features (--features), or train a head on one model", ErrViews, p.want.Views, p.want.Model)
		}
	}
	return nil
}

// locate finds where the models are: which of those that the caller names is which is told by their checksums.
func (f *Featurizer) locate(o Options) error {
	for _, p := range f.parts {
		p.place = cmp.Or(modelIn(o.Dir, p.want.Model), p.want.Model)
	}
	if len(f.parts) == 1 && len(o.Models) == 1 { // Check compares, and says all that differs
		f.parts[0].place, f.parts[0].named = o.Models[0], true
		return nil
	}
	for _, name := range o.Models {
		sum, err := models.SHA256(name)
		if err != nil {
			return fmt.Errorf("serving: the model %s: %w", name, err)
		}
		_, signature, _ := models.SavedModel(name)
		found := false
		for _, p := range f.parts {
			if p.want.ModelSHA256 == sum && (signature == "" || strings.HasSuffix(p.want.Model, ":"+signature)) {
				p.place, p.named, found = name, true, true
			}
		}
		if !found {
			return fmt.Errorf("%w %s: its SHA-256 is %.12s..., that of none of the models that are needed: %s", ErrNotNeeded, name, sum, f.describe())
		}
	}
	return nil
}

// ErrNotNeeded says that one of Options.Models is none of the recipe's.
var ErrNotNeeded = errors.New("serving: there is no use for the model")

// describe names the models with their checksums.
func (f *Featurizer) describe() string {
	var all []string
	for _, p := range f.parts {
		all = append(all, fmt.Sprintf("%s (%.12s...)", p.want.Model, p.want.ModelSHA256))
	}
	return strings.Join(slices.Compact(all), ", ")
}

// sharesModel says whether another part is computed by the same model, opened in the same way.
func (p *part) sharesModel(other *part) bool {
	a, b := p.want, other.want
	return p.place == other.place && a.ModelSHA256 == b.ModelSHA256 && a.Preprocessing == b.Preprocessing &&
		a.InputHeight == b.InputHeight && a.InputWidth == b.InputWidth && a.Precision == b.Precision && a.Method == b.Method
}

// open opens the model.
func (p *part) open(o Options) error {
	o.Session.Precision = cmp.Or(o.Session.Precision, standIn(p.want, o.Session))
	if err := o.Session.Slower(); err != nil {
		logrus.Warn(err)
	}
	var err error
	p.model, err = models.Open(p.place, models.Options{
		Session: o.Session, Preprocessing: p.want.Preprocessing, Convolutions: o.Convolutions,
		InputHeight: p.want.InputHeight, InputWidth: p.want.InputWidth, Dense: picture.Views(p.want.Views).IsDense(),
		Trust: o.Trust, Layers: p.layers, Like: p.want,
	})
	if err != nil {
		return fmt.Errorf("%w %s: %w", ErrModel, p.want.Model, err)
	}
	return nil
}

// standIn is the recipe's precision, or, where this CPU lacks its instructions, one whose features may be mixed
// with the recipe's.
func standIn(want recipe.Recipe, session inference.SessionConfig) inference.Precision {
	session.Precision = inference.Precision(want.Precision)
	exact := want
	exact.Precision, exact.Method = string(inference.Float32), ""
	if !errors.Is(session.Validate(), inference.ErrDevice) || !want.Mixes(exact) {
		return session.Precision
	}
	logrus.Warnf("the features are in %s, which this CPU cannot compute: taking a precision that may be mixed with it", want.Arithmetic())
	return inference.PrecisionAuto
}

// prepare makes the extractor of the open model.
func (p *part) prepare(o Options) error {
	var err error
	if p.project, err = models.FindProjection(p.want.Projection, o.places()...); err != nil {
		return err
	}
	p.extractor, err = p.extractorOf(o.Batch)
	if err != nil {
		return err
	}
	p.recipe = p.model.Recipe().WithPicturesOf(p.want)
	if p.named || p.place != p.want.Model {
		p.recipe.Model = p.want.Model // the checksum tells whether it is the same model
	}
	for i, l := range p.extractor.Layers() {
		if column := p.want.Layers[i].Name; column != l.Name {
			l.Name, l.Of = column, l.Name
		}
		p.recipe.Layers = append(p.recipe.Layers, l)
	}
	config, err := pipeline.ConfigFor(p.recipe)
	p.input = pipeline.Input{Picture: config.Picture, Preprocessing: config.Preprocessing}
	return err
}

func (p *part) extractorOf(batch int) (*inference.Extractor, error) {
	return inference.NewExtractor(p.model, inference.ExtractorOptions{Layers: p.layers, Pool: p.want.Pool, Project: p.project.Layer, Batch: batch})
}

// anyBatch makes extractors for batches of 1, 2, 4, ... images, the last of which is the part's own, and
// warms them up.
func (p *part) anyBatch() (pipeline.Extractor, error) {
	var all sized
	for size := 1; size < p.extractor.BatchSize(); size *= 2 {
		e, err := p.extractorOf(size)
		if err != nil {
			return nil, err
		}
		if err := e.WarmUp(); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return append(all, p.extractor), p.extractor.WarmUp()
}
