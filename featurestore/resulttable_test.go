package featurestore

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"
)

func TestWriteResults(t *testing.T) {
	var out bytes.Buffer
	columns := []ResultColumn{
		{Name: "path", Texts: []string{"a%FF.jpg", ""}}, {Name: "rank", Numbers: []int64{1, 2}},
		{Name: "margin", Floats: []float64{-1.5, 2}}, {Name: "likely", Flags: []bool{true, false}},
	}
	if err := WriteResults(&out, columns); err != nil {
		t.Fatal(err)
	}
	table, err := pqarrow.ReadTable(context.Background(), bytes.NewReader(out.Bytes()), parquet.NewReaderProperties(nil), pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	texts := table.Column(0).Data().Chunk(0).(*array.String)
	if texts.Value(0) != "a%FF.jpg" || !texts.IsNull(1) {
		t.Errorf("the texts are %v", texts)
	}
	if n := table.Column(1).Data().Chunk(0).(*array.Int64); n.Value(1) != 2 {
		t.Errorf("the numbers are %v", n)
	}
	if f := table.Column(2).Data().Chunk(0).(*array.Float64); f.Value(0) != -1.5 {
		t.Errorf("the floats are %v", f)
	}
	if f := table.Column(3).Data().Chunk(0).(*array.Boolean); !f.Value(0) || f.Value(1) {
		t.Errorf("the flags are %v", f)
	}
	columns[1].Numbers = columns[1].Numbers[:1]
	if err := WriteResults(&out, columns); err == nil || !strings.Contains(err.Error(), "column rank has 1 values, others have 2") {
		t.Errorf("columns of different lengths: %v", err)
	}
}
