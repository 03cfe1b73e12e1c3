package featurestore

import (
	"bytes"
	"context"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"fovea/recipe"
)

// copyGroup copies the values of the vectors, whose checksums reading them compares.
func (e *ipcEncoder) copyGroup(ctx context.Context, from *shardReader, group int, copied copiedRows) error {
	var columns []string // of vectors alone
	fields, rows := e.fields.Fields()[len(copied.plain):], copied.rows
	for _, f := range fields {
		if copied.added.place(f.Name) < 0 {
			columns = append(columns, f.Name)
		}
	}
	return from.scanGroup(ctx, group, columns, func(c chunk) error {
		arrays := plainArrays(copied.plain, rows[:c.rows], copied.mem)
		defer func() { releaseAll(arrays) }()
		rows = rows[c.rows:]
		var added *batch
		if copied.added != nil {
			added = copied.added.batch(c.rows)
			if err := copied.added.fill(added, c.rows); err != nil {
				return err
			}
		}
		for _, f := range fields {
			if at := copied.added.place(f.Name); at >= 0 {
				arrays = append(arrays, added.columns[at].array(c.rows, f.Type))
				continue
			}
			own, err := c.ownVectors(from.meta.recipe, f)
			if err != nil {
				return err
			}
			arrays = append(arrays, own)
		}
		record := array.NewRecord(e.fields, arrays, int64(c.rows))
		defer record.Release()
		return e.write(record)
	})
}

// ownVectors copies a column of vectors for a field.
func (c chunk) ownVectors(r recipe.Recipe, f arrow.Field) (own arrow.Array, err error) {
	l, _ := r.Layer(f.Name) // every layer is a column
	if _, err := c.vectors(l); err != nil {
		return nil, err
	}
	column, err := c.column(l.Name)
	if err != nil {
		return nil, err
	}
	list, ok := column.(*array.FixedSizeList)
	if !ok {
		return nil, errIrregular
	}
	err = c.watch(func() error {
		own = ownList(list, f.Type)
		return nil
	})
	return own, err
}

// watch runs a call that reads the chunk's memory, which may be that of a mapped file.
func (c chunk) watch(call func() error) error {
	if c.mapping == nil {
		return call()
	}
	return c.mapping.watch(call)
}

// ownList copies lists without nulls as lists of type t: what is written is read by other goroutines, in which a
// fault of a mapped file would end the process.
func ownList(list *array.FixedSizeList, t arrow.DataType) arrow.Array {
	values, width := list.ListValues(), t.(*arrow.FixedSizeListType).Elem().(arrow.FixedWidthDataType).BitWidth()/8
	n := list.Len() * int(t.(*arrow.FixedSizeListType).Len())
	if n == 0 {
		return array.MakeArrayOfNull(memory.DefaultAllocator, t, 0)
	}
	from, _ := list.ValueOffsets(0)
	start := (values.Data().Offset() + int(from)) * width
	own := bytes.Clone(values.Data().Buffers()[1].Bytes()[start : start+n*width])
	child := array.NewData(t.(*arrow.FixedSizeListType).Elem(), n, []*memory.Buffer{nil, memory.NewBufferBytes(own)}, nil, 0, 0)
	defer child.Release()
	data := array.NewData(t, list.Len(), []*memory.Buffer{nil}, []arrow.ArrayData{child}, 0, 0)
	defer data.Release()
	return array.MakeFromData(data)
}

func releaseAll(columns []arrow.Array) {
	for _, c := range columns {
		if c != nil {
			c.Release()
		}
	}
}
