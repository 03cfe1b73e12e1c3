package servable

import (
	"errors"
	"fmt"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"fovea/inference"
)

// Servable is a SavedModel that Export has written, loaded. Close it after use.
type Servable struct {
	loaded  *tf.SavedModel
	input   tf.Output
	outputs []tf.Output
}

// ErrFormat marks a SavedModel that Export has not written.
var ErrFormat = errors.New("not a SavedModel from the bytes of images to probabilities")

// Open loads the SavedModel in dir with TensorFlow's own loader.
func Open(dir string, session inference.SessionConfig) (*Servable, error) {
	options, err := session.Options()
	if err != nil {
		return nil, err
	}
	loaded, err := tf.LoadSavedModel(dir, []string{"serve"}, options)
	if err != nil {
		return nil, fmt.Errorf("servable: %s: %w", dir, err)
	}
	s := &Servable{loaded: loaded}
	signature := loaded.Signatures[Signature]
	find := func(name string) (tf.Output, error) {
		operation := loaded.Graph.Operation(name)
		if operation == nil || operation.NumOutputs() != 1 {
			return tf.Output{}, fmt.Errorf("servable: %s: %w: it has no %s", dir, ErrFormat, name)
		}
		return operation.Output(0), nil
	}
	if s.input, err = find(Input); err == nil {
		for _, name := range []string{Probabilities, ClassNames, Label, Novelty} {
			if _, found := signature.Outputs[name]; !found && name == Novelty {
				break // of a head that cannot tell
			} else if !found {
				err = fmt.Errorf("servable: %s: %w: its signature gives no %s", dir, ErrFormat, name)
				break
			}
			var output tf.Output
			if output, err = find(name); err != nil {
				break
			}
			s.outputs = append(s.outputs, output)
		}
	}
	if err != nil {
		return nil, errors.Join(err, loaded.Session.Close())
	}
	return s, nil
}

// Results are what a SavedModel computes of files, in their order.
type Results struct {
	// Probabilities has a row for each file, Classes the names of their classes.
	Probabilities [][]float32
	Classes       [][]string
	Labels        []string
	// Novelty is nil if the SavedModel gives none.
	Novelty []float32
}

// Predict computes the contents of files together. One file that cannot be read is an error of all.
func (s *Servable) Predict(files [][]byte) (Results, error) {
	contents := make([]string, len(files))
	for i, f := range files {
		contents[i] = string(f)
	}
	if len(files) == 0 {
		return Results{}, errors.New("servable: no images given")
	}
	tensor, err := tf.NewTensor(contents)
	if err != nil {
		return Results{}, fmt.Errorf("servable: %w", err)
	}
	results, err := s.loaded.Session.Run(map[tf.Output]*tf.Tensor{s.input: tensor}, s.outputs, nil)
	if err != nil {
		return Results{}, fmt.Errorf("servable: %w", err)
	}
	values := make([]any, len(results))
	for i, result := range results {
		if values[i], err = inference.Value(result); err != nil {
			return Results{}, fmt.Errorf("servable: %w: %w", ErrFormat, err)
		}
	}
	var r Results
	var ok1, ok2, ok3 bool
	ok4 := true
	r.Probabilities, ok1 = values[0].([][]float32)
	r.Classes, ok2 = values[1].([][]string)
	r.Labels, ok3 = values[2].([]string)
	if len(values) > 3 {
		r.Novelty, ok4 = values[3].([]float32)
	}
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return Results{}, fmt.Errorf("servable: %w: its results have other types", ErrFormat)
	}
	return r, nil
}

// Close releases the session and its variables.
func (s *Servable) Close() error { return s.loaded.Session.Close() }
