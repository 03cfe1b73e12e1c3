package pipeline

import (
	"fmt"

	"fovea/picture"
	"fovea/recipe"
)

// ConfigFor is the configuration that a recipe asks for: how a file becomes the model's input.
func ConfigFor(r recipe.Recipe) (Config, error) {
	config := Config{
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
			return Config{}, err
		}
		config.Dense = picture.Dense{Sides: sides, Flip: true, Interpolation: config.Picture.Interpolation, Background: config.Picture.Background}
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
