package extraction

import (
	"fovea/inference"
	"fovea/models"
)

// Layers are the layers of the model that features name, in the order of its graph. features.Layers is
// not looked at.
func Layers(features Features) ([]inference.Layer, error) {
	return models.Layers(features.model(), features.ModelOptions())
}
