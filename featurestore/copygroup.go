package featurestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/metadata"
	"github.com/apache/arrow/go/v15/parquet/schema"
	"golang.org/x/sync/errgroup"

	"fovea/featurestore/internal/guard"
)

// groupCopier is an encoder that can take over the vectors of a group of rows from a shard of the same format, without
// decoding them, and write the other columns anew. errIrregular means that they are stored in another way.
type groupCopier interface {
	copyGroup(ctx context.Context, from *shardReader, group int, copied copiedRows) error
}

// copiedRows are what a group of rows gets besides what is copied.
type copiedRows struct {
	rows []Row
	// plain are the columns in front of the vectors.
	plain []plainColumn
	// added are the vectors of columns that are new, or nil.
	added *addedColumns
	// record is the number of rows to encode together.
	record int
	mem    memory.Allocator
}

// mostGroupBytes bounds the vectors of a row group that gets more columns. They are in memory until it ends, as compressed
// pages.
var mostGroupBytes = int64(4 * groupBytes)

// copyGroup copies the pages of all columns that do not change as they are, with the checksums in them.
func (e *parquetEncoder) copyGroup(_ context.Context, from *shardReader, group int, copied copiedRows) (err error) {
	src, ok := from.src.(*parquetSource)
	if !ok {
		return errIrregular
	}
	if len(copied.rows) == 0 {
		return nil
	}
	defer src.buffers.Reset()
	defer src.file.Done()
	if e.group, err = e.newGroup(); err != nil {
		return err
	}
	e.group.rows = len(copied.rows)
	for i := range e.columns.NumColumns() {
		name := e.fields.Field(i).Name
		if copied.added.place(name) >= 0 {
			continue
		}
		taken := errIrregular
		if i >= len(copied.plain) || !copied.plain[i].revised {
			taken = e.group.copyFrom(src, group, i, name)
		}
		switch {
		case taken == nil:
		case errors.Is(taken, errIrregular) && i < len(copied.plain):
			if err := e.writePlain(i, copied); err != nil {
				return err
			}
		case errors.Is(taken, errIrregular):
			return taken
		default:
			return from.damaged("read", taken)
		}
	}
	if err := e.writeAdded(copied); err != nil {
		return err
	}
	return e.endGroup()
}

// writePlain writes a column in front of the vectors in the same portions as if it were extracted.
func (e *parquetEncoder) writePlain(column int, copied copiedRows) error {
	for part := range slices.Chunk(copied.rows, copied.record) {
		values := copied.plain[column].array(part, copied.mem)
		err := e.writeColumn(column, values)
		values.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// writeAdded writes the columns that are new.
func (e *parquetEncoder) writeAdded(copied copiedRows) error {
	if copied.added == nil {
		return nil
	}
	added := copied.added.batch(copied.record)
	for part := range slices.Chunk(copied.rows, copied.record) {
		if err := copied.added.fill(added, len(part)); err != nil {
			return err
		}
		for i, f := range e.fields.Fields() {
			at := copied.added.place(f.Name)
			if at < 0 {
				continue
			}
			values := added.columns[at].array(len(part), f.Type)
			err := e.writeColumn(i, values)
			values.Release()
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// copiedChunk is a column of a row group that was taken over from another file.
type copiedChunk struct {
	guard.RawChunk
	values, plain int64
}

// copyFrom takes over a column of another file, which has the same type, levels and compression.
func (g *rowGroup) copyFrom(src *parquetSource, group, column int, name string) error {
	place, err := src.place(name)
	if err != nil {
		return err
	}
	chunk, err := src.reader.MetaData().RowGroup(group).ColumnChunk(place.leaf)
	if err != nil {
		return err
	}
	meta := g.chunks[column]
	have, want := src.reader.MetaData().Schema.Column(place.leaf), meta.Descr()
	if have.MaxDefinitionLevel() != want.MaxDefinitionLevel() || have.MaxRepetitionLevel() != want.MaxRepetitionLevel() ||
		have.PhysicalType() != want.PhysicalType() || chunk.Compression() != compress.Compression(meta.Contents().MetaData.Codec) {
		return errIrregular
	}
	raw, err := src.file.RawChunk(group, place.leaf)
	if err != nil {
		return err
	}
	known, err := chunk.Statistics()
	if err != nil {
		return err
	}
	if known != nil {
		statistics, err := known.Encode()
		if err != nil {
			return err
		}
		statistics.Signed = want.SortOrder() == schema.SortSIGNED
		meta.SetStats(statistics)
	}
	g.copied[column] = &copiedChunk{raw, chunk.NumValues(), chunk.TotalUncompressedSize()}
	return nil
}

// flush writes the chunk, which meta describes, and returns its size.
func (c *copiedChunk) flush(sink *countingWriter, meta *metadata.ColumnChunkMetaDataBuilder) (int64, error) {
	size := int64(len(c.Bytes))
	info := metadata.ChunkMetaInfo{NumValues: c.values, IndexPageOffset: -1, DataPageOffset: sink.Tell(), CompressedSize: size, UncompressedSize: c.plain}
	if _, err := sink.Write(c.Bytes); err != nil {
		return 0, err
	}
	encodings := metadata.EncodingStats{DataEncodingStats: map[parquet.Encoding]int32{parquet.Encodings.Plain: c.Pages}}
	if err := meta.Finish(info, false, false, encodings, nil); err != nil {
		return 0, err
	}
	_, err := meta.WriteTo(sink)
	return size, err
}

// copyShard writes the shard with other rows in front of the same vectors: s is a new shard, rows has one row for each
// of from, and added are vectors for columns that from lacks, if any. An error leaves s to be discarded; errIrregular
// means that the vectors have to be decoded.
func (s *shardWriter) copyShard(ctx context.Context, from *shardReader, listed Shard, rows []Row, added *addedColumns) error {
	copier, ok := s.enc.(groupCopier)
	if !ok || added != nil && s.config.options.Format == FormatParquet && s.tooLarge(from) {
		return errIrregular
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return from.proveWhole(ctx, listed) })
	group.Go(func() error {
		for i, n := range from.groups {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			err := guard.Call(func() error {
				return copier.copyGroup(ctx, from, i, copiedRows{rows[:n], plainColumns(s.config.info.Extra), added, s.config.sizes.record, s.config.options.hooks.mem})
			})
			if s.sink.err != nil {
				err = fmt.Errorf("write %q: %w", s.name, s.sink.err)
			}
			if err != nil {
				return err
			}
			rows = rows[n:]
			s.rows += n
		}
		return nil
	})
	return group.Wait()
}

// tooLarge reports whether row groups of as many rows as those of from would take too much memory.
func (s *shardWriter) tooLarge(from *shardReader) bool {
	perRow := rowBytes(s.config.info.Recipe.Layers, s.config.info.DType)
	return slices.ContainsFunc(from.groups, func(rows int) bool { return rows > 1 && int64(rows)*perRow > mostGroupBytes })
}

// proveWhole makes sure that a shard is the one in the manifest, byte for byte: pages that are copied without being
// unpacked are not compared with their checksums.
func (s *shardReader) proveWhole(ctx context.Context, listed Shard) error {
	if _, ok := s.src.(*parquetSource); !ok || listed.SHA256 == "" {
		return s.prove(ctx, listed)
	}
	f, ok := s.file.(*os.File)
	if !ok {
		return nil
	}
	sum, err := hashReader(ctx, io.NewSectionReader(f, 0, s.stamp.size))
	switch {
	case err != nil && ctx.Err() != nil:
		return err // it is no damage
	case err != nil:
		return s.damaged("read", err)
	case sum != listed.SHA256:
		return s.damaged("read", errSum(sum, listed))
	}
	return nil
}
