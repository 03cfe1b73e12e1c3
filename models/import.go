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

// Import reads a publisher's weights of a configuration and keeps them, in our own names and
// order, where Open finds them. It returns the file.
func Import(c vgg.Configuration, file, dir string) (string, error) {
	set, err := weights.Read(file)
	if err != nil {
		return "", err
	}
	source := set.SHA256
	if set, err = c.Adopt(set); err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	for name, tensor := range set.Tensors {
		if _, err := tensor.Float32(); err != nil { // NaN and infinity are found now, not when it is used
			return "", fmt.Errorf("models: %s: tensor %s: %w", file, name, err)
		}
	}
	set.Metadata["source"] = filepath.Base(file) + ", SHA-256 " + source
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
