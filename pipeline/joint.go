package pipeline

import (
	"errors"
	"fmt"
	"slices"
)

// JointPart is one of the models of a Joint.
type JointPart struct {
	// Extractor takes the views of an image one by one.
	Extractor Extractor
	Input     Input
}

// Column is where a feature comes from: the index of a part, and that of one of its layers.
type Column struct{ Part, Layer int }

// Joint is an extractor of several models' features. The values of an image are those of all Inputs, one after the
// other; its features are the columns.
type Joint struct {
	parts   []jointPart
	inputs  []Input
	columns []Column
	values  int // of an image
}

type jointPart struct {
	extractor Extractor
	input     int
}

// NewJoint joins models. Parts whose inputs are equal share one.
func NewJoint(parts []JointPart, columns []Column) (*Joint, error) {
	if len(parts) == 0 || len(columns) == 0 {
		return nil, errors.New("pipeline: no models to join")
	}
	j := &Joint{columns: columns}
	for _, p := range parts {
		if err := p.Input.Picture.Validate(); err != nil {
			return nil, err
		}
		at := slices.Index(j.inputs, p.Input)
		if at < 0 {
			at, j.inputs = len(j.inputs), append(j.inputs, p.Input)
			j.values += p.Input.Values()
		}
		j.parts = append(j.parts, jointPart{OverViews(p.Extractor, p.Input.Picture.Views.Count()), at})
	}
	for _, c := range columns {
		if c.Part < 0 || c.Part >= len(parts) {
			return nil, fmt.Errorf("pipeline: a column of model %d of %d", c.Part, len(parts))
		}
	}
	return j, nil
}

// Config is the configuration of a Run with the Joint.
func (j *Joint) Config() Config {
	return Config{Picture: j.inputs[0].Picture, Preprocessing: j.inputs[0].Preprocessing, Also: j.inputs[1:]}
}

// checkJoint refuses an extractor that does not take what the config makes of an image.
func checkJoint(extractor Extractor, config Config) error {
	inputs := 1
	if j, joint := extractor.(*Joint); joint {
		inputs = len(j.inputs)
	}
	if n := len(config.Inputs()); n != inputs {
		return fmt.Errorf("pipeline: %d inputs of an image for an extractor that takes %d", n, inputs)
	}
	return nil
}

// BatchSize is the smallest of the parts.
func (j *Joint) BatchSize() int {
	size := j.parts[0].extractor.BatchSize()
	for _, p := range j.parts {
		size = min(size, p.extractor.BatchSize())
	}
	return size
}

// Parallel is the largest of the parts: a part that takes fewer calls at a time lets the others wait.
func (j *Joint) Parallel() int {
	most := 1
	for _, p := range j.parts {
		most = max(most, parallel(p.extractor))
	}
	return most
}

// Extract computes the features of n images by one model after the other.
func (j *Joint) Extract(values []float32, n int) ([][]float32, error) {
	if n < 1 || len(values) != n*j.values {
		return nil, fmt.Errorf("pipeline: %d input values for %d images of %d", len(values), n, j.values)
	}
	inputs := j.divide(values, n)
	layers := make([][][]float32, len(j.parts))
	for i, p := range j.parts {
		var err error
		if layers[i], err = p.extractor.Extract(inputs[p.input], n); err != nil {
			return nil, err
		}
	}
	features := make([][]float32, len(j.columns))
	for i, c := range j.columns {
		if c.Layer < 0 || c.Layer >= len(layers[c.Part]) {
			return nil, fmt.Errorf("pipeline: column %d is layer %d of a model that gives %d", i, c.Layer, len(layers[c.Part]))
		}
		features[i] = layers[c.Part][c.Layer]
	}
	return features, nil
}

// divide gives the values of each input, of all images one after the other.
func (j *Joint) divide(values []float32, n int) [][]float32 {
	if len(j.inputs) == 1 {
		return [][]float32{values}
	}
	inputs := make([][]float32, len(j.inputs))
	at := 0
	for i, input := range j.inputs {
		size := input.Values()
		if n == 1 {
			inputs[i] = values[at : at+size]
		} else {
			inputs[i] = make([]float32, 0, n*size)
			for image := range n {
				inputs[i] = append(inputs[i], values[image*j.values+at:][:size]...)
			}
		}
		at += size
	}
	return inputs
}
