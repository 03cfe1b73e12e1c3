package serving

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"fovea/inference"
	"fovea/pipeline"
	"fovea/recipe"
)

// Options say where models are and how they compute. The zero value is the recipe's own models, in the
// recipe's precisions, on the best device there is.
type Options struct {
	// Models say where models are, if not where the recipe says: names or directories, as models.Open takes them.
	// Their checksums still have to be the recipe's; of several models, they tell which is which.
	Models []string
	// Dir, if set, is searched for SavedModels of the recipe's names that Models does not have: the
	// directory of the head, where finetune scratch and train --unfreeze put both. It is also searched for a
	// fitted projection, and so is Beside, the directory of a dataset.
	Dir, Beside string
	// Trust lets SavedModels do more than compute (models.Options.Trust): heads do not remember it.
	Trust bool
	// Session chooses device and precision; a Precision of "" is the recipe's, of each model.
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
	parts []*part
	// columns are the features' places among the parts, in the order that was asked for.
	columns []pipeline.Column
	// extractor is that of the only part, or a pipeline.Joint.
	extractor pipeline.Extractor
	config    pipeline.Config
	recipe    recipe.Recipe
}

// ErrModel says that the model of a recipe cannot be opened: Options.Models says where it is.
var ErrModel = errors.New("serving: cannot open the model")

// OpenFeaturizer opens the models of a recipe for features of some of its layers, by the names of their columns, in that
// order. Models without any of them are not opened.
func OpenFeaturizer(want recipe.Recipe, layers []string, o Options) (*Featurizer, error) {
	f := &Featurizer{}
	if err := f.divide(want, layers); err != nil {
		return nil, err
	}
	if err := f.locate(o); err != nil {
		return nil, err
	}
	err := f.open(o)
	if err == nil {
		err = f.join(o)
	}
	if err != nil {
		_ = f.Close() // the error at hand matters more
		return nil, err
	}
	return f, nil
}

// open opens the models, a model that several parts compute alike once.
func (f *Featurizer) open(o Options) error {
	for i, p := range f.parts {
		if same := slices.IndexFunc(f.parts[:i], p.sharesModel); same >= 0 {
			p.model, p.shared = f.parts[same].model, true
		} else if err := p.open(o); err != nil {
			return err
		}
		if err := p.prepare(o); err != nil {
			return err
		}
	}
	return nil
}

// join makes one extractor of those of the parts.
func (f *Featurizer) join(o Options) (err error) {
	first := f.parts[0]
	f.recipe, f.extractor = first.recipe, first.extractor
	if len(f.parts) > 1 {
		var recipes []recipe.Recipe
		for _, p := range f.parts {
			recipes = append(recipes, p.recipe)
		}
		if f.recipe, err = recipe.Join(recipes...); err != nil {
			return err
		}
		joint, err := f.joint(func(p *part) (pipeline.Extractor, error) { return p.extractor, nil })
		if err != nil {
			return err
		}
		f.extractor, f.config = joint, joint.Config()
	} else if f.config, err = pipeline.ConfigFor(first.recipe); err != nil {
		return err
	}
	f.config.Limit(o.MaxPixels, o.MaxTime)
	return nil
}

// joint joins extractors of the parts.
func (f *Featurizer) joint(of func(*part) (pipeline.Extractor, error)) (*pipeline.Joint, error) {
	var parts []pipeline.JointPart
	for _, p := range f.parts {
		extractor, err := of(p)
		if err != nil {
			return nil, err
		}
		parts = append(parts, pipeline.JointPart{Extractor: extractor, Input: p.input})
	}
	return pipeline.NewJoint(parts, f.columns)
}

// anyBatch is the extractor for batches of any size, warmed up.
func (f *Featurizer) anyBatch() (pipeline.Extractor, error) {
	if len(f.parts) == 1 {
		return f.parts[0].anyBatch()
	}
	return f.joint((*part).anyBatch)
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

// Close closes the models.
func (f *Featurizer) Close() error {
	var all error
	for _, p := range f.parts {
		if p.model != nil && !p.shared {
			all = errors.Join(all, p.model.Close())
		}
	}
	return all
}

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
	if err := f.Comparable(); err != nil {
		return nil, err
	}
	return f.File(ctx, file)
}

// Comparable returns ErrIncomparable if the features that are computed here cannot be compared with those of the recipe
// that was asked for.
func (f *Featurizer) Comparable() error {
	for _, p := range f.parts {
		for _, d := range p.want.Compare(p.recipe) {
			if !d.Minor {
				return fmt.Errorf("%w: %s: %s in the dataset, %s here", ErrIncomparable, d.Field, d.Have, d.Got)
			}
		}
	}
	return nil
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
