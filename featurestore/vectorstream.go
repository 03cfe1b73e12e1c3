package featurestore

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"fovea/featurestore/internal/guard"
	"fovea/recipe"
)

// StreamType is the media type of what WriteVectors writes.
const StreamType = "application/vnd.apache.arrow.stream"

// Vector is a row for WriteVectors: the values of a layer for what has that name, or why there are none.
type Vector struct {
	Name   string
	Values []float32
	Error  string
}

// Columns of a stream beside the layer's.
const (
	columnName  = "name"
	columnError = "error"
)

// WriteVectors writes rows of one layer as an Arrow stream, with the columns name, the layer's, a list of float32 of the
// layer's size, and error. Values are null in rows with an error, which is null in the others. The schema's metadata has
// the layer's shape and layout under the same keys as a dataset's shards.
func WriteVectors(w io.Writer, layer recipe.Layer, rows []Vector) error {
	if layer.Name == columnName || layer.Name == columnError {
		return fmt.Errorf("featurestore: a stream of the layer %q would have two columns of that name", layer.Name)
	}
	shape, err := json.Marshal(layer.Shape)
	if err != nil {
		return fmt.Errorf("featurestore: encode the shape of %q: %w", layer.Name, err)
	}
	own := arrow.NewMetadata([]string{layerKey(layer.Name, "shape"), layerKey(layer.Name, "layout")}, []string{string(shape), layer.Layout})
	schema := arrow.NewSchema([]arrow.Field{
		{Name: columnName, Type: arrow.BinaryTypes.String},
		{Name: layer.Name, Type: arrow.FixedSizeListOf(int32(layer.Size()), arrow.PrimitiveTypes.Float32), Nullable: true},
		{Name: columnError, Type: arrow.BinaryTypes.String, Nullable: true},
	}, &own)
	err = guard.Call(func() error {
		builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		defer builder.Release()
		for _, row := range rows {
			appendVector(builder, row)
		}
		record := builder.NewRecord()
		defer record.Release()
		stream := ipc.NewWriter(guard.WriterOnly{Writer: w}, ipc.WithSchema(schema))
		if err := stream.Write(record); err != nil {
			return err
		}
		return stream.Close()
	})
	if err != nil {
		return fmt.Errorf("featurestore: write vectors: %w", err)
	}
	return nil
}

func appendVector(b *array.RecordBuilder, row Vector) {
	b.Field(0).(*array.StringBuilder).Append(EscapeText(row.Name))
	list := b.Field(1).(*array.FixedSizeListBuilder)
	values := list.ValueBuilder().(*array.Float32Builder)
	if row.Error != "" {
		list.AppendNull()
		for range list.Type().(*arrow.FixedSizeListType).Len() {
			values.Append(0) // what is null has a place, too
		}
		b.Field(2).(*array.StringBuilder).Append(EscapeText(row.Error))
		return
	}
	list.Append(true)
	values.AppendValues(row.Values, nil)
	b.Field(2).AppendNull()
}
