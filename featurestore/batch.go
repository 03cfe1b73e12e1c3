package featurestore

import (
	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/float16"
	"github.com/apache/arrow/go/v15/arrow/memory"
	half "github.com/x448/float16"

	"fovea/recipe"
)

// batch collects rows as columns until they become one Arrow record. Its memory is reused for the
// next record: vectors are in flat buffers that records point into.
type batch struct {
	n       int
	rows    []Row // without their features
	plain   []plainColumn
	columns []vectorColumn
}

// vectorColumn holds the values of one layer, row after row.
type vectorColumn struct {
	size    int
	single  []float32
	half    []float16.Num
	offsets []int32 // of each row and of the end, for lists of variable length
}

func newBatch(plain []plainColumn, layers []recipe.Layer, dtype DType, rows int) *batch {
	b := &batch{rows: make([]Row, rows), plain: plain}
	for _, l := range layers {
		c := vectorColumn{size: l.Size(), offsets: make([]int32, rows+1)}
		for i := range c.offsets {
			c.offsets[i] = int32(i * c.size)
		}
		if dtype == Float16 {
			c.half = make([]float16.Num, rows*c.size)
		} else {
			c.single = make([]float32, rows*c.size)
		}
		b.columns = append(b.columns, c)
	}
	return b
}

// add copies a row, whose vectors must have the right lengths.
func (b *batch) add(r Row) {
	for i, v := range r.Features {
		b.columns[i].set(b.n, v)
	}
	r.Features = nil
	b.rows[b.n] = r
	b.n++
}

func (c *vectorColumn) set(row int, v []float32) {
	at := row * c.size
	if c.single != nil {
		copy(c.single[at:at+c.size], v)
		return
	}
	for i, x := range v {
		// Arrow's own conversion truncates, and flushes small numbers to zero.
		c.half[at+i] = float16.FromBits(half.Fromfloat32(x).Bits())
	}
}

// record turns the collected rows into a record, which must be released before the next add.
func (b *batch) record(schema *arrow.Schema, mem memory.Allocator) arrow.Record {
	columns := plainArrays(b.plain, b.rows[:b.n], mem)
	for i := range b.columns {
		columns = append(columns, b.columns[i].array(b.n, schema.Field(len(b.plain)+i).Type))
	}
	record := array.NewRecord(schema, columns, int64(b.n))
	for _, c := range columns {
		c.Release()
	}
	return record
}

func (b *batch) reset() {
	clear(b.rows[:b.n])
	b.n = 0
}

// plainArrays are the columns of rows before the vectors.
func plainArrays(plain []plainColumn, rows []Row, mem memory.Allocator) (columns []arrow.Array) {
	for _, c := range plain {
		columns = append(columns, c.array(rows, mem))
	}
	return columns
}

// textArray builds a string column; with nullable, empty strings become null.
func textArray(rows []Row, mem memory.Allocator, of func(*Row) string, nullable bool) arrow.Array {
	builder := array.NewStringBuilder(mem)
	defer builder.Release()
	builder.Resize(len(rows))
	for i := range rows {
		if s := of(&rows[i]); s == "" && nullable {
			builder.AppendNull()
		} else {
			builder.Append(EscapeText(s))
		}
	}
	return builder.NewArray()
}

func countArray(rows []Row, mem memory.Allocator, of func(*Row) int32) arrow.Array {
	builder := array.NewInt32Builder(mem)
	defer builder.Release()
	builder.Resize(len(rows))
	for i := range rows {
		builder.Append(of(&rows[i]))
	}
	return builder.NewArray()
}

// array wraps the first rows of the column as a list of type t, without copying.
func (c *vectorColumn) array(rows int, t arrow.DataType) arrow.Array {
	n := rows * c.size
	var elem arrow.DataType
	var bytes []byte
	if c.single != nil {
		elem, bytes = arrow.PrimitiveTypes.Float32, arrow.Float32Traits.CastToBytes(c.single[:n])
	} else {
		elem, bytes = arrow.FixedWidthTypes.Float16, arrow.Float16Traits.CastToBytes(c.half[:n])
	}
	child := array.NewData(elem, n, []*memory.Buffer{nil, memory.NewBufferBytes(bytes)}, nil, 0, 0)
	defer child.Release()
	buffers := []*memory.Buffer{nil}
	if t.ID() == arrow.LIST {
		buffers = append(buffers, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(c.offsets[:rows+1])))
	}
	data := array.NewData(t, rows, buffers, []arrow.ArrayData{child}, 0, 0)
	defer data.Release()
	return array.MakeFromData(data)
}
