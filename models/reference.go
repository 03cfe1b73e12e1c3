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

// ReferenceScript is a short Python program for a framework ("keras" or "torch"). It computes every layer of a
// model for the built-in photographs and writes them to reference.npz for CheckOptions.Reference. It is false
// for other frameworks.
func ReferenceScript(framework string) (string, bool) {
	script, found := map[string]string{"keras": kerasScript, "torch": torchScript}[framework]
	return script, found
}

// ReadReference reads what such a script wrote. It may take maxMemory bytes of memory; see weights.Options.
func ReadReference(file string, maxMemory int64) (map[string][]float32, error) {
	set, err := weights.Options{MaxMemory: maxMemory}.Read(file)
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

// WritePhotos writes the built-in photographs to a directory, which it creates.
func WritePhotos(dir string) error {
	photos, err := samples.Photos()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("models: write the photographs: %w", err)
	}
	for _, photo := range photos {
		if err := output.WriteFile(filepath.Join(dir, photo.Name), photo.Data); err != nil {
			return fmt.Errorf("models: write the photographs: %w", err)
		}
	}
	return nil
}
