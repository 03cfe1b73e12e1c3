package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strconv"

	"fovea/featurestore"
	"fovea/recipe"
)

// prediction is one picture's result; a picture that could not be read has a failure and
// neither label nor probabilities.
type prediction struct {
	path, label   string
	probabilities []float64
	failure       string
}

// predictionWriter writes predictions in one format.
type predictionWriter interface {
	write(prediction) error
	close() error
}

func newPredictionWriter(format string, sink io.Writer, file *os.File, classes []string) (predictionWriter, error) {
	closeFile := func() error {
		if file == nil {
			return nil
		}
		return file.Close()
	}
	switch format {
	case "json":
		return &jsonWriter{out: bufio.NewWriter(sink), classes: classes, done: closeFile}, nil
	case "parquet":
		return &parquetWriter{sink: sink, classes: classes, done: closeFile}, nil
	}
	w := &csvWriter{out: csv.NewWriter(sink), classes: classes, done: closeFile}
	header := []string{"path", "label"}
	for _, c := range classes {
		header = append(header, "probability_"+c)
	}
	return w, w.out.Write(header)
}

// digits of a probability, as many as float32 weights are good for.
const digits = 7

func formatProbability(p float64) string { return strconv.FormatFloat(p, 'g', digits, 64) }

type csvWriter struct {
	out     *csv.Writer
	classes []string
	done    func() error
}

func (w *csvWriter) write(p prediction) error {
	record := []string{p.path, p.label}
	for i := range w.classes {
		value := ""
		if p.probabilities != nil {
			value = formatProbability(p.probabilities[i])
		}
		record = append(record, value)
	}
	if err := w.out.Write(record); err != nil {
		return err
	}
	w.out.Flush() // a reader of a pipe sees each row as it comes
	return w.out.Error()
}

func (w *csvWriter) close() error {
	w.out.Flush()
	return errors.Join(w.out.Error(), w.done())
}

// jsonWriter writes one array, an object a line.
type jsonWriter struct {
	out     *bufio.Writer
	classes []string
	begun   bool
	done    func() error
}

type jsonPrediction struct {
	Path          string                 `json:"path"`
	Label         *string                `json:"label"`
	Probabilities map[string]json.Number `json:"probabilities,omitempty"`
	Error         string                 `json:"error,omitempty"`
}

func (w *jsonWriter) write(p prediction) error {
	object := jsonPrediction{Path: p.path, Error: p.failure}
	if p.probabilities != nil {
		object.Label, object.Probabilities = &p.label, map[string]json.Number{}
		for i, c := range w.classes {
			object.Probabilities[c] = json.Number(formatProbability(p.probabilities[i]))
		}
	}
	encoded, err := json.Marshal(object)
	if err != nil {
		return err
	}
	separator := ",\n"
	if !w.begun {
		separator, w.begun = "[\n", true
	}
	_, err = w.out.WriteString(separator + string(encoded))
	return errors.Join(err, w.out.Flush())
}

func (w *jsonWriter) close() error {
	end := "\n]\n"
	if !w.begun {
		end = "[]\n"
	}
	_, err := w.out.WriteString(end)
	return errors.Join(err, w.out.Flush(), w.done())
}

// parquetWriter collects the rows, which are short, and writes them at the end.
type parquetWriter struct {
	sink    io.Writer
	classes []string
	rows    []featurestore.Prediction
	done    func() error
}

func (w *parquetWriter) write(p prediction) error {
	w.rows = append(w.rows, featurestore.Prediction{Path: p.path, Label: p.label, Probabilities: p.probabilities, Error: p.failure})
	return nil
}

func (w *parquetWriter) close() error {
	return errors.Join(featurestore.WritePredictions(w.sink, w.classes, w.rows), w.done())
}

func datasetRecipe(dir string) (recipe.Recipe, error) {
	dataset, err := featurestore.Open(dir)
	if err != nil {
		return recipe.Recipe{}, err
	}
	return dataset.Recipe(), nil
}
