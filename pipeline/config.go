package pipeline

import (
	"fmt"
	"time"

	"fovea/picture"
	"fovea/preprocessing"
	"fovea/recipe"
)

// Config says how images are prepared and how much work is in flight.
type Config struct {
	// Picture says how a file becomes pixels of the model's input size.
	Picture picture.Options
	// Dense, if it has sides, feeds each whole image to the model at several scales instead, one
	// image per batch. The extractor must then be a SizedExtractor.
	Dense picture.Dense
	// Preprocessing says how pixels become the model's input values.
	Preprocessing preprocessing.Spec
	// Also says how the same image becomes further inputs, which follow the first one in the values of an image. The
	// extractor must then be a Joint.
	Also []Input
	// Facts are looked for in the files, beside the pixels. Group, if set, is the group of an image by them; its error makes
	// the image a failure. It is called by several goroutines.
	Facts picture.WantedFacts
	Group func(picture.Facts) (string, error)
	// Workers is the number of images decoded concurrently. Below 1 means one per CPU.
	Workers int
	// First, if set, computes the first readable image on its own, so that the first row arrives
	// early: a full batch takes seconds on a CPU. It may have any batch size.
	First Extractor
	// Grace, if set, is how long a cancelled run waits for reads and computations in progress.
	// Whatever takes longer is abandoned and finishes in the background: the extractor must then
	// stay open.
	Grace time.Duration
	// Monitor, if set, reports the progress of the run to any goroutine.
	Monitor *Monitor
	// Progress, if set, is called after each write to the sink, always from the same goroutine.
	Progress func(Stats)
}

// Input says how an image becomes the input of a model.
type Input struct {
	Picture       picture.Options
	Preprocessing preprocessing.Spec
}

// Values is the number of values of an image, with all views.
func (i Input) Values() int {
	return i.Picture.Views.Count() * i.Picture.Height * i.Picture.Width * i.Preprocessing.Depth()
}

// Inputs are the config's first input, unless that has dense views, and those of Also.
func (c Config) Inputs() []Input {
	return append([]Input{{c.Picture, c.Preprocessing}}, c.Also...)
}

// Pictures are the options of all Inputs.
func (c Config) Pictures() []picture.Options {
	var all []picture.Options
	for _, i := range c.Inputs() {
		all = append(all, i.Picture)
	}
	return all
}

// Limit bounds the pixels of an image and the processor time of decoding it; 0 is the default.
func (c *Config) Limit(pixels int, time time.Duration) {
	c.Picture.MaxPixels, c.Dense.MaxPixels = pixels, pixels
	c.Picture.MaxTime, c.Dense.MaxTime = time, time
}

func (c Config) dense() bool { return len(c.Dense.Sides) > 0 }

// ConfigFor is the configuration that a recipe asks for: how a file becomes the model's input.
func ConfigFor(r recipe.Recipe) (Config, error) {
	config := Config{
		Picture: picture.Options{
			Width:         r.InputWidth,
			Height:        r.InputHeight,
			Resize:        picture.Resize(r.Resize),
			Interpolation: picture.Interpolation(r.Interpolation),
			Background:    picture.Background(r.Background),
			Range:         picture.Range(r.Range),
			Bands:         picture.Bands(r.Bands),
			Views:         picture.Views(r.Views),
		},
		Preprocessing: r.Preprocessing,
	}
	if views := config.Picture.Views; views.IsDense() {
		sides, err := views.Sides()
		if err != nil {
			return Config{}, err
		}
		config.Dense = picture.Dense{
			Sides: sides, Flip: true, Interpolation: config.Picture.Interpolation,
			Background: config.Picture.Background, Range: config.Picture.Range, Bands: config.Picture.Bands,
		}
		if err := config.Dense.Validate(); err != nil {
			return Config{}, err
		}
	} else if err := config.Picture.Validate(); err != nil {
		return Config{}, err
	}
	if err := config.Preprocessing.Validate(); err != nil {
		return Config{}, fmt.Errorf("model %s: %w", r.Model, err)
	}
	return config, nil
}
