package featurestore

import (
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/float16"
	half "github.com/x448/float16"

	"fovea/recipe"
)

// chunk is some consecutive rows of a shard. It is valid only during the visit, or as long as the
// mapping that contains it, if any, is held.
type chunk struct {
	rows    int
	record  arrow.Record
	mapping *mapping
	// extra are the columns on request of the shard.
	extra []Extra
}

func (c chunk) column(name string) (arrow.Array, error) {
	at := c.record.Schema().FieldIndices(name)
	if len(at) != 1 {
		return nil, fmt.Errorf("%w: it has no column %q", ErrCorrupt, name)
	}
	return c.record.Column(at[0]), nil
}

// texts appends a string column's values to dst, "" for null, passed through keep, which must copy
// them because they are in the chunk's memory.
func (c chunk) texts(dst []string, name string, keep func(string) string) ([]string, error) {
	column, err := c.column(name)
	if err != nil {
		return dst, err
	}
	values, ok := column.(*array.String)
	if !ok {
		return dst, fmt.Errorf("%w: column %q is %s", ErrCorrupt, name, column.DataType())
	}
	for i := range values.Len() {
		if values.IsNull(i) {
			dst = append(dst, "")
		} else {
			dst = append(dst, keep(values.Value(i)))
		}
	}
	return dst, nil
}

func (c chunk) numbers(name string) ([]int32, error) {
	column, err := c.column(name)
	if err != nil {
		return nil, err
	}
	values, ok := column.(*array.Int32)
	if !ok || values.NullN() > 0 {
		return nil, fmt.Errorf("%w: column %q is %s with %d nulls", ErrCorrupt, name, column.DataType(), column.NullN())
	}
	return values.Int32Values(), nil
}

// vectors returns the values of a layer's column, row after row, without copying.
func (c chunk) vectors(layer recipe.Layer) (vectors, error) {
	column, err := c.column(layer.Name)
	if err != nil {
		return vectors{}, err
	}
	list, ok := column.(array.ListLike)
	if !ok {
		return vectors{}, fmt.Errorf("%w: column %q is %s", ErrCorrupt, layer.Name, column.DataType())
	}
	values, size := list.ListValues(), int64(layer.Size())
	if column.NullN() > 0 || values.NullN() > 0 {
		return vectors{}, fmt.Errorf("%w: column %q has nulls", ErrCorrupt, layer.Name)
	}
	start := int64(0)
	for i := range column.Len() {
		from, to := list.ValueOffsets(i)
		if i == 0 {
			start = from
		}
		if want := start + int64(i)*size; from != want || to != want+size || to > int64(values.Len()) {
			return vectors{}, fmt.Errorf("%w: row %d of column %q has %d values instead of %d", ErrCorrupt, i, layer.Name, min(to, int64(values.Len()))-from, size)
		}
	}
	end := start + int64(column.Len())*size
	switch values := values.(type) {
	case *array.Float32:
		return vectors{single: values.Float32Values()[start:end]}, nil
	case *array.Float16:
		return vectors{half: values.Values()[start:end]}, nil
	}
	return vectors{}, fmt.Errorf("%w: column %q contains %s", ErrCorrupt, layer.Name, values.DataType())
}

// vectors are values in their stored type.
type vectors struct {
	single []float32
	half   []float16.Num
}

func (v vectors) len() int { return len(v.single) + len(v.half) }

// copyTo writes the values to dst, which has the same length.
func (v vectors) copyTo(dst []float32) {
	copy(dst, v.single)
	for i, x := range v.half {
		dst[i] = half.Frombits(x.Uint16()).Float32()
	}
}
