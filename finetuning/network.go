package finetuning

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"fovea/head"
	"fovea/inference"
	"fovea/internal/output"
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

// WriteHistory writes what was measured of the epochs, as a table and as JSON lines.
func WriteHistory(dir string, history []training.Epoch) error {
	var table, lines bytes.Buffer
	w := csv.NewWriter(&table)
	records := [][]string{{"epoch", "step", "loss", "accuracy", "val_loss", "val_accuracy", "seconds", "elapsed"}}
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', 7, 64) }
	optional := func(v *float64) string {
		if v == nil {
			return ""
		}
		return number(*v)
	}
	for _, e := range history {
		records = append(records, []string{strconv.Itoa(e.Epoch), strconv.FormatInt(e.Step, 10), number(e.Loss), number(e.Accuracy),
			optional(e.ValidationLoss), optional(e.ValidationAccuracy), number(e.Seconds), number(e.Elapsed)})
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		lines.Write(append(line, '\n'))
	}
	if err := w.WriteAll(records); err != nil {
		return err
	}
	var files output.Files
	defer files.Discard()
	for name, content := range map[string]*bytes.Buffer{"metrics.csv": &table, "metrics.jsonl": &lines} {
		if err := files.Write(filepath.Join(dir, name), func(w io.Writer) error { _, err := content.WriteTo(w); return err }); err != nil {
			return err
		}
	}
	return files.Commit()
}

// ReplaceModel has a model written beside the one that may be in the directory out, and a head
// described. Only when both are whole, and the model has been opened, do they take their places.
// Another training that ends here at the same time is refused, so that the two belong together.
func ReplaceModel(out string, h *head.Head, write func(dir string) error) (err error) {
	s, err := swap.Begin(filepath.Join(out, ModelDir))
	if err != nil {
		return fmt.Errorf("write the model: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := write(s.Next); err != nil {
		return err
	}
	if err := s.Commit(); err != nil {
		return err
	}
	// A program that is killed just here leaves a head that refuses the new model.
	return h.Save(filepath.Join(out, HeadFile))
}

// HeadOfDense is a dense layer of scores as a head that does no scaling of its own.
func HeadOfDense(set weights.Set, layer string, classes []string) (*head.Head, error) {
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

// DescribeHead notes what features a head takes: those of a layer of the model in dir, of
// pictures on their way as of.
func DescribeHead(h *head.Head, dir, layer, pool string, of recipe.Recipe) error {
	model, err := models.Open(dir, models.Options{Session: inference.SessionConfig{Device: inference.DeviceCPU}})
	if err != nil {
		return fmt.Errorf("open the model just written: %w", err)
	}
	defer model.Close() //nolint:errcheck // nothing hangs on it
	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{layer}, Pool: pool, Batch: 1})
	if err != nil {
		return err
	}
	of.Pool = pool
	h.Recipe = model.Recipe().WithPicturesOf(of)
	h.Recipe.Layers = extractor.Layers()
	h.Layers = extractor.Layers()
	return nil
}

// EvaluateNetwork measures a network on examples.
func EvaluateNetwork(t *training.Trainer, examples *training.Examples, labels, classes []string) (head.Metrics, error) {
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
	return head.Evaluate(probabilities, Pick(labels, examples.Rows), classes)
}
