package cli

import (
	"fmt"

	"fovea/inference"
	"fovea/picture"
	"fovea/pipeline"
	"fovea/recipe"
)

// PipelineConfig is the pipeline's part of a recipe: how a file becomes the model's input.
func PipelineConfig(r recipe.Recipe) (pipeline.Config, error) {
	config := pipeline.Config{
		Picture: picture.Options{
			Width:         r.InputWidth,
			Height:        r.InputHeight,
			Resize:        picture.Resize(r.Resize),
			Interpolation: picture.Interpolation(r.Interpolation),
			Views:         picture.Views(r.Views),
		},
		Normalization: picture.Normalization(r.Preprocessing),
	}
	if err := config.Picture.Validate(); err != nil {
		return pipeline.Config{}, err
	}
	if err := config.Normalization.Validate(); err != nil {
		return pipeline.Config{}, fmt.Errorf("model %s: %w", r.Model, err)
	}
	return config, nil
}

// SessionFlags choose device and precision, for commands that run a model.
type SessionFlags struct {
	Device, Precision string
	Batch             int
}

// Config is the session that the flags ask for; wrong ones are a UsageError.
func (f SessionFlags) Config() (inference.SessionConfig, error) {
	config := inference.SessionConfig{Device: f.Device, Precision: inference.Precision(f.Precision)}
	if f.Batch < 1 || f.Batch > inference.MaxBatch {
		return config, Usagef("--batch %d: use 1 to %d", f.Batch, inference.MaxBatch)
	}
	return config, config.Validate()
}
