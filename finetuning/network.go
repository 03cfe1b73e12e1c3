package finetuning

import (
	"errors"
	"fmt"
	"path/filepath"

	"fovea/head"
	"fovea/inference"
	"fovea/internal/swap"
	"fovea/models"
	"fovea/recipe"
	"fovea/training"
	"fovea/vgg/weights"
)

// Names in the directory of a training's results.
const (
	ModelDir = "model"
	HeadFile = "head.json"
)

// replaceModel lets write make a model beside the one that may be in the directory out, and describe
// the head. Both are put in place only once they are complete and the model could be opened. A second
// training that ends in out at the same time is refused, so that model and head belong together.
func replaceModel(out string, h *head.Head, write func(dir string) error) (err error) {
	s, err := swap.Begin(filepath.Join(out, ModelDir))
	if err != nil {
		return fmt.Errorf("write the model: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := write(s.Next); err != nil {
		return err
	}
	file, err := h.Stage(filepath.Join(out, HeadFile)) // which a full disk may refuse, while the old model is there
	if err != nil {
		return err
	}
	defer file.Discard()
	if err := s.Commit(); err != nil {
		return err
	}
	// A program that is killed just here leaves a head that refuses the new model.
	return file.Commit()
}

// headOfDense makes a head of a fully connected layer of scores. It scales nothing.
func headOfDense(set weights.Set, layer string, classes []string) (*head.Head, error) {
	kernel, err := set.Tensors[layer+"/kernel"].Float32()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", layer, err)
	}
	biases, err := set.Tensors[layer+"/bias"].Float32()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", layer, err)
	}
	columns := len(kernel) / len(classes)
	h := &head.Head{Classes: classes, Biases: biases}
	h.Standardization = head.Standardization{Mean: make([]float32, columns), Scale: make([]float32, columns)}
	for j := range columns {
		h.Standardization.Scale[j] = 1
	}
	for c := range classes {
		row := make([]float32, columns)
		for j := range row {
			row[j] = kernel[j*len(classes)+c]
		}
		h.Weights = append(h.Weights, row)
	}
	return h, nil
}

// describeHead records which features a head takes: those of a layer of the model in dir, for images
// prepared as in the recipe of.
func describeHead(h *head.Head, dir, layer, pool string, of recipe.Recipe) error {
	model, err := models.Open(dir, models.Options{Session: inference.SessionConfig{Device: inference.DeviceCPU}})
	if err != nil {
		return fmt.Errorf("open the model just written: %w", err)
	}
	defer model.Close() // read-only
	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{layer}, Pool: pool, Batch: 1})
	if err != nil {
		return err
	}
	of.Pool, of.Projection = pool, ""
	h.Recipe = model.Recipe().WithPicturesOf(of)
	h.Recipe.Layers = extractor.Layers()
	h.Layers = extractor.Layers()
	return nil
}

// evaluateNetwork measures a network on examples, whose labels are looked up by their rows.
func evaluateNetwork(t *training.Trainer, examples *training.Examples, labels, classes []string) (head.Metrics, error) {
	last := t.Network().Layers[len(t.Network().Layers)-1].Name
	var probabilities [][]float64
	err := examples.Each(training.DefaultBatch, func(rows []int, values []float32, _ []int32) error {
		scores, err := t.Output(last, values, len(rows))
		if err != nil {
			return err
		}
		for i := range rows {
			probabilities = append(probabilities, head.Softmax(scores[i*len(classes):(i+1)*len(classes)]))
		}
		return nil
	})
	if err != nil {
		return head.Metrics{}, err
	}
	return head.Evaluate(probabilities, pick(labels, examples.Rows), classes)
}
