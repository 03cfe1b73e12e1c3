// Package models finds the model that a name on the command line stands for.
//
// It joins the kinds of models that there are; packages that know one kind do not know of
// each other, and package inference runs them all alike.
package models

import (
	"fmt"
	"os"

	"fovea/inference"
	"fovea/vgg"
	"fovea/vgg/imagenet"
)

// Default is the model that ships with the program: VGG16's ImageNet base.
const Default = "vgg16"

// Open opens the model of that name: a configuration of VGG by name. The caller closes it.
func Open(name string, config inference.SessionConfig) (*inference.Model, error) {
	if name == "" {
		name = Default
	}
	configuration, err := vgg.ByName(name)
	if err != nil {
		if info, statErr := os.Stat(name); statErr == nil && info.IsDir() {
			return nil, fmt.Errorf("models: %s is a directory: SavedModels cannot be opened by this version; use %s", name, Default)
		}
		return nil, fmt.Errorf("models: no model %q: %w", name, err)
	}
	if configuration.Name != Default {
		return nil, fmt.Errorf("models: %s is known, but there are no weights of it; use %s, which ships", configuration.Name, Default)
	}
	set, err := imagenet.VGG16()
	if err != nil {
		return nil, fmt.Errorf("models: the embedded weights of %s: %w", Default, err)
	}
	return vgg.Open(configuration, set, config)
}
