package serving

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"fovea/featurestore"
)

// Prediction is the result for one image. An image that could not be read has an Error, and neither
// label nor probabilities. The path is as on the file system; writers escape what is not UTF-8.
type Prediction struct {
	Path  string
	Label string
	// Probabilities are in the order of the head's classes.
	Probabilities []float64
	// Novelty is nil where the head cannot tell.
	Novelty *float64
	Error   string
	// Known is what is known of an image of a dataset, for WriterOptions.Known.
	Known Known
}

// Known is what a dataset says of an image, and whether the head was trained on it.
type Known struct {
	Label, Split string
	Seen         bool
}

// Formats of predictions.
const (
	// FormatCSV is a table with a header.
	FormatCSV = "csv"
	// FormatJSON is one array with an object for each image, on a line of its own.
	FormatJSON = "json"
	// FormatParquet is a table, in which empty texts are null. It has an error column.
	FormatParquet = "parquet"
)

// FormatOf is the format that the name of a file ends in, "" if there is none of that name.
func FormatOf(file string) string {
	switch format := strings.ToLower(strings.TrimPrefix(filepath.Ext(file), ".")); format {
	case FormatCSV, FormatJSON, FormatParquet:
		return format
	}
	return ""
}

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
	// Known adds what is known of the images: the label is then the true one, and the one that was found is called
	// predicted. There are no errors.
	Known bool
}

// NewWriter starts to write predictions to sink.
func NewWriter(sink io.Writer, o WriterOptions) (Writer, error) {
	o.warnOfCase()
	switch o.Format {
	case "", FormatCSV:
		w := &csvWriter{out: csv.NewWriter(sink), options: o}
		return w, w.header()
	case FormatJSON:
		return &jsonWriter{out: bufio.NewWriter(sink), options: o}, nil
	case FormatParquet:
		o.ErrorColumn = true
		table, err := featurestore.NewTableWriter(sink, o.columns())
		return &parquetWriter{table, o}, err
	}
	return nil, fmt.Errorf("serving: unknown format %q: use %s, %s or %s", o.Format, FormatCSV, FormatJSON, FormatParquet)
}

// digits of a probability or novelty: float32 weights justify no more.
const digits = 7

func formatProbability(p float64) string { return strconv.FormatFloat(p, 'g', digits, 64) }

// values are those of a row of columns, nil where there is none.
func (o WriterOptions) values(p Prediction) []any {
	row := []any{featurestore.EscapeText(p.Path), orNil(p.Label)}
	if o.Known {
		row = []any{row[0], orNil(p.Known.Label), orNil(p.Label), p.Label == p.Known.Label, p.Known.Seen, orNil(p.Known.Split)}
	}
	top := o.Decision.top(o.Classes)
	switch {
	case p.Probabilities == nil && top > 0:
		row = append(row, make([]any, 2*top)...)
	case p.Probabilities == nil:
		row = append(row, make([]any, len(o.Classes))...)
	case top > 0:
		for _, r := range rank(p.Probabilities, o.Classes, top) {
			row = append(row, r.Label, r.Probability)
		}
	default:
		for _, v := range p.Probabilities {
			row = append(row, v)
		}
	}
	if o.ErrorColumn && !o.Known {
		row = append(row, orNil(featurestore.EscapeText(p.Error)))
	}
	switch {
	case o.Novelty && p.Novelty != nil:
		row = append(row, *p.Novelty)
	case o.Novelty:
		row = append(row, nil)
	}
	return row
}

// orNil is a text, or nil for none.
func orNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}

type csvWriter struct {
	out     *csv.Writer
	options WriterOptions
}

func (w *csvWriter) header() error {
	var header []string
	for _, c := range w.options.columns() {
		header = append(header, c.Name)
	}
	return w.out.Write(header)
}

// Write implements Writer. Each row is flushed, so that the reader of a pipe sees it at once.
func (w *csvWriter) Write(p Prediction) error {
	var record []string
	for _, value := range w.options.values(p) {
		text := ""
		switch v := value.(type) {
		case string:
			text = v
		case float64:
			text = formatProbability(v)
		case bool:
			text = strconv.FormatBool(v)
		}
		record = append(record, text)
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
	object := objectOf(p, w.options.Classes, w.options.Decision)
	if w.options.Known {
		correct := p.Label == p.Known.Label
		object.Label, object.Predicted, object.Correct, object.Seen, object.Split = &p.Known.Label, p.Label, &correct, &p.Known.Seen, p.Known.Split
	}
	if err := encoder.Encode(object); err != nil {
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
	Predicted     string                 `json:"predicted,omitempty"`
	Correct       *bool                  `json:"correct,omitempty"`
	Seen          *bool                  `json:"seen_in_training,omitempty"`
	Split         string                 `json:"split,omitempty"`
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
	for _, r := range rank(p.Probabilities, classes, d.top(classes)) {
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

type parquetWriter struct {
	*featurestore.TableWriter
	options WriterOptions
}

// Write implements Writer.
func (w *parquetWriter) Write(p Prediction) error { return w.Append(w.options.values(p)...) }
