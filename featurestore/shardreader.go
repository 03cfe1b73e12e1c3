package featurestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"

	"fovea/featurestore/internal/guard"
	"fovea/recipe"
)

// shardReader reads one shard. Its errors name the file; nothing in the file makes it panic.
type shardReader struct {
	name string
	file io.Closer
	// stamp is that of the file.
	stamp stamp
	src   source
	meta  shardMeta
	rows  int
	// groups are the numbers of rows of the parts that can be read separately.
	groups []int
}

func openShard(dir, name string, mem memory.Allocator) (*shardReader, error) {
	f, err := os.Open(filepath.Join(dir, dataDir, name))
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", name, err)
	}
	return readShard(f, mem)
}

// readShard opens a shard from an open file, which is closed with the reader or on an error.
func readShard(f *os.File, mem memory.Allocator) (*shardReader, error) {
	name := filepath.Base(f.Name())
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %q: %w", name, err), f.Close())
	}
	_, format, _ := shardIndex(name)
	s, err := newShardReader(name, f, format, mem)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s.file, s.stamp = f, stampOf(info)
	return s, nil
}

func newShardReader(name string, r guard.ReadSeeker, format Format, mem memory.Allocator) (*shardReader, error) {
	s := &shardReader{name: name}
	err := guard.Call(func() error {
		var err error
		if s.src, err = openSource(r, format, mem); err != nil {
			return err
		}
		if s.meta, err = parseMetadata(s.src.schema(), s.src.metadata); err != nil {
			return err
		}
		if p, ok := s.src.(*parquetSource); ok {
			p.vectorSize = func(column string) int {
				if l, ok := s.meta.recipe.Layer(column); ok {
					return l.Size()
				}
				return 0
			}
		}
		groups, err := s.src.groups()
		for _, rows := range groups {
			s.groups = append(s.groups, int(rows))
			s.rows += int(rows)
		}
		return err
	})
	if err != nil {
		return nil, s.damaged("open", err)
	}
	return s, nil
}

// countValues compares the numbers of values in a Parquet file's footer with the layers' sizes. Code
// that allocates memory for all rows relies on them.
func (s *shardReader) countValues() error {
	p, ok := s.src.(*parquetSource)
	if !ok {
		return nil // fixed-size lists, whose sizes were compared with the schema
	}
	return guard.Call(func() error {
		for _, l := range s.meta.recipe.Layers {
			for group, rows := range s.groups {
				values, err := p.values(group, l.Name)
				if err != nil {
					return s.damaged("open", err)
				}
				if want := int64(rows) * int64(l.Size()); values != want {
					return fmt.Errorf("open %q: %w: column %q has %d values in %d rows instead of %d: not all vectors have %d", s.name, ErrCorrupt, l.Name, values, rows, want, l.Size())
				}
			}
		}
		return nil
	})
}

// optionalElements reports whether the values of vectors are declared as nullable. That is unknown if
// all layers are tensors.
func (s *shardReader) optionalElements(tensors bool) (optional, known bool) {
	layers := s.meta.recipe.Layers
	at := slices.IndexFunc(layers, func(l recipe.Layer) bool { return !tensors || !isTensor(l) })
	if at < 0 {
		return false, false
	}
	if p, ok := s.src.(*parquetSource); ok {
		place, err := p.place(layers[at].Name)
		return err == nil && p.reader.MetaData().Schema.Column(place.leaf).SchemaNode().RepetitionType() == parquet.Repetitions.Optional, err == nil
	}
	for _, f := range s.src.schema().Fields() {
		if list, ok := f.Type.(arrow.ListLikeType); ok && f.Name == layers[at].Name {
			return list.ElemField().Nullable, true
		}
	}
	return false, false
}

// damaged names the file in an error, and marks it as ErrCorrupt unless it is of another kind.
func (s *shardReader) damaged(verb string, err error) error {
	return fmt.Errorf("%s %q: %w", verb, s.name, guard.Damaged(err, context.Canceled, context.DeadlineExceeded))
}

func (s *shardReader) close() {
	s.src.close()
	if s.file != nil {
		_ = s.file.Close() // only read from
	}
}

// scan visits the given columns of the rows in order, and checks that there are as many as the file
// claims.
func (s *shardReader) scan(ctx context.Context, columns []string, visit func(chunk) error) error {
	for group := range s.groups {
		// One after the other, because column chunks are read whole.
		if err := s.scanGroup(ctx, group, columns, visit); err != nil {
			return err
		}
	}
	return nil
}

// scanGroup is scan for one group.
func (s *shardReader) scanGroup(ctx context.Context, group int, columns []string, visit func(chunk) error) error {
	visited := 0
	var visitErr error
	var lies *mapping
	if ipc, ok := s.src.(*ipcSource); ok {
		lies = ipc.mapping
	}
	err := guard.Call(func() error {
		return s.src.scan(ctx, group, columns, s.recordRows(columns), func(r arrow.Record) error {
			visited += int(r.NumRows())
			if visited > s.groups[group] {
				return fmt.Errorf("%w: it has more rows than the %d that it claims", ErrCorrupt, s.groups[group])
			}
			visitErr = visit(chunk{rows: int(r.NumRows()), record: r, mapping: lies, extra: s.meta.extra})
			return visitErr
		})
	})
	switch {
	case visitErr != nil && errors.Is(err, visitErr):
		if errors.Is(visitErr, ErrCorrupt) {
			return fmt.Errorf("read %q: %w", s.name, visitErr)
		}
		return visitErr
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx) // says who cancelled
	case err != nil:
		return s.damaged("read", err)
	case visited != s.groups[group]:
		return fmt.Errorf("read %q: %w: it has %d rows instead of %d", s.name, ErrCorrupt, visited, s.groups[group])
	}
	return nil
}

// recordRows is the number of rows in a record of these columns, which bounds its memory.
func (s *shardReader) recordRows(columns []string) int {
	var layers []recipe.Layer
	for _, name := range columns {
		if l, ok := s.meta.recipe.Layer(name); ok {
			layers = append(layers, l)
		}
	}
	if len(layers) == 0 {
		return maxShardRows
	}
	return int(max(1, min(recordBytes/rowBytes(layers, Float32), maxRecordRows)))
}
