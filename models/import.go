package models

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"fovea/internal/output"
	"fovea/preprocessing"
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
	// Preprocessing is what they were trained on.
	Preprocessing Finding
	// Suspect tells what is odd about the weights themselves, each a sentence.
	Suspect []string
}

// ImportOptions say how weights are imported.
type ImportOptions struct {
	// Configuration is the network that they are of (default: the one that they fit).
	Configuration vgg.Configuration
	// Dir is where imported weights are kept (default: Dir()).
	Dir string
	// Preprocessing is what they were trained on (default: what the file tells; see
	// ErrPreprocessing).
	Preprocessing preprocessing.Spec
}

// Import reads a publisher's weights and keeps them, in our own names and order and with their
// preprocessing, where Open finds them.
func Import(file string, options ImportOptions) (Imported, error) {
	set, err := weights.Read(file)
	if err != nil {
		return Imported{}, err
	}
	layers, inLayers, err := vgg.KerasPreprocessing(set)
	if err != nil && options.Preprocessing.IsZero() {
		return Imported{}, fmt.Errorf("%s: %w; %s", file, err, candidates(preprocessing.None, preprocessing.ZeroOne, preprocessing.TF))
	}
	c := options.Configuration
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
	found := Finding{Spec: layers, Reason: "what the model's own layers do before the first convolution"}
	if !inLayers || !options.Preprocessing.IsZero() {
		if found, err = findPreprocessing(file, options.Preprocessing, set, adopted); err != nil {
			return Imported{}, fmt.Errorf("%s: %w", file, err)
		}
	}
	if inLayers && layers != found.Spec {
		found.Warning = fmt.Sprintf("the model's own layers do otherwise before the first convolution: %s (%s)", layers, layers.Describe())
	}
	set, adopted.Set = adopted.Set, weights.Set{}
	set.Metadata["source"] = filepath.Base(file) + ", SHA-256 " + source
	set.Metadata[vgg.PreprocessingKey], set.Metadata[vgg.PreprocessingSourceKey] = found.Spec.String(), found.Reason
	odd, err := suspect(set) // NaN and infinity are found now, not when it is used
	if err != nil {
		return Imported{}, fmt.Errorf("models: %s: %w", file, err)
	}
	target, err := keep(c, set, options.Dir)
	return Imported{File: target, Configuration: c, Adopted: adopted, Preprocessing: found, Suspect: odd}, err
}

// keep writes weights to the file where Open finds them, and returns it.
func keep(c vgg.Configuration, set weights.Set, dir string) (string, error) {
	target, err := File(c, dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return "", fmt.Errorf("models: %w", err)
	}
	if err := output.Write(target, func(w io.Writer) error { return weights.WriteSafetensors(w, set) }); err != nil {
		return "", fmt.Errorf("models: %w", err)
	}
	return target, nil
}
