package hdf5

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// Files of arrays drawn at random, in shapes, chunks, filters and versions of the format that nobody chose,
// have the elements that h5py reads.
func TestRandomFiles(t *testing.T) {
	python := os.Getenv("FOVEA_PYTHON_TENSORFLOW")
	if python == "" {
		t.Skip("FOVEA_PYTHON_TENSORFLOW names no Python with h5py")
	}
	const files, seed = 60, 7
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "make_random.py"), dir, fmt.Sprint(seed), fmt.Sprint(files)).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	arrays := 0
	for n := range files {
		var want map[string]struct {
			Shape  []uint64
			DType  string
			Number int
		}
		described, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%d.json", n)))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(described, &want); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%d.h5", n)))
		if err != nil {
			t.Fatal(err)
		}
		err = open(t, data).Walk(func(path string, d *Dataset) error {
			a, found := want[path[1:]]
			if !found {
				t.Errorf("file %d has an array %s", n, path)
				return nil
			}
			delete(want, path[1:])
			arrays++
			elements, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%d.%d.bin", n, a.Number)))
			if err != nil {
				return err
			}
			got, err := d.Read()
			if err != nil || !slices.Equal(d.Shape, a.Shape) || !bytes.Equal(got, elements) {
				t.Errorf("file %d, %s of %v %s: shape %v, %v; equal: %t", n, path, a.Shape, a.DType, d.Shape, err, bytes.Equal(got, elements))
			}
			if note, found, err := d.Text("note"); err != nil || found && note != "text of "+path[1:] && note != "text of "+path {
				t.Errorf("file %d, %s: the note is %q, %v", n, path, note, err)
			}
			return nil
		})
		if err != nil {
			t.Errorf("file %d: %v", n, err)
		}
		for name := range want {
			t.Errorf("file %d: %s was not found", n, name)
		}
	}
	if arrays < 3*files {
		t.Errorf("only %d arrays were compared", arrays)
	}
}
