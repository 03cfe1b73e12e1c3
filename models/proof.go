package models

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sirupsen/logrus"

	"fovea/convolution"
	"fovea/inference"
)

// proof remembers that the changed graph of a SavedModel was found to compute the same, and to be faster or slower, so
// that it need not be tried again: that takes as long as some dozens of images. It holds for the very same
// program, library, processor and model. What was found different is not remembered.
type proof struct {
	surroundings
	Model     string `json:"model"` // its SHA-256
	Signature string `json:"signature,omitempty"`
	Precision string `json:"precision"`
	Height    int    `json:"height"`
	Width     int    `json:"width"`
	MaxBatch  int    `json:"max_batch,omitempty"`
	Dense     bool   `json:"dense,omitempty"`
	Unfused   bool   `json:"unfused,omitempty"`
	// Slower is what was found: that TensorFlow's own convolutions are faster.
	Slower bool `json:"slower,omitempty"`
}

// accelerate makes a SavedModel faster. Its changed graph is tried first, unless that was done before.
func accelerate(model *inference.Model, signature string, options Options) error {
	tried := convolution.Options{Verify: true, Measure: !model.Precision.OwnConvolutions(), Pictures: options.Pictures}
	dir := options.remembering()
	v, known := proofFor(model, signature, options.Dense)
	if !known || dir == "" {
		return convolution.Accelerate(model, tried)
	}
	dir = filepath.Join(dir, "trials")
	if v.stands(dir) {
		return convolution.Accelerate(model, convolution.Options{})
	}
	slower := v
	slower.Slower = true
	if slower.stands(dir) {
		return fmt.Errorf("%w for %s, as was measured before", convolution.ErrSlower, model.Name)
	}
	err := convolution.Accelerate(model, tried)
	switch {
	case err == nil:
		v.keep(dir)
	case errors.Is(err, convolution.ErrSlower):
		slower.keep(dir)
	}
	return err
}

// proofFor is false if something is unknown on which a trial depends.
func proofFor(model *inference.Model, signature string, dense bool) (proof, bool) {
	v := proof{
		surroundings: surroundingsWith(library()),
		Model:        model.SHA256, Signature: signature, Precision: string(model.Precision),
		Height: model.InputHeight, Width: model.InputWidth, MaxBatch: model.MaxBatch, Dense: dense, Unfused: model.Unfused,
	}
	return v, v.known() && v.Library != "" && v.Model != ""
}

// stands says whether the proof was kept in dir.
func (v proof) stands(dir string) bool {
	want, err := sealed(v)
	if err != nil {
		return false
	}
	file, err := fileOf(dir, v)
	if err != nil {
		return false
	}
	got, err := os.ReadFile(file)
	return err == nil && string(got) == string(want)
}

// keep keeps the proof in dir. Where that is impossible, the model is tried each time.
func (v proof) keep(dir string) {
	file, err := fileOf(dir, v)
	if err == nil {
		err = writeSealed(file, v)
	}
	if err != nil {
		logrus.Debugf("that its convolutions were tried will not be remembered: %v", err)
	}
}
