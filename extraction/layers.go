package extraction

import (
	"fovea/inference"
	"fovea/models"
)

// Layers are the layers of the model that features name, in the order of its graph. features.Layers is
// not looked at.
func Layers(features Features) ([]inference.Layer, error) {
	features.Convolutions = models.Direct // nothing is computed, so nothing need be accelerated
	model, err := models.Open(features.model(), features.ModelOptions())
	if err != nil {
		return nil, err
	}
	defer model.Close() // nothing depends on it
	return model.Layers, nil
}
