package extraction

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
	"fovea/picture/tiles"
	"fovea/pipeline"
	"fovea/preprocessing"
	"fovea/projection"
	"fovea/recipe"
)

// Features say which numbers an image becomes: the layers of a model, and how the image is shown to it. Only
// Layers must be set.
type Features struct {
	// Model is a name or directory, as models.Open takes it (default models.Default).
	Model string
	// Layers are the names of the layers, one column each.
	Layers []string
	// Pool is a pooling as recipe.ParsePool reads it. Dense views are always averaged.
	Pool string
	// Project projects long layers after pooling, nil for none. One that is to be fitted is, before a run begins.
	Project *projection.Projection
	// Views are the views of an image to average features over (default picture.Center).
	Views picture.Views
	// Resize, Interpolation, Background, Range and Bands are those of picture.Options. Dense views take no Resize.
	Resize        picture.Resize
	Interpolation picture.Interpolation
	Background    picture.Background
	Range         picture.Range
	Bands         picture.Bands
	// Tiles says how large images are cut into pieces, a row each; the zero value leaves them whole.
	Tiles tiles.Spec
	// Trust lets a SavedModel do more than compute (models.Options.Trust).
	Trust bool
	// Preprocessing overrides the model's own.
	Preprocessing preprocessing.Spec
	// Convolutions is models.Automatic (also "") or models.Direct.
	Convolutions string
	// Width and Height are the size of images in pixels, for models that take any; 0 means the model's.
	Width, Height int
	// Session chooses devices and precision.
	Session inference.SessionConfig
	// Batch is the number of images computed together, 0 for the device's default.
	Batch int

	// pictures, if set, is models.Options.Pictures.
	pictures func() int
}

// OptionsError is an error in Features or Options.
type OptionsError struct{ Err error }

func (e *OptionsError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *OptionsError) Unwrap() error { return e.Err }

func wrong(format string, arguments ...any) error {
	return &OptionsError{fmt.Errorf(format, arguments...)}
}

// Validate finds what is wrong without opening the model. Its errors are *OptionsError, except
// inference.ErrDevice: that is the machine's.
func (f Features) Validate() error {
	switch {
	case len(f.Layers) == 0 || slices.Contains(f.Layers, ""):
		return wrong("layers %q: name at least one layer, and leave no name empty", strings.Join(f.Layers, ","))
	case twice(f.Layers) != "":
		return wrong("layer %s is given twice", twice(f.Layers))
	case f.Batch < 0 || f.Batch > inference.MaxBatch:
		return wrong("a batch of %d images: use 1 to %d", f.Batch, inference.MaxBatch)
	case f.Width < 0 || f.Height < 0 || (f.Width == 0) != (f.Height == 0):
		return wrong("images of %dx%d pixels: give a width and a height", f.Width, f.Height)
	}
	if _, err := recipe.ParsePool(f.Pool); err != nil {
		return &OptionsError{err}
	}
	if err := f.Session.Validate(); err != nil {
		if errors.Is(err, inference.ErrDevice) {
			return err
		}
		return &OptionsError{err}
	}
	if f.Convolutions == models.Direct && f.Session.Precision.OwnConvolutions() {
		return wrong("precision %s is not for TensorFlow's own convolutions: leave out --convolutions %s, or use float32", f.Session.Precision, models.Direct)
	}
	if err := errors.Join(models.ValidateConvolutions(f.Convolutions), f.Views.Validate()); err != nil {
		return &OptionsError{err}
	}
	if err := f.validateDense(); err != nil {
		return err
	}
	one := picture.Options{Width: 1, Height: 1, Resize: f.Resize, Interpolation: f.Interpolation, Background: f.Background, Range: f.Range, Bands: f.Bands}
	if err := cmp.Or(one.Validate(), f.Tiles.Validate()); err != nil {
		return &OptionsError{err}
	}
	return nil
}

func (f Features) validateDense() error {
	pool, err := recipe.ParsePool(f.Pool)
	switch {
	case err != nil:
		return &OptionsError{err}
	case !f.Views.IsDense():
	case f.Resize != "" && f.Resize != picture.Squash || pool.Kind != recipe.PoolNone && pool.Kind != recipe.PoolAverage:
		return wrong("views %s show whole images and average over positions: leave out --resize and --pool", f.Views)
	case f.Width > 0:
		return wrong("views %s show images at the sizes that they name: leave out --size", f.Views)
	}
	return nil
}

// ModelOptions say how models.Open opens the model.
func (f Features) ModelOptions() models.Options {
	return models.Options{
		Session: f.Session, Preprocessing: f.Preprocessing, Convolutions: f.Convolutions,
		InputHeight: f.Height, InputWidth: f.Width, Dense: f.Views.IsDense(), Trust: f.Trust, Pictures: f.pictures,
	}
}

// extractorOptions are those of the model's extractors, for batches of so many views.
func (f Features) extractorOptions(batch int) inference.ExtractorOptions {
	o := inference.ExtractorOptions{Layers: f.Layers, Pool: f.Pool, Batch: batch}
	if f.Project != nil && !f.Project.Unfitted() {
		o.Project = f.Project.Layer
	}
	return o
}

// Open opens the model on all devices of the session. The caller closes the group. The errors of package
// models say what is wrong with the model; an image size that a layer cannot be computed for is an
// *OptionsError.
func (f Features) Open() (*inference.Group, error) {
	options := f.extractorOptions(f.Batch)
	options.Project = nil // once it is known to suit
	group, err := models.OpenGroup(f.model(), f.ModelOptions(), options, f.Views.Count())
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(f.checkSides(group.First()), f.project(group)); err != nil {
		return nil, errors.Join(err, group.Close())
	}
	f.noteSize(group.First().Model())
	return group, nil
}

func (f Features) model() string { return cmp.Or(f.Model, models.Default) }

// checkSides refuses dense views too small for a layer to have any output.
func (f Features) checkSides(extractor *inference.Extractor) error {
	if !f.Views.IsDense() {
		return nil
	}
	sides, err := f.Views.Sides()
	if err != nil {
		return &OptionsError{err}
	}
	if slices.Min(sides) < extractor.Least() {
		return wrong("views %s: the layers %s need images of %d pixels or more", f.Views, strings.Join(f.Layers, ", "), extractor.Least())
	}
	return nil
}

// noteSize logs the image size chosen for a model that takes any, and that a model cannot compute batches.
func (f Features) noteSize(model *inference.Model) {
	if model.SizeChosen && f.Width == 0 && !f.Views.IsDense() {
		logrus.Infof("%s takes images of any size: using %dx%d; --size chooses another", f.model(), model.InputWidth, model.InputHeight)
	}
	if model.MaxBatch == 1 {
		logrus.Infof("computing one image at a time: the graph of %s takes no more, or mixes the images of a batch", f.model())
	}
}

// Recipe is everything that decides the features' values, as datasets record it.
func (f Features) Recipe(extractor *inference.Extractor) recipe.Recipe {
	r := extractor.Model().Recipe()
	r.Resize = string(cmp.Or(f.Resize, picture.Squash))
	r.Interpolation = string(cmp.Or(f.Interpolation, picture.Bilinear))
	pool, _ := recipe.ParsePool(f.Pool) // the extractor has it
	r.Pool = pool.String()
	r.Projection = f.Project.How().String()
	r.Background = string(f.Background)
	if given, err := picture.ParseRange(string(f.Range)); err == nil { // as Validate found
		r.Range = string(given)
	}
	if given, err := picture.ParseBands(string(f.Bands)); err == nil {
		r.Bands = string(given)
	}
	r.Tiles = f.Tiles.String()
	if views := cmp.Or(f.Views, picture.Center); views != picture.Center {
		r.Views = string(views.Canonical())
	}
	if f.Views.IsDense() {
		r.Resize, r.Pool = recipe.ResizeDense, recipe.PoolAverage
	}
	r.Layers = extractor.Layers()
	return r
}

// ImagesPerBatch is the number of whole images that the group computes together.
func (f Features) ImagesPerBatch(group *inference.Group) int {
	if f.Views.IsDense() {
		return 1
	}
	return max(1, group.BatchSize()/f.Views.Count())
}

// First is for pipeline.Config.First of a dataset's first run. The size of a batch decides the last bits of
// features, and the first image of every dataset is computed by itself, so that a resumed dataset is the
// same as one made in a single run. It is nil where all batches have one image.
func (f Features) First(group *inference.Group) (pipeline.Extractor, error) {
	if f.ImagesPerBatch(group) == 1 {
		return nil, nil
	}
	return inference.NewExtractor(group.First().Model(), f.extractorOptions(f.Views.Count()))
}

// twice is a name that occurs again, or "".
func twice(names []string) string {
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return name
		}
	}
	return ""
}
