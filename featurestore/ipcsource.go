package featurestore

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

// ipcSource reads an Arrow file, where it can without copying.
type ipcSource struct {
	// reader is Arrow's, for the schema and for records that ipcRecords does not read.
	reader *ipc.FileReader
	// mapping is nil where files cannot be mapped.
	mapping *mapping
	records *ipcRecords
}

func openIPC(r readSeeker, mem memory.Allocator) (source, error) {
	reader, err := ipc.NewFileReader(r, ipc.WithAllocator(mem))
	if err != nil {
		return nil, err
	}
	s := &ipcSource{reader: reader}
	if s.mapping, err = mapReader(r); err != nil {
		s.mapping = nil
		return s, nil
	}
	if s.records, err = newIPCRecords(s.mapping.bytes, reader.Schema()); err == nil || errors.Is(err, errIrregular) {
		return s, nil
	}
	s.mapping.release()
	return nil, err
}

// mapReader maps a file; anything else it reads.
func mapReader(r readSeeker) (*mapping, error) {
	if f, ok := r.(*os.File); ok {
		return mapFile(f)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	bytes, err := io.ReadAll(r)
	return heldBytes(bytes), err
}

func (s *ipcSource) schema() *arrow.Schema { return s.reader.Schema() }

func (s *ipcSource) close() {
	_ = guard(s.reader.Close) // frees memory only
	if s.mapping != nil {
		s.mapping.release()
	}
}

func (s *ipcSource) metadata(key string) (string, bool) {
	return s.reader.Schema().Metadata().GetValue(key)
}

// groups looks at the heads of the first and the last record, since the footer of an Arrow
// file does not say and all other records are as long as the first.
func (s *ipcSource) groups() ([]int64, error) {
	n := s.reader.NumRecords()
	if n == 0 {
		return nil, nil
	}
	last, err := s.length(n - 1)
	if err != nil || n == 1 {
		return []int64{last}, err
	}
	first, err := s.length(0)
	return []int64{first*int64(n-1) + last}, err
}

// length is the number of rows of a record.
func (s *ipcSource) length(i int) (int64, error) {
	if s.records != nil {
		h, err := s.records.head(i)
		if !errors.Is(err, errIrregular) {
			return h.rows, err
		}
	}
	record, err := s.reader.RecordAt(i)
	if err != nil {
		return 0, err
	}
	defer record.Release()
	return record.NumRows(), nil
}

// scan gives all columns, whatever is asked for; what nobody looks at is not read, but where
// a part of a record is, all of it may be.
func (s *ipcSource) scan(ctx context.Context, _ int, columns []string, _ int, visit func(arrow.Record) error) error {
	vectors := slices.ContainsFunc(columns, func(name string) bool { return !slices.Contains(fixedColumns, name) })
	for i := range s.reader.NumRecords() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.scanRecord(i, vectors, visit); err != nil {
			return err
		}
	}
	return nil
}

func (s *ipcSource) scanRecord(i int, load bool, visit func(arrow.Record) error) error {
	record, err := s.record(i, load)
	if err != nil {
		return err
	}
	defer record.Release()
	return visit(record)
}

// record is record i. With load all of it will be looked at.
func (s *ipcSource) record(i int, load bool) (arrow.Record, error) {
	if s.records == nil {
		return s.reader.RecordAt(i)
	}
	h, err := s.records.head(i)
	if err == nil {
		var record arrow.Record
		record, err = h.record(s.records.schema)
		if err == nil {
			if load {
				s.mapping.load(h.from, h.to)
			}
			return record, nil
		}
	}
	if errors.Is(err, errIrregular) {
		return s.reader.RecordAt(i)
	}
	return nil, err
}
