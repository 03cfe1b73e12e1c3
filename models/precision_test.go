package models

import (
	"errors"
	"strings"
	"testing"

	"fovea/convolution"
	"fovea/inference"
	"fovea/preprocessing"
)

// A precision of our own convolutions is refused for a model that has none of them: it would be computed in
// float32 under another name.
func TestInt16NeedsConvolutions(t *testing.T) {
	session := inference.SessionConfig{Device: inference.DeviceCPU, Precision: inference.Int16}
	if err := session.Validate(); err != nil {
		t.Skip(err)
	}
	_, err := Open("../testdata/savedmodel/keras-tokens", Options{Session: session, Preprocessing: preprocessing.TF})
	if !errors.Is(err, convolution.ErrNotFaster) || !strings.Contains(err.Error(), "keras-tokens cannot be computed in int16, use float32") {
		t.Errorf("the error is %v", err)
	}
	session.Precision = inference.Float32
	model, err := Open("../testdata/savedmodel/keras-tokens", Options{Session: session, Preprocessing: preprocessing.TF})
	if err != nil {
		t.Fatal(err)
	}
	if err := model.Close(); err != nil {
		t.Error(err)
	}
}
