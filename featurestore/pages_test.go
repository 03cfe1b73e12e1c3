package featurestore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
)

// readColumns reads all vectors of a shard, directly or by Arrow's reader.
func readColumns(t *testing.T, r *shardReader, direct bool) ([][]float32, error) {
	t.Helper()
	source := r.src.(*parquetSource)
	all := make([][]float32, len(r.meta.recipe.Layers))
	for group := range r.groups {
		for n, l := range r.meta.recipe.Layers {
			place, err := source.place(l.Name)
			must(t, err)
			schema := arrow.NewSchema([]arrow.Field{source.fields.Field(place.field)}, nil)
			err = source.scanColumns(context.Background(), group, schema, []columnPlace{place}, 3, direct, func(record arrow.Record) error {
				v, err := chunk{rows: int(record.NumRows()), record: record}.vectors(l)
				if err != nil {
					return err
				}
				flat := make([]float32, v.len())
				v.copyTo(flat)
				all[n] = append(all[n], flat...)
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// What is written here is read directly, and is what Arrow's reader reads.
func TestPagesAgreeWithArrow(t *testing.T) {
	for _, dtype := range dtypes {
		dir, info := verified(t), testInfo(dtype)
		writeAll(t, dir, info, testOptions(FormatParquet), makeRows(info.Recipe, 0, 2*testShard), nil)
		for i := range 2 {
			r, err := openShard(dir, shardName(i, FormatParquet), memory.DefaultAllocator)
			must(t, err)
			got, err := readColumns(t, r, true)
			must(t, err)
			want, err := readColumns(t, r, false)
			must(t, err)
			for n := range want {
				if !slices.Equal(got[n], want[n]) || len(got[n]) == 0 {
					t.Errorf("%s: layer %d differs", dtype, n)
				}
			}
			r.close()
		}
	}
}

// Pages of any other form are left to Arrow's reader, and read right.
func TestPagesOfOtherForms(t *testing.T) {
	lengths := slices.Repeat([]int{7}, 100)
	tests := []struct {
		name       string
		properties []parquet.WriterProperty
		direct     bool
	}{
		{"one page", []parquet.WriterProperty{parquet.WithDictionaryDefault(false)}, true},
		{"pages that end within vectors", []parquet.WriterProperty{parquet.WithDictionaryDefault(false), parquet.WithDataPageSize(16), parquet.WithBatchSize(5)}, true},
		{"row groups", []parquet.WriterProperty{parquet.WithDictionaryDefault(false), parquet.WithMaxRowGroupLength(9)}, true},
		{"dictionary", nil, false},
		{"pages of version 2", []parquet.WriterProperty{parquet.WithDictionaryDefault(false), parquet.WithDataPageVersion(parquet.DataPageV2), parquet.WithBatchSize(7)}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			raw := badVectors(t, lengths, test.properties...)
			r, err := newShardReader("x", bytes.NewReader(raw), FormatParquet, memory.DefaultAllocator)
			must(t, err)
			if _, err := readColumns(t, r, true); errors.Is(err, errIrregular) == test.direct {
				t.Errorf("read directly: %v, want that to be %v", err, test.direct)
			}
			var got []float32
			must(t, r.scan(context.Background(), []string{columnPath, "fc7"}, func(c chunk) error {
				v, err := c.vectors(r.meta.recipe.Layers[0])
				got = append(got, v.single...)
				return err
			}))
			if len(got) != 700 {
				t.Fatalf("%d values, want 700", len(got))
			}
			for i, x := range got {
				if x != float32(i/7)+0.5 {
					t.Fatalf("value %d is %g", i, x)
				}
			}
		})
	}
}

// Arrow's reader does not mind a page whose encoding it does not know, unless it is the first: it
// gives other values. Here every byte that may be the encoding of a page is changed, of vectors and
// of texts that are many pages long.
func TestChangedEncodings(t *testing.T) {
	info := testInfo(Float32)
	rows := makeRows(info.Recipe, 0, testShard)
	for i := range rows {
		rows[i].Path = strings.Repeat("a", 1<<18) + rows[i].Path
	}
	dir := filepath.Join(t.TempDir(), "dataset")
	writeAll(t, dir, info, testOptions(FormatParquet), rows, nil)
	file := filepath.Join(dir, dataDir, shardName(0, FormatParquet))
	raw, err := os.ReadFile(file)
	must(t, err)
	footer := len(raw) - 8 - int(binary.LittleEndian.Uint32(raw[len(raw)-8:]))
	want, err := scanned(dir, 1)
	must(t, err)
	refused, tried := 0, 0
	for at := 5; at < footer; at++ {
		// A number, as Thrift writes it, after the number of values and what comes before that.
		if raw[at-1] != 0x15 || raw[at-3] != 0x15 && raw[at-4] != 0x15 || raw[at] != 0 && raw[at] != 2*byte(parquet.Encodings.RLEDict) {
			continue
		}
		tried++
		restore := flip(t, file, at, 2)
		got, err := scanned(dir, 1)
		restore()
		if err != nil {
			refused++
		}
		judge(t, fmt.Sprintf("byte %d", at), filepath.Base(file), err, slices.EqualFunc(got, want, sameRow))
	}
	t.Logf("%d of %d changes are refused", refused, tried)
	if refused < 20 {
		t.Errorf("%d of %d changes are refused", refused, tried)
	}
}
