package models

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"fovea/vgg"
	"fovea/vgg/weights"
)

// Imported tells what Import did.
type Imported struct {
	// File holds the weights now.
	File string
	// Configuration is the network that they are of.
	Configuration vgg.Configuration
	// Adopted tells how they were taken over. Its Set is empty: the weights are in the file.
	Adopted vgg.Adopted
}

// Import reads a publisher's weights of a configuration and keeps them, in our own names and
// order, where Open finds them. Of the zero Configuration, it takes the one that they are of.
func Import(c vgg.Configuration, file, dir string) (Imported, error) {
	set, err := weights.Read(file)
	if err != nil {
		return Imported{}, err
	}
	if c.Name == "" {
		if c, err = vgg.Guess(set); err != nil {
			return Imported{}, fmt.Errorf("%s: %w", file, err)
		}
	}
	source := set.SHA256
	adopted, err := c.Adopt(set)
	if err != nil {
		return Imported{}, fmt.Errorf("%s: %w", file, err)
	}
	set, adopted.Set = adopted.Set, weights.Set{}
	set.Metadata["source"] = filepath.Base(file) + ", SHA-256 " + source
	target, err := keep(c, set, file, dir)
	return Imported{target, c, adopted}, err
}

// keep writes weights to the file where Open finds them, and returns it. source is the file
// that they came from.
func keep(c vgg.Configuration, set weights.Set, source, dir string) (string, error) {
	for name, tensor := range set.Tensors {
		if _, err := tensor.Float32(); err != nil { // NaN and infinity are found now, not when it is used
			return "", fmt.Errorf("models: %s: tensor %s: %w", source, name, err)
		}
	}
	target, err := File(c, dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return "", fmt.Errorf("models: %w", err)
	}
	var encoded bytes.Buffer
	if err := weights.WriteSafetensors(&encoded, set); err != nil {
		return "", err
	}
	if err := renameio.WriteFile(target, encoded.Bytes(), 0o644); err != nil {
		return "", fmt.Errorf("models: write %s: %w", target, err)
	}
	return target, nil
}
