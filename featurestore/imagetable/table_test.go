package imagetable

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"
)

// imagesFile writes a table of n images with names and labels.
func imagesFile(t testing.TB, n, size int, options ...parquet.WriterProperty) []byte {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "image", Type: arrow.StructOf(
			arrow.Field{Name: "bytes", Type: arrow.BinaryTypes.Binary, Nullable: true},
			arrow.Field{Name: "path", Type: arrow.BinaryTypes.String, Nullable: true}), Nullable: true},
		{Name: "label", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	}, nil)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &out, parquet.NewWriterProperties(options...), pqarrow.DefaultWriterProps())
	must(t, err)
	for i := range n {
		image := builder.Field(0).(*array.StructBuilder)
		image.Append(true)
		image.FieldBuilder(0).(*array.BinaryBuilder).Append(bytes.Repeat([]byte{byte(i)}, size))
		image.FieldBuilder(1).(*array.StringBuilder).Append(fmt.Sprintf("../x/%d.jpg", i))
		builder.Field(1).(*array.Int64Builder).Append(int64(i % 2))
	}
	record := builder.NewRecord()
	defer record.Release()
	must(t, w.Write(record))
	must(t, w.Close())
	return out.Bytes()
}

func openBytes(data []byte) (*Table, error) {
	return open("x.parquet", bytes.NewReader(data), memory.DefaultAllocator)
}

func TestTable(t *testing.T) {
	p, err := openBytes(imagesFile(t, 10, 100, parquet.WithMaxRowGroupLength(4)))
	must(t, err)
	if p.Rows() != 10 {
		t.Errorf("%d rows", p.Rows())
	}
	at := 0
	must(t, p.List(context.Background(), func(r Row) error {
		if want := (Row{Path: fmt.Sprintf("x/%d.jpg", at), Label: fmt.Sprint(at % 2)}); r != want {
			t.Errorf("row %d is %+v, want %+v", at, r, want)
		}
		at++
		return nil
	}))
	for _, row := range []int{1, 3, 8} { // in another group
		data, err := p.Read(row)
		if err != nil || !bytes.Equal(data, bytes.Repeat([]byte{byte(row)}, 100)) {
			t.Errorf("row %d is %v (%v)", row, data, err)
		}
	}
	for _, row := range []int{8, -1, 10} {
		if _, err := p.Read(row); err == nil {
			t.Errorf("row %d was read after row 8", row)
		}
	}
	stop := errors.New("enough")
	if err := p.List(context.Background(), func(Row) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the visit's error came back as %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := p.List(ctx, func(Row) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled list ended with %v", err)
	}
	must(t, p.Close())
}

func TestTableRefuses(t *testing.T) {
	features, err := os.ReadFile(filepath.Join("..", "testdata", "former", "parquet-float32", "data", "part-00000.parquet"))
	must(t, err)
	whole := imagesFile(t, 3, 10)
	columns := func(names ...string) []byte {
		var fields []arrow.Field
		var values []arrow.Array
		for _, name := range names {
			builder := array.NewBinaryBuilder(memory.DefaultAllocator, arrow.BinaryTypes.Binary)
			builder.Append([]byte("x"))
			fields, values = append(fields, arrow.Field{Name: name, Type: arrow.BinaryTypes.Binary}), append(values, builder.NewArray())
		}
		schema := arrow.NewSchema(fields, nil)
		var out bytes.Buffer
		w, err := pqarrow.NewFileWriter(schema, &out, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
		must(t, err)
		must(t, w.Write(array.NewRecord(schema, values, 1)))
		must(t, w.Close())
		return out.Bytes()
	}
	if _, err := openBytes(columns("x", "photo", "y")); err != nil {
		t.Errorf("of three columns, one is called photo: %v", err)
	}
	for name, test := range map[string]struct {
		data []byte
		is   error
		want string
	}{
		"features":      {features, ErrNoImages, "none of its columns holds bytes"},
		"texts":         {foreignParquet(t), ErrNoImages, "it has path"},
		"which":         {columns("x", "y"), ErrNoImages, "x, y hold bytes, and nothing tells which are the images: name that column image"},
		"empty":         {nil, ErrCorrupt, "x.parquet"},
		"no Parquet":    {[]byte("a text of more than some bytes"), ErrCorrupt, "x.parquet"},
		"truncated":     {whole[:len(whole)-1], ErrCorrupt, "x.parquet"},
		"the end alone": {whole[len(whole)/2:], ErrCorrupt, "x.parquet"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := openBytes(test.data)
			if err == nil {
				err = readAll(p)
			}
			if !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want %v with %q", err, test.is, test.want)
			}
		})
	}
}

// readAll lists and reads everything and returns the first error.
func readAll(p *Table) error {
	first := p.List(context.Background(), func(Row) error { return nil })
	for row := range p.Rows() {
		if _, err := p.Read(row); first == nil {
			first = err
		}
	}
	return first
}

// No changed byte may cause a panic, nor memory that only the damage asks for.
func TestTableChangedBytes(t *testing.T) {
	for _, codec := range []compress.Compression{compress.Codecs.Uncompressed, compress.Codecs.Snappy} {
		whole := imagesFile(t, 6, 40, parquet.WithMaxRowGroupLength(3), parquet.WithCompression(codec))
		for at := range whole {
			changed := bytes.Clone(whole)
			changed[at] ^= 0xff
			p, err := openBytes(changed)
			if err == nil {
				err = readAll(p)
			}
			if err != nil && !strings.Contains(err.Error(), "x.parquet") {
				t.Fatalf("byte %d of %d: %v does not name the file", at, len(whole), err)
			}
		}
	}
}

// A damaged page costs the images in it and behind it in its row group, and no others.
func TestTableDamagedPage(t *testing.T) {
	whole := imagesFile(t, 9, 5000, parquet.WithMaxRowGroupLength(3), parquet.WithCompression(compress.Codecs.Snappy), parquet.WithDictionaryDefault(false))
	good, err := openBytes(whole)
	must(t, err)
	chunk, err := good.reader.MetaData().RowGroup(1).ColumnChunk(0)
	must(t, err)
	for i := range 40 {
		whole[chunk.DataPageOffset()+int64(i)] = 0xff
	}
	p, err := openBytes(whole)
	must(t, err)
	for row := range 9 {
		_, err := p.Read(row)
		if damaged := row/3 == 1; damaged != errors.Is(err, ErrCorrupt) {
			t.Errorf("row %d: %v", row, err)
		}
	}
}

// Memory does not follow the size of the file, nor that of a row group.
func TestTableMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 200 MB")
	}
	const n, size = 800, 250_000
	file := filepath.Join(t.TempDir(), "large.parquet")
	must(t, os.WriteFile(file, imagesFile(t, n, size, parquet.WithDictionaryDefault(false), parquet.WithBatchSize(4)), 0o644))
	runtime.GC()
	p, err := openFile(t, file)
	must(t, err)
	var most, before runtime.MemStats
	runtime.ReadMemStats(&before)
	for row := range p.Rows() {
		data, err := p.Read(row)
		if err != nil || len(data) != size || data[size-1] != byte(row) {
			t.Fatalf("row %d: %d bytes (%v)", row, len(data), err)
		}
		if row%50 == 0 {
			runtime.GC()
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			if now.HeapAlloc > most.HeapAlloc {
				most = now
			}
		}
	}
	must(t, p.Close())
	if grown := int64(most.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("reading 200 MB took %d MB", grown>>20)
	}
}

// Files of other programs, with what these say is in them.
func TestTableOfOthers(t *testing.T) {
	python := os.Getenv("FOVEA_PYTHON")
	if python == "" {
		t.Skip("FOVEA_PYTHON is not set: no Python to write the files with")
	}
	dir := t.TempDir()
	out, err := exec.Command(python, filepath.Join("..", "..", "testdata", "python", "make_pictures.py"), dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.parquet"))
	must(t, err)
	if len(files) < 50 {
		t.Fatalf("only %d files were written", len(files))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".parquet")
		t.Run(name, func(t *testing.T) { compareTable(t, file, filepath.Join(dir, name+".json")) })
	}
}

func compareTable(t *testing.T, file, expected string) {
	raw, err := os.ReadFile(expected)
	must(t, err)
	var want []struct {
		Path, Label string
		SHA256      *string
	}
	must(t, json.Unmarshal(raw, &want))
	p, err := openFile(t, file)
	if strings.Contains(file, "lz4") {
		if err == nil || !strings.Contains(err.Error(), "write the file with zstd or snappy") || errors.Is(err, ErrCorrupt) {
			t.Errorf("what is compressed by LZ4 gives %v", err)
		}
		return
	}
	must(t, err)
	defer p.Close()
	var rows []Row
	must(t, p.List(context.Background(), func(r Row) error { rows = append(rows, r); return nil }))
	if len(rows) != len(want) || p.Rows() != len(want) {
		t.Fatalf("%d rows, want %d", len(rows), len(want))
	}
	for i, w := range want {
		if rows[i].Path != w.Path || rows[i].Label != w.Label {
			t.Errorf("row %d is %+v, want %+v", i, rows[i], w)
		}
		data, err := p.Read(i)
		switch sum := sha256.Sum256(data); {
		case w.SHA256 == nil && err != nil && strings.Contains(err.Error(), "has no bytes"):
		case w.SHA256 == nil || err != nil:
			t.Errorf("row %d has %d bytes (%v)", i, len(data), err)
		case hex.EncodeToString(sum[:]) != *w.SHA256:
			t.Errorf("row %d has %d other bytes", i, len(data))
		}
	}
}

// FuzzTable looks for files that make the reader panic, or give more rows than they have.
func FuzzTable(f *testing.F) {
	f.Add(imagesFile(f, 3, 10))
	f.Add(imagesFile(f, 5, 20, parquet.WithMaxRowGroupLength(2), parquet.WithCompression(compress.Codecs.Snappy), parquet.WithDataPageVersion(parquet.DataPageV2)))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := openBytes(data)
		if err != nil {
			return
		}
		rows := 0
		err = p.List(context.Background(), func(r Row) error {
			rows++
			if r.Path == "" || strings.Contains("/"+r.Path+"/", "/../") {
				t.Errorf("the path is %q", r.Path)
			}
			return nil
		})
		if rows > p.Rows() || err == nil && rows < p.Rows() {
			t.Errorf("%d rows of %d: %v", rows, p.Rows(), err)
		}
		_ = readAll(p) // must not panic
	})
}

// foreignParquet is a valid file without images.
func foreignParquet(t *testing.T) []byte {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "path", Type: arrow.BinaryTypes.String}}, nil)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	builder.Field(0).(*array.StringBuilder).AppendValues([]string{"a", "b"}, nil)
	record := builder.NewRecord()
	defer record.Release()
	var file bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &file, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
	must(t, err)
	must(t, w.Write(record))
	must(t, w.Close())
	return file.Bytes()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// openFile opens a table on disk.
func openFile(t testing.TB, name string) (*Table, error) {
	t.Helper()
	f, err := os.Open(name)
	must(t, err)
	return Open(name, f, Options{})
}
