package featurestore

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/metadata"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"
	"github.com/apache/arrow/go/v15/parquet/schema"
)

// parquetMagic is at the start and the end of a Parquet file.
const parquetMagic = "PAR1"

// parquetEncoder writes Parquet: vectors with vectorChunk, other columns and all metadata with parts
// of Arrow.
type parquetEncoder struct {
	sink       *countingWriter
	fields     *arrow.Schema
	columns    *schema.Schema
	properties *parquet.WriterProperties
	footer     *metadata.FileMetaDataBuilder
	compress   map[string]compressFunc // by column path
	group      *rowGroup               // nil between groups
	groups     int
}

// countingWriter knows the position in the file, which Arrow needs. It is only an io.Writer, since
// Arrow closes whatever can be closed.
type countingWriter struct {
	w  io.Writer
	at int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.at += int64(n)
	return n, err
}

// Tell returns the position.
func (c *countingWriter) Tell() int64 { return c.at }

// newParquetEncoder starts a file. The vectors in fields are lists of variable length; logical, the
// serialized schema for readers that know Arrow, may have fixed-size ones.
func newParquetEncoder(w io.Writer, fields *arrow.Schema, logical string, properties *parquet.WriterProperties) (encoder, error) {
	columns, err := parquetSchema(fields, properties)
	if err != nil {
		return nil, err
	}
	keys := metadata.NewKeyValueMetadata()
	md := fields.Metadata()
	for i, key := range md.Keys() {
		if err := keys.Append(key, md.Values()[i]); err != nil {
			return nil, err
		}
	}
	if err := keys.Append("ARROW:schema", logical); err != nil {
		return nil, err
	}
	e := &parquetEncoder{
		sink: &countingWriter{w: w}, fields: fields, columns: columns, properties: properties,
		footer:   metadata.NewFileMetadataBuilder(columns, properties, keys),
		compress: map[string]compressFunc{},
	}
	for i := range columns.NumColumns() {
		if c := columns.Column(i); c.MaxRepetitionLevel() > 0 {
			if e.compress[c.Path()], err = newCompressor(properties, c.Path()); err != nil {
				return nil, err
			}
		}
	}
	_, err = io.WriteString(e.sink, parquetMagic)
	return e, err
}

// parquetSchema is the schema of the file. Arrow makes all list elements optional, whatever their type
// (apache/arrow-go#311); here they are required if they cannot be null.
func parquetSchema(fields *arrow.Schema, properties *parquet.WriterProperties) (*schema.Schema, error) {
	made, err := pqarrow.ToParquet(fields, properties, pqarrow.NewArrowWriterProperties())
	if err != nil {
		return nil, err
	}
	root := made.Root()
	nodes := make(schema.FieldList, root.NumFields())
	for i := range nodes {
		nodes[i] = root.Field(i)
		list, ok := fields.Field(i).Type.(*arrow.ListType)
		if !ok || list.ElemField().Nullable {
			continue
		}
		optional, ok := made.Column(i).SchemaNode().(*schema.PrimitiveNode)
		if !ok || made.Column(i).MaxRepetitionLevel() != 1 {
			return nil, fmt.Errorf("column %q is not a list of numbers", fields.Field(i).Name)
		}
		element, err := schema.NewPrimitiveNodeLogical(optional.Name(), parquet.Repetitions.Required, optional.LogicalType(), optional.PhysicalType(), optional.TypeLength(), -1)
		if err != nil {
			return nil, err
		}
		if nodes[i], err = schema.ListOfWithName(fields.Field(i).Name, element, nodes[i].RepetitionType(), -1); err != nil {
			return nil, err
		}
	}
	if root, err = schema.NewGroupNode(root.Name(), root.RepetitionType(), nodes, -1); err != nil {
		return nil, err
	}
	return schema.NewSchema(root), nil
}

func (e *parquetEncoder) schema() *arrow.Schema { return e.fields }

// rowGroup is the row group being written. It stays in memory until it ends, because each column's
// pages must be contiguous in the file.
type rowGroup struct {
	meta   *metadata.RowGroupMetaDataBuilder
	chunks []*metadata.ColumnChunkMetaDataBuilder
	rows   int
	// Each column has one of the first two, which is not used if it is copied.
	plain   []file.ColumnChunkWriter
	vectors []*vectorChunk
	copied  []*copiedChunk
	ordinal int16
}

func (e *parquetEncoder) newGroup() (*rowGroup, error) {
	n := e.columns.NumColumns()
	g := &rowGroup{meta: e.footer.AppendRowGroup(), ordinal: int16(e.groups), copied: make([]*copiedChunk, n)}
	e.groups++
	for i := range n {
		meta := g.meta.NextColumnChunk()
		g.chunks = append(g.chunks, meta)
		path := meta.Descr().Path()
		if e.compress[path] != nil {
			list := e.fields.Field(i).Type.(*arrow.ListType)
			g.vectors = append(g.vectors, &vectorChunk{meta: meta, width: list.Elem().(arrow.FixedWidthDataType).BitWidth() / 8, codec: e.properties.CompressionFor(path)})
			g.plain = append(g.plain, nil)
			continue
		}
		pager, err := file.NewPageWriter(e.sink, e.properties.CompressionFor(path), e.properties.CompressionLevelFor(path), meta,
			g.ordinal, int16(i), e.properties.Allocator(), true, nil, nil)
		if err != nil {
			return nil, err
		}
		g.plain = append(g.plain, file.NewColumnChunkWriter(meta, withEncoders(pager, e.properties, path), e.properties))
		g.vectors = append(g.vectors, nil)
	}
	return g, nil
}

func (e *parquetEncoder) write(r arrow.Record) error {
	if e.group == nil {
		var err error
		if e.group, err = e.newGroup(); err != nil {
			return err
		}
	}
	e.group.rows += int(r.NumRows())
	for i, column := range r.Columns() {
		if err := e.writeColumn(i, column); err != nil {
			return err
		}
	}
	return nil
}
func (e *parquetEncoder) writeColumn(i int, values arrow.Array) (err error) {
	if v := e.group.vectors[i]; v != nil {
		err = v.write(values.(*array.List), int(e.properties.DataPageSize()), e.compress[v.meta.Descr().Path()])
	} else {
		err = writePlain(e.group.plain[i], values, e.fields.Field(i).Nullable)
	}
	if err != nil {
		return fmt.Errorf("column %q: %w", e.fields.Field(i).Name, err)
	}
	return nil
}

// write adds the vectors of a record, all of the same length.
func (v *vectorChunk) write(list *array.List, pageBytes int, compress compressFunc) error {
	if list.Len() == 0 {
		return nil
	}
	from, to := list.ValueOffsets(0)
	v.size = int(to - from)
	bytes := list.ListValues().Data().Buffers()[1].Bytes()
	start, row := int(from)*v.width, v.size*v.width
	return v.append(bytes[start:start+list.Len()*row], pageBytes, compress)
}

// writePlain adds values of a column without lists.
func writePlain(w file.ColumnChunkWriter, column arrow.Array, nullable bool) error {
	var present []int16
	if nullable {
		present = make([]int16, column.Len())
		for i := range present {
			if column.IsValid(i) {
				present[i] = 1
			}
		}
	}
	return pqarrow.WriteArrowToColumn(pqarrow.NewArrowWriteContext(context.Background(), nil), w, column, present, nil, nullable)
}

// endGroup writes the row group, if one was started.
func (e *parquetEncoder) endGroup() error {
	if e.group == nil {
		return nil
	}
	g := e.group
	e.group = nil
	var total int64
	for i, w := range g.plain {
		if c := g.copied[i]; c != nil {
			written, err := c.flush(e.sink, g.chunks[i])
			if err != nil {
				return err
			}
			total += written
			continue
		}
		if w != nil {
			if err := w.Close(); err != nil {
				return err
			}
			total += w.TotalBytesWritten()
			continue
		}
		v := g.vectors[i]
		// The pages are compressed: this only describes them.
		pager, err := file.NewPageWriter(e.sink, compress.Codecs.Uncompressed, 0, v.meta, g.ordinal, int16(i), e.properties.Allocator(), false, nil, nil)
		if err != nil {
			return err
		}
		written, err := v.flush(pager)
		if err != nil {
			return err
		}
		total += written
	}
	g.meta.SetNumRows(g.rows)
	return g.meta.Finish(total, g.ordinal)
}

func (e *parquetEncoder) close() error {
	if err := e.endGroup(); err != nil {
		return err
	}
	footer, err := e.footer.Finish()
	if err != nil {
		return err
	}
	n, err := footer.WriteTo(e.sink, nil)
	if err != nil {
		return err
	}
	_, err = e.sink.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(n)), parquetMagic...))
	return err
}
