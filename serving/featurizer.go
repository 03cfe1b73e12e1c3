package serving

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/sirupsen/logrus"

	"fovea/inference"
	"fovea/models"
	"fovea/picture"
	"fovea/pipeline"
	"fovea/projection"
	"fovea/recipe"
)

// Options say where a model is and how it computes. The zero value is the recipe's own model, in the
// recipe's precision, on the best device there is.
type Options struct {
	// Model is where the model is, if not where its recipe says: a name or directory, as models.Open
	// takes it. Its checksum still has to be the recipe's.
	Model string
	// Dir, if set, is searched for a SavedModel of the recipe's name, unless Model is set: the
	// directory of the head, where finetune scratch and train --unfreeze put both. It is also searched for a
	// fitted projection, and so is Beside, the directory of a dataset.
	Dir, Beside string
	// Trust lets a SavedModel do more than compute (models.Options.Trust): heads do not remember it.
	Trust bool
	// Session chooses device and precision; a Precision of "" is the recipe's.
	Session inference.SessionConfig
	// Batch is the number of images computed together, up to inference.MaxBatch (default: the
	// device's).
	Batch int
	// AnyBatch prepares batches of 1, 2, 4, ... up to Batch images as well, for work that comes in
	// pieces: a batch that is not full is otherwise filled up with zeros, so that one image takes as
	// long as eight. The model is warmed up for each size.
	AnyBatch bool
	// MaxPixels bounds width times height of an image (default: picture.DefaultMaxPixels).
	MaxPixels int
	// MaxTime bounds the processor time of decoding an image (default: picture.DefaultMaxTime).
	MaxTime time.Duration
	// Convolutions is models.Automatic (also ""), or models.Direct for a model that is exported.
	Convolutions string
}

// Featurizer computes features of images as a recipe says, so that they can be compared with those
// that others computed by it. It may be used by several goroutines. Close it after use.
type Featurizer struct {
	model     *inference.Model
	extractor *inference.Extractor
	config    pipeline.Config
	recipe    recipe.Recipe
	project   *projection.Projection
}

// ErrModel says that the model of a recipe cannot be opened: Options.Model says where it is.
var ErrModel = errors.New("serving: cannot open the model")

// OpenFeaturizer opens the model of a recipe for features of some of its layers, in that order.
func OpenFeaturizer(want recipe.Recipe, layers []string, o Options) (*Featurizer, error) {
	o.Session.Precision = cmp.Or(o.Session.Precision, standIn(want, o.Session))
	if err := o.Session.Slower(); err != nil {
		logrus.Warn(err)
	}
	o.Model = cmp.Or(o.Model, modelIn(o.Dir, want.Model))
	model, err := models.Open(cmp.Or(o.Model, want.Model), models.Options{
		Session: o.Session, Preprocessing: want.Preprocessing, Convolutions: o.Convolutions,
		InputHeight: want.InputHeight, InputWidth: want.InputWidth, Dense: picture.Views(want.Views).IsDense(),
		Trust: o.Trust, Layers: layers, Like: want,
	})
	if err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrModel, want.Model, err)
	}
	f, err := newFeaturizer(model, want, layers, o)
	if err != nil {
		_ = model.Close() // the error at hand matters more
		return nil, err
	}
	return f, nil
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

func newFeaturizer(model *inference.Model, want recipe.Recipe, layers []string, o Options) (*Featurizer, error) {
	f := &Featurizer{model: model}
	var err error
	if f.project, err = models.FindProjection(want.Projection, o.places()...); err != nil {
		return nil, err
	}
	f.extractor, err = inference.NewExtractor(model, inference.ExtractorOptions{Layers: layers, Pool: want.Pool, Project: f.project.Layer, Batch: o.Batch})
	if err != nil {
		return nil, err
	}
	f.recipe = model.Recipe().WithPicturesOf(want)
	if o.Model != "" {
		f.recipe.Model = want.Model // the checksum tells whether it is the same model
	}
	f.recipe.Layers = f.extractor.Layers()
	f.config, err = pipeline.ConfigFor(f.recipe)
	f.config.Limit(o.MaxPixels, o.MaxTime)
	return f, err
}

// places are the directories where a fitted projection may lie.
func (o Options) places() (dirs []string) {
	for _, dir := range []string{o.Dir, o.Beside} {
		if dir != "" {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// Recipe says how the features are computed here, which may differ from the requested recipe: compare
// both.
func (f *Featurizer) Recipe() recipe.Recipe { return f.recipe }

// Close closes the model.
func (f *Featurizer) Close() error { return f.model.Close() }

// File computes the features of one image file: a slice per layer. An error of the file itself says
// at which stage it was refused.
func (f *Featurizer) File(ctx context.Context, file string) ([][]float32, error) {
	item := pipeline.Item{Path: filepath.Base(file), File: file, Argument: file}
	var one oneImage
	if _, err := pipeline.Run(ctx, []pipeline.Item{item}, f.extractor, &one, f.config); err != nil {
		return nil, err
	}
	return one.features, one.failure
}

// ErrIncomparable says that the model found computes different features than the recipe's.
var ErrIncomparable = errors.New("serving: the features cannot be compared")

// Features computes some layers of one image file, to be compared with a dataset of that recipe: a
// slice for each. What cannot be compared is ErrIncomparable.
func Features(ctx context.Context, want recipe.Recipe, layers []string, file string, o Options) ([][]float32, error) {
	f, err := OpenFeaturizer(want, layers, o)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only computed with
	for _, d := range want.Compare(f.recipe) {
		if !d.Minor {
			return nil, fmt.Errorf("%w: %s: %s in the dataset, %s here", ErrIncomparable, d.Field, d.Have, d.Got)
		}
	}
	return f.File(ctx, file)
}

// oneImage is a sink for a single image.
type oneImage struct {
	features [][]float32
	failure  error
}

// Append implements pipeline.Sink.
func (s *oneImage) Append(rows []pipeline.Row) error {
	s.features = rows[0].Features
	return nil
}

// Fail implements pipeline.Sink.
func (s *oneImage) Fail(f pipeline.Failure) error {
	s.failure = fmt.Errorf("cannot %s %s: %s", f.Stage, f.File, f.Reason)
	return nil
}
