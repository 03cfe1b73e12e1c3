package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zlib"
	"github.com/nlpodyssey/gopickle/types"

	"fovea/internal/budget"
)

// zeros reads zeros without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// archived is a ZIP archive of one member, whose content is a beginning, zeros and an end.
func archived(t *testing.T, name, begin string, n int64, end string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	// Several times as fast as the standard library's under the race detector.
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.BestSpeed) })
	member, err := w.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(member, io.MultiReader(strings.NewReader(begin), io.LimitReader(zeros{}, n), strings.NewReader(end))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// matOfZeros is a MATLAB file with a compressed array of n floats, all zero.
func matOfZeros(t *testing.T, n int) []byte {
	t.Helper()
	word := func(out []byte, values ...uint32) []byte {
		for _, v := range values {
			out = binary.LittleEndian.AppendUint32(out, v)
		}
		return out
	}
	size := 16 + 16 + 8 + 8 + 4*n
	head := word(nil, miMatrix, uint32(size))
	head = word(head, miUint32, 8, 7, 0)        // single
	head = word(head, miInt32, 8, 1, uint32(n)) // dimensions
	head = word(head, 1<<16|miInt8, 'x')        // name
	head = word(head, miSingle, uint32(4*n))    // numbers
	var packed bytes.Buffer
	w, err := zlib.NewWriterLevel(&packed, zlib.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(w, io.MultiReader(bytes.NewReader(head), io.LimitReader(zeros{}, int64(4*n)))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file := append([]byte("MATLAB 5.0 MAT-file"), make([]byte, matHeader)...)[:matHeader]
	copy(file[124:], []byte{0, 1, 'I', 'M'})
	return append(word(file, miCompressed, uint32(packed.Len())), packed.Bytes()...)
}

// npyHead begins an array of n floats.
func npyHead(n string) string {
	header := "{'descr': '<f4', 'fortran_order': False, 'shape': (" + n + ",), }\n"
	return "\x93NUMPY\x01\x00" + string(binary.LittleEndian.AppendUint16(nil, uint16(len(header)))) + header
}

// Small files that unpack to much are refused before the memory is taken, with what wants it and what to do. A user who
// allows more gets what is in them.
func TestSmallFilesOfMuchMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("inflates and reads hundreds of megabytes")
	}
	const n = 80_000_000 // floats: 320 MB
	manyDictionaries := "\x80\x02" + strings.Repeat("}", 1_000_000) + "."
	for name, test := range map[string]struct {
		data  []byte
		want  string // in the error
		sound bool   // read by who allows more
	}{
		"zeros.npz":       {archived(t, "w.npy", npyHead("80000000"), 4*n, ""), "w.npy needs 320.0 MB", true},
		"dictionaries.pt": {archived(t, "archive/data.pkl", manyDictionaries, 0, ""), "what its pickle makes needs", false},
		"zeros.mat":       {matOfZeros(t, n), "an array needs 320.0 MB", false},
		"header.safetensors": {append(binary.LittleEndian.AppendUint64(nil, 20_000_002), []byte("{"+strings.Repeat(" ", 20_000_000)+"}")...),
			"the header needs 480.0 MB", false},
	} {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, test.data, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Read(file)
		for _, want := range []string{file, test.want, "--max-memory"} {
			if !errors.Is(err, budget.ErrMemory) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
		set, err := Options{MaxMemory: 2_000_000_000}.Read(file)
		if errors.Is(err, budget.ErrMemory) || test.sound && (err != nil || len(set.Tensors["w"].Raw) != 4*n) {
			t.Errorf("%s with more memory: %v", name, err)
		}
	}
}

// Members that claim more than their part of the archive can hold are damaged, however much memory there is.
func TestImplausibleMembers(t *testing.T) {
	for _, test := range []struct {
		f  zip.FileHeader
		ok bool
	}{
		{zip.FileHeader{Method: zip.Store, CompressedSize64: 10, UncompressedSize64: 10}, true},
		{zip.FileHeader{Method: zip.Store, CompressedSize64: 10, UncompressedSize64: 11}, false},
		{zip.FileHeader{Method: zip.Deflate, CompressedSize64: 10, UncompressedSize64: 10_000}, true},
		{zip.FileHeader{Method: zip.Deflate, CompressedSize64: 10, UncompressedSize64: 20_000}, false},
		{zip.FileHeader{Method: zip.Deflate, CompressedSize64: 10, UncompressedSize64: 1 << 63}, false},
	} {
		if err := plausible(&zip.File{FileHeader: test.f}); (err == nil) != test.ok {
			t.Errorf("%d bytes in %d: %v", test.f.UncompressedSize64, test.f.CompressedSize64, err)
		}
	}
}

// What is written of a pickled value is short, even if it contains itself.
func TestBrief(t *testing.T) {
	list := types.NewList()
	list.Append(list)
	tuple := types.NewTupleFromSlice([]any{1, 2})
	for range 60 { // 2^60 numbers
		tuple = types.NewTupleFromSlice([]any{tuple, tuple})
	}
	for _, test := range []struct {
		value any
		want  string
	}{
		{nil, "None"}, {7, "7"}, {"conv1", "conv1"}, {types.NewTupleFromSlice([]any{1, "a"}), "(1, a)"}, {list, "[[[[...]]]]"}, {types.NewDict(), "a *types.Dict"},
	} {
		if got := brief(test.value); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
	for _, long := range []any{tuple, strings.Repeat("x", 1000)} {
		if got := brief(long); len(got) > briefBytes+3 {
			t.Errorf("%d bytes", len(got))
		}
	}
}
