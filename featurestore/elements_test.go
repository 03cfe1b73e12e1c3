package featurestore

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"
)

// Files of both kinds in one directory, which somebody may have put together, are read.
func TestElementsOfBothKindsAreRead(t *testing.T) {
	for _, c := range formerDatasets {
		dir, info := former(t, c.name), testInfo(c.dtype)
		options := testOptions(c.format)
		options.Resume, options.TensorExtension = true, c.tensor
		young := filepath.Join(t.TempDir(), "young")
		rows := makeRows(info.Recipe, 0, 2*testShard)
		writeAll(t, young, info, options, rows[testShard:], nil)
		w := mustCreate(t, dir, info, options)
		must(t, w.Append(rows[formerRows:]...))
		must(t, w.Close(StatusComplete))
		raw, err := os.ReadFile(filepath.Join(young, dataDir, shardName(0, c.format)))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, dataDir, shardName(1, c.format)), raw, 0o644))
		editManifest(t, dir, "status", "writing") // so that files need not be listed
		editManifest(t, dir, "shards", []Shard{})
		d, err := Open(dir)
		must(t, err)
		if !d.elements.optional || !d.elements.required {
			t.Errorf("%s: the elements are %+v, want both", c.name, d.elements)
		}
		checkRows(t, d, rows, c.dtype)
		must(t, Compact(context.Background(), dir, MergeOptions{}))
		must(t, Verify(dir))
	}
}

// requireElements fails unless the elements of every list in a Parquet file are required, but for
// those of tensors, which pyarrow would not take for such.
func requireElements(t *testing.T, name string, tensors bool) {
	t.Helper()
	r, err := file.OpenParquetFile(name, false)
	must(t, err)
	defer r.Close()
	lists := 0
	for i := range r.MetaData().Schema.NumColumns() {
		c := r.MetaData().Schema.Column(i)
		if c.MaxRepetitionLevel() == 0 {
			continue
		}
		want, level := parquet.Repetitions.Required, 1
		if tensors && isTensor(testRecipe().Layers[lists]) {
			want, level = parquet.Repetitions.Optional, 2
		}
		lists++
		if got := c.SchemaNode().RepetitionType(); got != want || int(c.MaxDefinitionLevel()) != level || c.Path() != c.ColumnPath()[0]+".list.element" {
			t.Errorf("%s: %s is %s with definition levels up to %d, want %s and %d", name, c.Path(), got, c.MaxDefinitionLevel(), want, level)
		}
	}
	if want := len(testRecipe().Layers); lists != want {
		t.Errorf("%s has %d lists, want %d", name, lists, want)
	}
}

func TestElementsAreRequired(t *testing.T) {
	for _, dtype := range dtypes {
		for _, tensor := range []bool{false, true} {
			dir, options := verified(t), testOptions(FormatParquet)
			options.TensorExtension = tensor
			writeAll(t, dir, testInfo(dtype), options, makeRows(testRecipe(), 0, testShard+1), nil)
			for i := range 2 {
				requireElements(t, filepath.Join(dir, dataDir, shardName(i, FormatParquet)), tensor)
			}
		}
	}
}
