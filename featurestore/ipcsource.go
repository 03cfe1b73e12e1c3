package featurestore

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/ipc"

	"fovea/featurestore/internal/guard"
)

// ipcSource reads an Arrow file, without copying if possible.
type ipcSource struct {
	// reader is Arrow's, for the schema and for records that ipcRecords cannot read.
	reader *ipc.FileReader
	// frames check records before that.
	frames *ipcFrames
	// mapping is nil if the file cannot be mapped.
	mapping *mapping
	records *ipcRecords
	// sums are nil in files of earlier versions.
	sums *fileSums
}

func openIPC(r guard.ReadSeeker, sums *fileSums, mem *guard.Allocator) (source, error) {
	frames, err := newIPCFrames(r, mem.Most, mem)
	if err != nil {
		return nil, err
	}
	reader, err := ipc.NewFileReader(r, ipc.WithAllocator(mem))
	if err != nil {
		return nil, err
	}
	s := &ipcSource{reader: reader, frames: frames, sums: sums}
	if s.mapping, err = mapReader(r); err != nil {
		s.mapping = nil
		return s, s.verifyAll(r)
	}
	s.records, err = newIPCRecords(s.mapping.bytes, reader.Schema(), sums)
	if errors.Is(err, errIrregular) {
		s.records, err = nil, s.verifyAll(r)
	}
	if err != nil {
		s.mapping.release()
		return nil, err
	}
	return s, nil
}

// verifyAll is for files whose records Arrow's reader will read.
func (s *ipcSource) verifyAll(r io.ReaderAt) error {
	if s.sums == nil {
		return nil
	}
	return s.sums.verifyAll(r)
}

// mapReader maps a file, and reads anything else into memory.
func mapReader(r guard.ReadSeeker) (*mapping, error) {
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
	_ = guard.Call(s.reader.Close) // frees memory only
	if s.mapping != nil {
		s.mapping.release()
	}
}

func (s *ipcSource) metadata(key string) (string, bool) {
	return s.reader.Schema().Metadata().GetValue(key)
}

// groups reads the headers of the first and the last record, because the footer of an Arrow file has
// no number of rows, and all records but the last are as long as the first.
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
	record, err := s.whole(i)
	if err != nil {
		return 0, err
	}
	defer record.Release()
	return record.NumRows(), nil
}

// scan visits only the requested columns. In a file with checksums, these are compared first.
func (s *ipcSource) scan(ctx context.Context, _ int, columns []string, _ int, visit func(arrow.Record) error) error {
	wanted := newColumnSet(s.reader.Schema(), columns)
	s.load(0, wanted)
	for i := range s.reader.NumRecords() {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.load(i+1, wanted) // is read from disk while this one is visited
		if err := s.scanRecord(i, wanted, visit); err != nil {
			return err
		}
	}
	return nil
}

// load makes the system start reading a record, if it exists and will be visited entirely.
func (s *ipcSource) load(i int, wanted columnSet) {
	if s.records == nil || !wanted.vectors || i >= s.reader.NumRecords() {
		return
	}
	if place, err := s.records.place(i); err == nil {
		s.mapping.load(int(place.head), int(place.end))
	}
}

func (s *ipcSource) scanRecord(i int, wanted columnSet, visit func(arrow.Record) error) error {
	record, err := s.record(i, wanted)
	if err != nil {
		return err
	}
	defer record.Release()
	return visit(record)
}

// record returns record i.
func (s *ipcSource) record(i int, wanted columnSet) (record arrow.Record, err error) {
	if s.records == nil {
		return s.whole(i)
	}
	err = s.mapping.watch(func() error {
		h, err := s.records.head(i)
		if err == nil {
			record, err = h.record(s.records.schema, wanted)
		}
		return err
	})
	if errors.Is(err, errIrregular) {
		return s.whole(i)
	}
	return record, err
}

// whole returns record i as read by Arrow.
func (s *ipcSource) whole(i int) (arrow.Record, error) {
	if s.records != nil {
		place, err := s.records.place(i)
		if err != nil {
			return nil, err
		}
		if err := s.sums.verify(s.records.file, place.head, place.end); err != nil {
			return nil, err
		}
	}
	if err := s.frames.check(s.frames.records, i); err != nil {
		return nil, err
	}
	return s.reader.RecordAt(i)
}
