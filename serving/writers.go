package serving

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

// Prediction is the result for one image. An image that could not be read has an Error, and neither
// label nor probabilities. The path is as on the file system; writers escape what is not UTF-8.
type Prediction = featurestore.Prediction

// Formats of predictions.
const (
	// FormatCSV is a table with a header.
	FormatCSV = "csv"
	// FormatJSON is one array with an object for each image, on a line of its own.
	FormatJSON = "json"
	// FormatParquet is a table with all classes, whatever the Decision. It is written by Close.
	FormatParquet = "parquet"
)

// Writer writes predictions in one format. Close ends the output, but does not close what it goes
// to.
type Writer interface {
	Write(Prediction) error
	Close() error
}

// WriterOptions say how predictions are written.
type WriterOptions struct {
	// Format is FormatCSV (also ""), FormatJSON or FormatParquet.
	Format string
	// Classes are those of the probabilities, in their order.
	Classes []string
	// Decision says how many of the probabilities are shown.
	Decision Decision
	// Novelty says that the predictions have a novelty: the last column of tables.
	Novelty bool
	// ErrorColumn adds to CSV why an image could not be read, which the other formats always say.
	ErrorColumn bool
}

// NewWriter starts to write predictions to sink.
func NewWriter(sink io.Writer, o WriterOptions) (Writer, error) {
	switch o.Format {
	case "", FormatCSV:
		w := &csvWriter{out: csv.NewWriter(sink), options: o, top: o.Decision.top(o.Classes)}
		return w, w.header()
	case FormatJSON:
		return &jsonWriter{out: bufio.NewWriter(sink), options: o}, nil
	case FormatParquet:
		return &parquetWriter{sink: sink, options: o}, nil
	}
	return nil, fmt.Errorf("serving: unknown format %q: use %s, %s or %s", o.Format, FormatCSV, FormatJSON, FormatParquet)
}

// digits of a probability or novelty: float32 weights justify no more.
const digits = 7

func formatProbability(p float64) string { return strconv.FormatFloat(p, 'g', digits, 64) }

type csvWriter struct {
	out     *csv.Writer
	options WriterOptions
	top     int
}

func (w *csvWriter) header() error {
	header := []string{"path", "label"}
	if w.top == 0 {
		for _, c := range w.options.Classes {
			header = append(header, "probability_"+c)
		}
	}
	for i := range w.top {
		header = append(header, fmt.Sprintf("label_%d", i+1), fmt.Sprintf("probability_%d", i+1))
	}
	if w.options.ErrorColumn {
		header = append(header, "error")
	}
	if w.options.Novelty {
		header = append(header, "novelty")
	}
	return w.out.Write(header)
}

// Write implements Writer. Each row is flushed, so that the reader of a pipe sees it at once.
func (w *csvWriter) Write(p Prediction) error {
	record := []string{featurestore.EscapeText(p.Path), p.Label}
	switch {
	case p.Probabilities == nil && w.top > 0:
		record = append(record, make([]string, 2*w.top)...)
	case p.Probabilities == nil:
		record = append(record, make([]string, len(w.options.Classes))...)
	case w.top > 0:
		for _, r := range Rank(p.Probabilities, w.options.Classes, w.top) {
			record = append(record, r.Label, formatProbability(r.Probability))
		}
	default:
		for _, v := range p.Probabilities {
			record = append(record, formatProbability(v))
		}
	}
	if w.options.ErrorColumn {
		record = append(record, featurestore.EscapeText(p.Error))
	}
	switch {
	case w.options.Novelty && p.Novelty != nil:
		record = append(record, formatProbability(*p.Novelty))
	case w.options.Novelty:
		record = append(record, "")
	}
	if err := w.out.Write(record); err != nil {
		return err
	}
	return w.Close()
}

// Close implements Writer.
func (w *csvWriter) Close() error {
	w.out.Flush()
	return w.out.Error()
}

type jsonWriter struct {
	out     *bufio.Writer
	options WriterOptions
	begun   bool
}

// Write implements Writer.
func (w *jsonWriter) Write(p Prediction) error {
	separator := ",\n"
	if !w.begun {
		separator, w.begun = "[\n", true
	}
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false) // names stay readable
	if err := encoder.Encode(objectOf(p, w.options.Classes, w.options.Decision)); err != nil {
		return err
	}
	_, err := w.out.WriteString(separator + strings.TrimSuffix(encoded.String(), "\n"))
	return errors.Join(err, w.out.Flush())
}

// Close implements Writer.
func (w *jsonWriter) Close() error {
	end := "\n]\n"
	if !w.begun {
		end = "[]\n"
	}
	_, err := w.out.WriteString(end)
	return errors.Join(err, w.out.Flush())
}

// jsonPrediction is a prediction as JSON shows it: the label is null for an image that could not be
// read.
type jsonPrediction struct {
	Path          string                 `json:"path,omitempty"`
	Label         *string                `json:"label"`
	Probabilities map[string]json.Number `json:"probabilities,omitempty"`
	Top           []jsonRanked           `json:"top,omitempty"`
	Novelty       json.Number            `json:"novelty,omitempty"`
	Error         string                 `json:"error,omitempty"`
}

type jsonRanked struct {
	Label       string      `json:"label"`
	Probability json.Number `json:"probability"`
}

func objectOf(p Prediction, classes []string, d Decision) jsonPrediction {
	object := jsonPrediction{Path: featurestore.EscapeText(p.Path), Error: featurestore.EscapeText(p.Error)}
	if p.Probabilities == nil {
		return object
	}
	object.Label = &p.Label
	if p.Novelty != nil {
		object.Novelty = json.Number(formatProbability(*p.Novelty))
	}
	for _, r := range Rank(p.Probabilities, classes, d.top(classes)) {
		object.Top = append(object.Top, jsonRanked{r.Label, json.Number(formatProbability(r.Probability))})
	}
	if d.Top == 0 {
		object.Probabilities = map[string]json.Number{}
		for i, c := range classes {
			object.Probabilities[c] = json.Number(formatProbability(p.Probabilities[i]))
		}
	}
	return object
}

// parquetWriter collects the rows, which are short, and writes them at the end.
type parquetWriter struct {
	sink    io.Writer
	options WriterOptions
	rows    []Prediction
}

// Write implements Writer.
func (w *parquetWriter) Write(p Prediction) error {
	w.rows = append(w.rows, p)
	return nil
}

// Close implements Writer.
func (w *parquetWriter) Close() error {
	return featurestore.WritePredictions(w.sink, w.options.Classes, w.options.Novelty, w.rows)
}
