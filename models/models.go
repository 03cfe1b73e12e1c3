package models

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/sirupsen/logrus"

	"fovea/convolution"
	"fovea/inference"
	"fovea/preprocessing"
	"fovea/recipe"
	"fovea/savedmodel"
	"fovea/vgg"
	"fovea/vgg/imagenet"
	"fovea/vgg/weights"
)

// Default is the model that ships with the program: VGG16's ImageNet base.
const Default = "vgg16"

// Options say how a model is opened.
type Options struct {
	// Session chooses device and precision; inference.PrecisionAuto is chosen when the model is opened.
	Session inference.SessionConfig
	// Layers are those that will be computed, for PrecisionAuto: it measures them where their drift is not
	// published (default: the last one).
	Layers []string
	// Like, with PrecisionAuto, is the recipe of features that those of the model are to be mixed with.
	Like recipe.Recipe
	// Preprocessing overrides what the model says, or does not say, about its input.
	Preprocessing preprocessing.Spec
	// Dir holds imported weights (default: Dir()).
	Dir string
	// Convolutions is Automatic (also ""), the fastest way for the device, or Direct, TensorFlow's own
	// operation everywhere.
	Convolutions string
	// InputHeight and InputWidth are the size of images in pixels for a SavedModel that takes any size. For
	// other models a size that is not theirs is ErrSize.
	InputHeight, InputWidth int
	// Dense opens a VGG (vgg.Options.Dense) or a fully convolutional SavedModel for dense views: images of any
	// size. Other SavedModels are ErrNotDense.
	Dense bool
	// Pictures, if set, says how many images will be computed; it may wait until that is known. For many, faster
	// convolutions of a small SavedModel are tried, too.
	Pictures func() int
	// Trust lets a SavedModel do more than compute, such as reading files; without it, that is ErrUntrusted.
	Trust bool

	// pool is how the layers will be pooled.
	pool string
}

// ErrUntrusted says that a SavedModel would do more than compute.
var ErrUntrusted = savedmodel.ErrUntrusted

// ErrNotDense says that a model takes images of one size only.
var ErrNotDense = savedmodel.ErrNotDense

// ErrSize says that a model does not take images of the requested size.
var ErrSize = savedmodel.ErrSize

// The ways to compute convolutions.
const (
	Automatic = "auto"
	Direct    = "direct"
)

// ValidateConvolutions says what is wrong with a choice of Convolutions.
func ValidateConvolutions(choice string) error {
	if choice != "" && choice != Automatic && choice != Direct {
		return fmt.Errorf("models: unknown way %q to compute convolutions: use %s or %s", choice, Automatic, Direct)
	}
	return nil
}

// ErrNoCache says that the environment names no place for imported weights: without FOVEA_CACHE it takes
// XDG_CACHE_HOME or HOME.
var ErrNoCache = errors.New("there is no cache directory: set FOVEA_CACHE to a directory")

// Dir is the directory of imported weights: models/ in FOVEA_CACHE or in the platform's place for caches. Where
// there is no such place, it is ErrNoCache.
func Dir() (string, error) { return cached("models") }

func cached(what string) (string, error) {
	if dir := os.Getenv("FOVEA_CACHE"); dir != "" {
		return filepath.Join(dir, what), nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("models: %w (%w)", ErrNoCache, err)
	}
	return filepath.Join(cache, "fovea", what), nil
}

// makeCache makes the directory of imported weights.
func makeCache(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("models: weights are kept in %s: %w: set FOVEA_CACHE to a directory that can be written to", dir, err)
	}
	return nil
}

// SavedModel splits DIR or DIR:SIGNATURE into the directory of a SavedModel and the name of one of its
// signatures, "" for the default. It is false for names that are neither.
func SavedModel(name string) (dir, signature string, ok bool) {
	isDir := func(path string) bool {
		info, err := os.Stat(path)
		return err == nil && info.IsDir()
	}
	if isDir(name) {
		return name, "", true
	}
	if i := strings.LastIndexByte(name, ':'); i > 0 && isDir(name[:i]) {
		return name[:i], name[i+1:], true
	}
	return "", "", false
}

// Open opens the model that name stands for: a directory with a SavedModel (see SavedModel), or a
// configuration of VGG whose weights were imported or ship. Another name is ErrUnknown. The caller closes
// the model.
func Open(name string, options Options) (*inference.Model, error) {
	if err := ValidateConvolutions(options.Convolutions); err != nil {
		return nil, err
	}
	if name == "" {
		name = Default
	}
	if options.Session.Precision != inference.PrecisionAuto {
		return open(name, options)
	}
	if err := options.Session.Validate(); err != nil {
		return nil, err
	}
	return (&fastest{name: name, options: options}).open()
}

// SHA256 is that of the model that name stands for, by which recipes know it. It opens nothing. All signatures of a
// SavedModel have the same one.
func SHA256(name string) (string, error) {
	if dir, _, ok := SavedModel(name); ok {
		return savedmodel.SHA256(dir)
	}
	c, err := configuration(name)
	if err != nil {
		return "", err
	}
	set, err := Weights(c, "")
	return set.SHA256, err
}

func open(name string, options Options) (*inference.Model, error) {
	dir, signature, isSavedModel := SavedModel(name)
	if !isSavedModel {
		return openConfiguration(name, options)
	}
	go inference.Load() // its error is that of opening, which waits for it
	return openSavedModel(dir, signature, name, options, newMemory(signature, options))
}

// accelerated is the model after accelerate, unless the model's own convolutions are wanted. Should that fail, the
// model works as before, only slower.
func (o Options) accelerated(name string, model *inference.Model, accelerate func() error) (*inference.Model, error) {
	if o.Convolutions == Direct {
		return model, nil
	}
	err := accelerate()
	if errors.Is(err, convolution.ErrSlower) {
		logrus.Infof("%v: they are used, as with --convolutions %s", err, Direct)
	}
	if err != nil && model.Precision.OwnConvolutions() {
		return nil, errors.Join(fmt.Errorf("models: %s cannot be computed in %s, use float32: %w", name, model.Precision, err), model.Close())
	}
	return model, nil
}

// Layers are the layers of the model that name stands for. A SavedModel is opened only if its graph does not
// show them by itself, because of random layers, or for dense views, which have to be tried, or to be trusted.
func Layers(name string, options Options) ([]inference.Layer, error) {
	if options.Session.Precision == inference.PrecisionAuto {
		options.Session.Precision, options.Session.MaxDrift = inference.Float32, 0
	}
	if dir, signature, isSavedModel := SavedModel(name); isSavedModel && !options.Trust && !options.Dense {
		model, err := savedmodel.Examine(dir, options.savedModel(name, signature))
		if err != nil {
			return nil, err
		}
		if len(model.Layers) > 0 {
			return model.Layers, nil
		}
	}
	options.Convolutions = Direct // nothing is computed, so nothing need be accelerated
	model, err := Open(name, options)
	if err != nil {
		return nil, err
	}
	defer model.Close() // nothing depends on it
	return model.Layers, nil
}

// savedModel are the options for a SavedModel.
func (o Options) savedModel(name, signature string) savedmodel.Options {
	options := savedmodel.Options{
		Session: o.Session, Preprocessing: o.Preprocessing, Signature: signature,
		InputHeight: o.InputHeight, InputWidth: o.InputWidth, Dense: o.Dense,
	}
	if o.Trust {
		options.Trust = func(found []savedmodel.Impure) {
			kinds := map[string]bool{}
			for _, one := range found {
				kinds[one.Operation] = true
			}
			logrus.Warnf("%s is trusted and runs operations that do more than compute: %s", name, strings.Join(slices.Sorted(maps.Keys(kinds)), ", "))
		}
	}
	return options
}

// ErrUnknown says that no model has that name: it is neither a SavedModel's directory nor a
// configuration's name.
var ErrUnknown = vgg.ErrUnknown

func configuration(name string) (vgg.Configuration, error) {
	c, err := vgg.ByName(name)
	if err != nil {
		return c, fmt.Errorf("models: %q is neither a directory with a SavedModel nor the name of a model: %w", name, err)
	}
	return c, nil
}

// ErrNoWeights says that a configuration is known, but has no weights on this machine.
var ErrNoWeights = errors.New("there are no weights")

// Weights returns the imported weights of a configuration, or those that ship. Without either it returns
// ErrNoWeights.
func Weights(c vgg.Configuration, dir string) (weights.Set, error) {
	file, err := weightsFile(c, dir)
	var data []byte
	if err == nil {
		data, err = os.ReadFile(file)
	}
	switch {
	case err == nil:
		set, err := weights.ParseSafetensors(data)
		if err != nil {
			return weights.Set{}, fmt.Errorf("models: %s: %w", file, err)
		}
		return set, nil
	case !errors.Is(err, ErrNoCache) && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR): // there may be some
		return weights.Set{}, fmt.Errorf("models: read imported weights: %w: make the directory readable, or set FOVEA_CACHE to another one", err)
	case c.Name == Default:
		return imagenet.VGG16()
	case errors.Is(err, ErrNoCache):
		return weights.Set{}, fmt.Errorf("models: %w of %s here: %w, and %s", ErrNoWeights, c.Name, ErrNoCache, howToGet(c))
	}
	return weights.Set{}, fmt.Errorf("models: %w of %s here: %s; only %s ships with the program", ErrNoWeights, c.Name, howToGet(c), Default)
}

// howToGet says how to get the weights of a configuration.
func howToGet(c vgg.Configuration) string {
	importing := fmt.Sprintf("import a file with extract model import %s FILE", c.Name)
	for _, p := range Catalogue {
		if p.Configuration == c.Name {
			return fmt.Sprintf("download them with extract model fetch %s, or %s", p.Name, importing)
		}
	}
	return importing
}

// weightsFile is the file of a configuration's imported weights, whether or not it exists. An empty dir is Dir().
func weightsFile(c vgg.Configuration, dir string) (string, error) {
	if dir == "" {
		var err error
		if dir, err = Dir(); err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, c.Name+".safetensors"), nil
}
