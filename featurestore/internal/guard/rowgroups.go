package guard

import (
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/parquet/file"
)

// ReadSeeker is what files are read through.
type ReadSeeker interface {
	io.Reader
	io.ReaderAt
	io.Seeker
}

// RowGroups are the numbers of rows of a Parquet file's row groups, as its footer states them. It
// is ErrCorrupt if the footer contradicts itself.
func RowGroups(reader *file.Reader) ([]int64, error) {
	total := int64(0)
	var rows []int64
	for _, group := range reader.MetaData().GetRowGroups() {
		if group.GetNumRows() < 0 {
			return nil, fmt.Errorf("%w: a row group has %d rows", ErrCorrupt, group.GetNumRows())
		}
		total += group.GetNumRows()
		rows = append(rows, group.GetNumRows())
	}
	if total != reader.NumRows() {
		return nil, fmt.Errorf("%w: its row groups have %d rows, its footer says %d", ErrCorrupt, total, reader.NumRows())
	}
	return rows, nil
}
