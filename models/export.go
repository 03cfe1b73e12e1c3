package models

import (
	"maps"

	"fovea/preprocessing"
	"fovea/vgg"
)

// Export writes a configuration with its weights as a SavedModel to the new directory dir, as vgg.Export. The
// preprocessing, unless it is zero, is what the SavedModel states instead of that of the weights.
func Export(c vgg.Configuration, dir string, how preprocessing.Spec) error {
	set, err := Weights(c, "")
	if err != nil {
		return err
	}
	if !how.IsZero() {
		set.Metadata = maps.Clone(set.Metadata)
		if set.Metadata == nil {
			set.Metadata = map[string]string{}
		}
		set.Metadata[vgg.PreprocessingKey] = how.String()
	}
	return vgg.Export(c, set, dir)
}
