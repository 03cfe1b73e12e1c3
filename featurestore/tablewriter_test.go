package featurestore

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/parquet/file"
)

var resultColumns = []TableColumn{{Name: "path", Required: true}, {Name: "p", Type: NumberColumn}, {Name: "right", Type: TruthColumn}}

// A table is written in row groups as it grows; a reader gets all rows in order. (cmd's scripts read such tables
// with pyarrow.)
func TestTableWriter(t *testing.T) {
	const rows = 150_000
	var out bytes.Buffer
	w, err := NewTableWriter(&out, resultColumns)
	if err != nil {
		t.Fatal(err)
	}
	early := 0
	for i := range rows {
		values := []any{fmt.Sprintf("%d.jpg", i), float64(i), i%2 == 0}
		if i%3 == 0 {
			values[1] = nil
		}
		if err := w.Append(values...); err != nil {
			t.Fatal(err)
		}
		if i == rows/2 {
			early = out.Len()
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if early < 100_000 {
		t.Errorf("half of the rows wrote %d bytes: the table is kept in memory", early)
	}
	r, err := file.NewParquetReader(bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if r.NumRows() != rows || r.NumRowGroups() != 3 {
		t.Fatalf("%d rows in %d groups", r.NumRows(), r.NumRowGroups())
	}
	column, err := r.RowGroup(1).Column(1)
	if err != nil {
		t.Fatal(err)
	}
	values, levels := make([]float64, 4), make([]int16, 6)
	read, set, err := column.(*file.Float64ColumnChunkReader).ReadBatch(6, values, levels, nil)
	// 65536 is 1 more than a multiple of 3.
	if want := []float64{65536, 65537, 65539, 65540}; err != nil || read != 6 || set != 4 || fmt.Sprint(values) != fmt.Sprint(want) || fmt.Sprint(levels) != "[1 1 0 1 1 0]" {
		t.Errorf("%d, %d, %v, %v, %v", read, set, values, levels, err)
	}
}

func TestTableWriterRefuses(t *testing.T) {
	w, err := NewTableWriter(io.Discard, resultColumns)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		values []any
		want   string
	}{
		{[]any{"a"}, "1 values for 3 columns"},
		{[]any{nil, 1.0, true}, "<nil> for the column path"},
		{[]any{"a", "b", true}, "string for the column p"},
		{[]any{"a", 1.0, 1.0}, "float64 for the column right"},
	} {
		if err := w.Append(test.values...); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: %v", test.values, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	full := errFull{}
	if w, err = NewTableWriter(full, resultColumns); err == nil {
		_ = w.Append("a", nil, nil)
		err = w.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "write the table: ") {
		t.Errorf("a sink that is full: %v", err)
	}
}

type errFull struct{}

func (errFull) Write([]byte) (int, error) { return 0, fmt.Errorf("write the table") }
