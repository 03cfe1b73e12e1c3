package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"fovea/featurestore"
)

// prediction is one picture's result; a picture that could not be read has a failure and
// neither label nor probabilities.
type prediction struct {
	path, label   string // the path is as the system has it, the label as the head has it
	probabilities []float64
	failure       string
}

// predictionWriter writes predictions in one format.
type predictionWriter interface {
	write(prediction) error
	close() error
}

// newPredictionWriter writes to sink.
func newPredictionWriter(format string, sink io.Writer, d decision) (predictionWriter, error) {
	switch format {
	case "json":
		return &jsonWriter{out: bufio.NewWriter(sink), decision: d}, nil
	case "parquet":
		return &parquetWriter{sink: sink, classes: d.classes}, nil
	}
	w := &csvWriter{out: csv.NewWriter(sink), decision: d}
	header := []string{"path", "label"}
	if d.top == 0 {
		for _, c := range d.classes {
			header = append(header, "probability_"+c)
		}
	}
	for i := range d.top {
		header = append(header, fmt.Sprintf("label_%d", i+1), fmt.Sprintf("probability_%d", i+1))
	}
	if d.errorColumn {
		header = append(header, "error")
	}
	return w, w.out.Write(header)
}

// digits of a probability, as many as float32 weights are good for.
const digits = 7

func formatProbability(p float64) string { return strconv.FormatFloat(p, 'g', digits, 64) }

type csvWriter struct {
	out      *csv.Writer
	decision decision
}

func (w *csvWriter) write(p prediction) error {
	record := []string{featurestore.EscapeText(p.path), p.label}
	switch d := w.decision; {
	case p.probabilities == nil:
		empty := len(d.classes)
		if d.top > 0 {
			empty = 2 * d.top
		}
		record = append(record, make([]string, empty)...)
	case d.top > 0:
		for _, r := range rank(p.probabilities, d.classes, d.top) {
			record = append(record, r.label, formatProbability(r.probability))
		}
	default:
		for _, v := range p.probabilities {
			record = append(record, formatProbability(v))
		}
	}
	if w.decision.errorColumn {
		record = append(record, featurestore.EscapeText(p.failure))
	}
	if err := w.out.Write(record); err != nil {
		return err
	}
	w.out.Flush() // a reader of a pipe sees each row as it comes
	return w.out.Error()
}

func (w *csvWriter) close() error {
	w.out.Flush()
	return w.out.Error()
}

// jsonWriter writes one array, an object a line.
type jsonWriter struct {
	out      *bufio.Writer
	decision decision
	begun    bool
}

type jsonPrediction struct {
	Path          string                 `json:"path,omitempty"`
	Label         *string                `json:"label"`
	Probabilities map[string]json.Number `json:"probabilities,omitempty"`
	Top           []jsonRanked           `json:"top,omitempty"`
	Error         string                 `json:"error,omitempty"`
}

type jsonRanked struct {
	Label       string      `json:"label"`
	Probability json.Number `json:"probability"`
}

// object is a prediction as JSON.
func (d decision) object(p prediction) jsonPrediction {
	object := jsonPrediction{Path: featurestore.EscapeText(p.path), Error: featurestore.EscapeText(p.failure)}
	if p.probabilities == nil {
		return object
	}
	object.Label = &p.label
	for _, r := range rank(p.probabilities, d.classes, d.top) {
		object.Top = append(object.Top, jsonRanked{r.label, json.Number(formatProbability(r.probability))})
	}
	if d.top == 0 {
		object.Probabilities = map[string]json.Number{}
		for i, c := range d.classes {
			object.Probabilities[c] = json.Number(formatProbability(p.probabilities[i]))
		}
	}
	return object
}

func (w *jsonWriter) write(p prediction) error {
	separator := ",\n"
	if !w.begun {
		separator, w.begun = "[\n", true
	}
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false) // names are as they are
	if err := encoder.Encode(w.decision.object(p)); err != nil {
		return err
	}
	_, err := w.out.WriteString(separator + strings.TrimSuffix(encoded.String(), "\n"))
	return errors.Join(err, w.out.Flush())
}

func (w *jsonWriter) close() error {
	end := "\n]\n"
	if !w.begun {
		end = "[]\n"
	}
	_, err := w.out.WriteString(end)
	return errors.Join(err, w.out.Flush())
}

// parquetWriter collects the rows, which are short, and writes them at the end.
type parquetWriter struct {
	sink    io.Writer
	classes []string
	rows    []featurestore.Prediction
}

func (w *parquetWriter) write(p prediction) error {
	w.rows = append(w.rows, featurestore.Prediction{Path: p.path, Label: p.label, Probabilities: p.probabilities, Error: p.failure})
	return nil
}

func (w *parquetWriter) close() error {
	return featurestore.WritePredictions(w.sink, w.classes, w.rows)
}
