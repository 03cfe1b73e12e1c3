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
		for _, name := range []string{Probabilities, ClassNames, Label} {
			if _, found := signature.Outputs[name]; !found {
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

// Predict computes the contents of files together. For each it gives a row of probabilities, the
// names of their classes, and the most probable class. One file that cannot be read is an error of
// all.
func (s *Servable) Predict(files [][]byte) (probabilities [][]float32, classes [][]string, labels []string, err error) {
	contents := make([]string, len(files))
	for i, f := range files {
		contents[i] = string(f)
	}
	if len(files) == 0 {
		return nil, nil, nil, errors.New("servable: no images given")
	}
	tensor, err := tf.NewTensor(contents)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("servable: %w", err)
	}
	results, err := s.loaded.Session.Run(map[tf.Output]*tf.Tensor{s.input: tensor}, s.outputs, nil)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("servable: %w", err)
	}
	values := make([]any, len(results))
	for i, result := range results {
		if values[i], err = inference.Value(result); err != nil {
			return nil, nil, nil, fmt.Errorf("servable: %w: %w", ErrFormat, err)
		}
	}
	probabilities, ok1 := values[0].([][]float32)
	classes, ok2 := values[1].([][]string)
	labels, ok3 := values[2].([]string)
	if !ok1 || !ok2 || !ok3 {
		return nil, nil, nil, fmt.Errorf("servable: %w: its results have other types", ErrFormat)
	}
	return probabilities, classes, labels, nil
}

// Close releases the session and its variables.
func (s *Servable) Close() error { return s.loaded.Session.Close() }
