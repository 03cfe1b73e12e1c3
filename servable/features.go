package servable

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	functionpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"

	"fovea/head"
	"fovea/pipeline"
)

// validate refuses models that cannot be exported, and columns that are not the head's.
func (m Model) validate(h *head.Head) error {
	if len(m.Parts) == 0 {
		return errors.New("servable: no model")
	}
	for _, p := range m.Parts {
		model := p.Extractor.Model()
		switch {
		case model.Depth() != 3:
			return fmt.Errorf("servable: model %s takes images of %d-channel pixels, and only heads on models of RGB images can be exported: use finetune serve or predict", model.Name, model.Depth())
		case model.MaxBatch > 0:
			return fmt.Errorf("servable: model %s takes batches of at most %d, and only heads on models that take any can be exported: use finetune serve or predict", model.Name, model.MaxBatch)
		}
	}
	columns := m.columns()
	if len(columns) != len(h.Layers) {
		return fmt.Errorf("servable: %d layers for a head on %d", len(columns), len(h.Layers))
	}
	for i, c := range columns {
		if c.Part < 0 || c.Part >= len(m.Parts) || c.Layer < 0 || c.Layer >= len(m.Parts[c.Part].Extractor.Outputs()) {
			return fmt.Errorf("servable: no model computes %s", h.Layers[i].Name)
		}
	}
	return nil
}

func (m Model) columns() []pipeline.Column {
	if m.Columns != nil {
		return m.Columns
	}
	var all []pipeline.Column
	for i := range m.Parts[0].Extractor.Outputs() {
		all = append(all, pipeline.Column{Layer: i})
	}
	return all
}

// features adds the ways from the bytes of files to the head's layers, averaged over views: references of shape
// [images, values], with the variables and functions that they need.
func (n *nodes) features(files string, h *head.Head, m Model) (features []string, variables []variable, functions []*functionpb.FunctionDef, err error) {
	copies, of, functions, err := n.copies(files, m)
	if err != nil {
		return nil, nil, nil, err
	}
	layers := make([][]string, len(m.Parts))
	for i, c := range copies {
		outputs, own, called, err := n.copyModel(c)
		if err == nil && i > 0 { // the first one's session saves them all
			err = fetchValues(c.model, own)
		}
		if err != nil {
			return nil, nil, nil, fmt.Errorf("servable: %w", err)
		}
		for part, at := range of {
			if at == i {
				count := len(m.Parts[part].Extractor.Outputs())
				layers[part], outputs = outputs[:count], outputs[count:]
			}
		}
		variables, functions = append(variables, own...), append(functions, called...)
	}
	c := &classifier{nodes: n}
	for i, p := range m.Parts {
		if layers[i], err = c.project("project"+suffix(i), p.Projection, p.Extractor.Computed(), layers[i]); err != nil {
			return nil, nil, nil, fmt.Errorf("servable: %w", err)
		}
	}
	for i, column := range m.columns() {
		views := m.Parts[column.Part].Config.Picture.Views.Count()
		features = append(features, c.overViews(layers[column.Part][column.Layer], views, h.Layers[i].Size()))
	}
	return features, append(variables, c.variables...), functions, c.err
}

// copies adds the ways from files to the inputs of the models, and says what of these is to be copied: of those that do
// the same with the same input, one; of tells which copy is that of each part.
func (n *nodes) copies(files string, m Model) (copies []*modelCopy, of []int, functions []*functionpb.FunctionDef, err error) {
	var seen decoded
	for _, p := range m.Parts {
		pixels, more, err := n.input(files, p, &seen)
		if err != nil {
			return nil, nil, nil, err
		}
		functions = append(functions, more...)
		model := p.Extractor.Model()
		at := slices.IndexFunc(copies, func(c *modelCopy) bool { return c.model == model && c.pixels == pixels })
		if at < 0 {
			at = len(copies)
			copies = append(copies, &modelCopy{model: model, pixels: pixels, prefix: modelPrefix + suffix(at) + "/", suffix: suffix(at)})
		}
		copies[at].outputs = append(copies[at].outputs, p.Extractor.Outputs()...)
		of = append(of, at)
	}
	return copies, of, functions, nil
}

// decoded are the ways that were added from files to inputs.
type decoded struct {
	pictures []pipeline.Input // of the pixels: without preprocessing
	pixels   []string
	inputs   []pipeline.Input
	values   []string
}

// input adds the way from files to a model's input, unless there is one already.
func (n *nodes) input(files string, p Part, seen *decoded) (string, []*functionpb.FunctionDef, error) {
	how := pipeline.Input{Picture: p.Config.Picture}
	how.Picture.MaxPixels, how.Picture.MaxTime = 0, 0
	var functions []*functionpb.FunctionDef
	at := slices.Index(seen.pictures, how)
	if at < 0 {
		pixels, more, err := n.pixels(files, how.Picture, suffix(len(seen.pictures)))
		if err != nil {
			return "", nil, err
		}
		at, functions = len(seen.pictures), more
		seen.pictures, seen.pixels = append(seen.pictures, how), append(seen.pixels, pixels)
	}
	pixels := seen.pixels[at]
	if p.Extractor.Model().Input.DataType() != tf.Float {
		return pixels, functions, nil
	}
	how.Preprocessing = p.Config.Preprocessing
	if at = slices.Index(seen.inputs, how); at >= 0 {
		return seen.values[at], functions, nil
	}
	values, err := n.preprocess(pixels, how.Preprocessing)
	seen.inputs, seen.values = append(seen.inputs, how), append(seen.values, values)
	return values, functions, err
}

// suffix is that of names of the i-th of several things, "" for the first.
func suffix(i int) string {
	if i == 0 {
		return ""
	}
	return "_" + strconv.Itoa(i+1)
}
