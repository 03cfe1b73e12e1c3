package featurestore

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"

	"fovea/featurestore/internal/guard"
)

// Prediction is a row of a table of predictions. An image that could not be read has an Error, and
// neither Label nor Probabilities.
type Prediction struct {
	Path          string
	Label         string
	Probabilities []float64
	// Novelty is nil where the head cannot tell.
	Novelty *float64
	Error   string
}

// WritePredictions writes a Parquet file with the columns path, label, probability_CLASS for each
// class, error and, if asked for, novelty. All but path are nullable.
func WritePredictions(sink io.Writer, classes []string, novelty bool, rows []Prediction) error {
	fields := []arrow.Field{{Name: "path", Type: arrow.BinaryTypes.String}, {Name: "label", Type: arrow.BinaryTypes.String, Nullable: true}}
	for _, c := range classes {
		fields = append(fields, arrow.Field{Name: "probability_" + c, Type: arrow.PrimitiveTypes.Float64, Nullable: true})
	}
	fields = append(fields, arrow.Field{Name: "error", Type: arrow.BinaryTypes.String, Nullable: true})
	if novelty {
		fields = append(fields, arrow.Field{Name: "novelty", Type: arrow.PrimitiveTypes.Float64, Nullable: true})
	}
	schema := arrow.NewSchema(fields, nil)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	for _, row := range rows {
		builder.Field(0).(*array.StringBuilder).Append(EscapeText(row.Path))
		appendOptional(builder.Field(1), row.Label)
		for i := range classes {
			column := builder.Field(2 + i).(*array.Float64Builder)
			if row.Probabilities == nil {
				column.AppendNull()
			} else {
				column.Append(row.Probabilities[i])
			}
		}
		appendOptional(builder.Field(2+len(classes)), EscapeText(row.Error))
		if novelty {
			appendNumber(builder.Field(3+len(classes)), row.Novelty)
		}
	}
	record := builder.NewRecord()
	defer record.Release()
	err := guard.Call(func() error {
		writer, err := pqarrow.NewFileWriter(schema, guard.WriterOnly{Writer: sink},
			parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithRootRepetition(parquet.Repetitions.Required)),
			pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
		if err != nil {
			return err
		}
		return errors.Join(writer.Write(record), writer.Close())
	})
	if err != nil {
		return fmt.Errorf("featurestore: write the predictions: %w", err)
	}
	return nil
}

// appendNumber appends a number, or a null if there is none.
func appendNumber(builder array.Builder, value *float64) {
	if value == nil {
		builder.AppendNull()
		return
	}
	builder.(*array.Float64Builder).Append(*value)
}

// appendOptional appends a string, or a null if it is empty.
func appendOptional(builder array.Builder, value string) {
	if value == "" {
		builder.AppendNull()
		return
	}
	builder.(*array.StringBuilder).Append(value)
}
