package weights

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// unzipped copies a file of package hdf5's test data, which are compressed, to a place of
// its own.
func unzipped(t *testing.T, name string) string {
	t.Helper()
	file, err := os.Open(filepath.Join("../../internal/hdf5/testdata", name+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestLargeChunked reads more than 4,194,304 values in chunks that are not as wide as their
// array, compressed by gzip after a shuffle.
func TestLargeChunked(t *testing.T) {
	for _, name := range []string{"steps_earliest.h5", "steps_latest.h5"} {
		set, err := Read(unzipped(t, name))
		if err != nil {
			t.Fatal(err)
		}
		tensor := set.Tensors["gzip_shuffle"]
		values, err := tensor.Float32()
		if err != nil || !slices.Equal(tensor.Shape, []int{2100, 2048}) {
			t.Fatalf("shape %v, %v", tensor.Shape, err)
		}
		for i, v := range values {
			if want := float32(i>>14%251) - 125; v != want {
				t.Fatalf("%s: element %d is %v, want %v", name, i, v, want)
			}
		}
	}
}

// TestHDF5Kinds puts each kind of array where it belongs.
func TestHDF5Kinds(t *testing.T) {
	for _, name := range []string{"everything_earliest.h5", "everything_latest.h5"} {
		set, err := Read(unzipped(t, name))
		if err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]DType{
			"types/chunked_f2_big": F16, "types/contiguous_f4_big": F32, "types/chunked_f8_little": F32, "scalar": F32, "compact_big": F32,
		} {
			if got := set.Tensors[path].DType; got != want {
				t.Errorf("%s: %s is %q, want %s", name, path, got, want)
			}
		}
		for path, want := range map[string]DType{
			"types/chunked_i8_big": typeI64, "types/chunked_u4_big": typeU32, "soft": "link", "external": "link",
			"text": "variable-length", "flags": "enumeration", "pairs": "compound",
		} {
			if got := set.Others[path].DType; got != want {
				t.Errorf("%s: %s is %q, want %s", name, path, got, want)
			}
		}
		if set.KerasConfig != nil {
			t.Errorf("%s has an architecture", name)
		}
	}
}
