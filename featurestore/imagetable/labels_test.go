package imagetable

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"
)

// labelled is a table of three images with further columns, whose values are JSON.
func labelled(t *testing.T, huggingFace string, columns ...any) *Table {
	t.Helper()
	const rows = 3
	fields := []arrow.Field{{Name: "image", Type: arrow.BinaryTypes.Binary}}
	values := []string{`["YQ==", "Yg==", "Yw=="]`}
	for i := 0; i < len(columns); i += 3 {
		fields = append(fields, arrow.Field{Name: columns[i].(string), Type: columns[i+1].(arrow.DataType), Nullable: true})
		values = append(values, columns[i+2].(string))
	}
	var arrays []arrow.Array
	for i, field := range fields {
		if nan := "[1, NaN, 2]"; values[i] == nan { // which JSON has none of
			b := array.NewFloat64Builder(memory.DefaultAllocator)
			b.AppendValues([]float64{1, math.NaN(), 2}, nil)
			arrays = append(arrays, b.NewArray())
			continue
		}
		a, _, err := array.FromJSON(memory.DefaultAllocator, field.Type, strings.NewReader(values[i]))
		must(t, err)
		arrays = append(arrays, a)
	}
	var metadata arrow.Metadata
	if huggingFace != "" {
		metadata = arrow.NewMetadata([]string{"huggingface"}, []string{huggingFace})
	}
	schema := arrow.NewSchema(fields, &metadata)
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &out, parquet.NewWriterProperties(), pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	must(t, err)
	if huggingFace != "" {
		must(t, w.AppendKeyValueMetadata("huggingface", huggingFace))
	}
	must(t, w.Write(array.NewRecord(schema, arrays, rows)))
	must(t, w.Close())
	p, err := openBytes(out.Bytes())
	must(t, err)
	return p
}

// Labels are what the column has; what is no label is nobody's, and a column that has none is told.
func TestLabels(t *testing.T) {
	text, whole, double := arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Float64
	class := `{"info": {"features": {"label": {"_type": "ClassLabel", "names": ["cat", "dog"]}}}}`
	fine := strings.ReplaceAll(class, `"label"`, `"fine_label"`)
	both := `{"info": {"features": {"fine": {"_type": "ClassLabel", "names": ["a"]}, "coarse": {"_type": "ClassLabel", "names": ["b"]}}}}`
	for name, test := range map[string]struct {
		hint    string
		columns []any
		labels  []string // nil where there is no column
		fault   string
	}{
		"texts":              {"", []any{"label", text, `["cat", null, "dog"]`}, []string{"cat", "", "dog"}, ""},
		"whole numbers":      {"", []any{"Label", whole, `[0, null, -1]`}, []string{"0", "", "-1"}, ""},
		"bytes as numbers":   {"", []any{"label", arrow.PrimitiveTypes.Uint8, `[0, 255, 7]`}, []string{"0", "255", "7"}, ""},
		"booleans":           {"", []any{"label", arrow.FixedWidthTypes.Boolean, `[true, null, false]`}, []string{"true", "", "false"}, ""},
		"pandas's fractions": {"", []any{"label", double, `[1, NaN, 2]`}, []string{"1", "", "2"}, ""},
		"fractions":          {"", []any{"label", arrow.PrimitiveTypes.Float32, `[0.5, null, -3]`}, []string{"0.5", "", "-3"}, ""},
		"classes":            {class, []any{"label", whole, `[1, -1, 0]`}, []string{"dog", "", "cat"}, ""},
		"classes, fractions": {class, []any{"label", double, `[1, NaN, 2]`}, []string{"dog", "", "! its label is 2, and the column's ClassLabel names 2 classes, from 0 to 1"}, ""},
		"classes beyond":     {class, []any{"label", whole, `[7, -2, null]`}, []string{"! its label is 7, and the column's ClassLabel names 2 classes, from 0 to 1", "! its label is -2, and the column's ClassLabel names 2 classes, from 0 to 1", ""}, ""},
		"halves of classes":  {class, []any{"label", double, `[0.5, -1, 0]`}, []string{"! its label is 0.5, and the column's ClassLabel names 2 classes, from 0 to 1", "", "cat"}, ""},
		"classes by text":    {class, []any{"label", text, `["7", null, "dog"]`}, []string{"7", "", "dog"}, ""},
		"no names":           {strings.ReplaceAll(class, `"cat", "dog"`, ""), []any{"label", whole, `[7, 1, -1]`}, []string{"7", "1", ""}, ""},
		"an empty name":      {strings.ReplaceAll(class, "cat", ""), []any{"label", whole, `[1, 0, -1]`}, []string{"dog", "! its label is 0, whose name in the column's ClassLabel is empty", ""}, ""},
		"one name twice":     {strings.ReplaceAll(class, "cat", "dog"), []any{"label", whole, `[1, 0, 0]`}, []string{"dog", "dog", "dog"}, `the ClassLabel of its column "label" names two classes "dog"`},
		"another name":       {fine, []any{"fine_label", whole, `[1, 0, 0]`}, []string{"dog", "cat", "cat"}, ""},
		"the usual name":     {fine, []any{"fine_label", whole, `[1, 0, 0]`, "label", text, `["x", "y", "z"]`}, []string{"x", "y", "z"}, ""},
		"two names":          {both, []any{"fine", whole, `[0, 0, 0]`, "coarse", whole, `[0, 0, 0]`}, nil, `its columns "fine" and "coarse" could each be the labels`},
		"none":               {"", []any{"kind", text, `["cat", null, "dog"]`}, nil, ""},
		"a list":             {"", []any{"label", arrow.ListOf(whole), `[[0], [1], [0, 1]]`}, nil, `its column "label" is a list`},
		"bytes":              {"", []any{"labels", arrow.BinaryTypes.Binary, `["YQ==", "Yg==", "Yw=="]`}, nil, `its column "labels" is of bytes, not of texts`},
		"times":              {"", []any{"label", arrow.FixedWidthTypes.Timestamp_us, `["2024-01-01", null, "2024-01-02"]`}, nil, `its column "label" is of the type Timestamp`},
		"days":               {"", []any{"class", arrow.FixedWidthTypes.Date32, `["2024-01-01", null, "2024-01-02"]`}, nil, `its column "class" is of the type Date`},
		"a struct":           {"", []any{"label", arrow.StructOf(arrow.Field{Name: "a", Type: whole}), `[{"a": 1}, {"a": 1}, {"a": 1}]`}, nil, `its column "label" is a struct`},
		"pictures":           {"", []any{"label", arrow.StructOf(arrow.Field{Name: "bytes", Type: arrow.BinaryTypes.Binary}), `[{"bytes": "YQ=="}, {"bytes": "YQ=="}, {"bytes": "YQ=="}]`}, nil, ""},
		"bytes, and texts":   {"", []any{"label", arrow.BinaryTypes.Binary, `["YQ==", "Yg==", "Yw=="]`, "class", text, `["x", "y", "z"]`}, []string{"x", "y", "z"}, ""},
		"too long":           {"", []any{"label", text, `["` + strings.Repeat("x", 5000) + `", "y", "z"]`}, []string{strings.Repeat("x", maxLabel+1), "y", "z"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := labelled(t, test.hint, test.columns...)
			var labels []string
			must(t, p.List(context.Background(), func(r Row) error {
				if r.LabelFault != "" {
					r.Label += "! " + r.LabelFault
				}
				labels = append(labels, r.Label)
				return nil
			}))
			want := test.labels
			if want == nil {
				want = make([]string, 3)
			}
			if !slices.Equal(labels, want) || p.HasLabels() != (test.labels != nil) || p.LabelFault() != test.fault {
				t.Errorf("labels are %q (%v, %q), want %q (%q)", labels, p.HasLabels(), p.LabelFault(), test.labels, test.fault)
			}
		})
	}
}
