package models

import (
	_ "embed" // for the scripts
	"fmt"
	"os"
	"path/filepath"

	"fovea/internal/output"
	"fovea/internal/samples"
	"fovea/vgg/weights"
)

//go:embed reference/keras.py
var kerasScript string

//go:embed reference/torch.py
var torchScript string

// ReferenceScript is a short Python program that computes, in the framework of that name
// ("keras" or "torch"), every layer of a model for the photographs in the program, and writes
// them to reference.npz for CheckOptions.Reference. It is false for other frameworks.
func ReferenceScript(framework string) (string, bool) {
	script, found := map[string]string{"keras": kerasScript, "torch": torchScript}[framework]
	return script, found
}

// ReadReference reads what such a script wrote.
func ReadReference(file string) (map[string][]float32, error) {
	set, err := weights.Read(file)
	if err != nil {
		return nil, err
	}
	reference := make(map[string][]float32, len(set.Tensors))
	for name, tensor := range set.Tensors {
		if reference[name], err = tensor.Float32(); err != nil {
			return nil, fmt.Errorf("models: %s: layer %s: %w", file, name, err)
		}
	}
	return reference, nil
}

// WritePhotos writes the photographs in the program to a directory, which it makes.
func WritePhotos(dir string) error {
	photos, err := samples.Photos()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("models: %w", err)
	}
	for _, photo := range photos {
		if err := output.WriteFile(filepath.Join(dir, photo.Name), photo.Data); err != nil {
			return fmt.Errorf("models: %w", err)
		}
	}
	return nil
}
