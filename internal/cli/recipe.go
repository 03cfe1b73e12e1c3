package cli

import (
	"fmt"

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
			Background:    picture.Background(r.Background),
			Views:         picture.Views(r.Views),
		},
		Preprocessing: r.Preprocessing,
	}
	if views := config.Picture.Views; views.IsDense() {
		sides, err := views.Sides()
		if err != nil {
			return pipeline.Config{}, err
		}
		config.Dense = picture.Dense{Sides: sides, Flip: true, Interpolation: config.Picture.Interpolation, Background: config.Picture.Background}
		if err := config.Dense.Validate(); err != nil {
			return pipeline.Config{}, err
		}
	} else if err := config.Picture.Validate(); err != nil {
		return pipeline.Config{}, err
	}
	if err := config.Preprocessing.Validate(); err != nil {
		return pipeline.Config{}, fmt.Errorf("model %s: %w", r.Model, err)
	}
	return config, nil
}
