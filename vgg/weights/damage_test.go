package weights

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// sound are files of all formats that are not larger than the damage test can afford.
func sound(t *testing.T) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(files, func(path string, entry fs.DirEntry, err error) error {
		switch filepath.Ext(path) {
		case ".py", ".json", ".zip", ".bin":
			return err
		}
		if err != nil || entry.IsDir() {
			return err
		}
		if info, err := entry.Info(); err != nil || info.Size() > 64<<10 {
			return err
		}
		names = append(names, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// damage gives copies of a file's content in which something is wrong: cut, changed, moved or blown up.
func damage(r *rand.Rand, data []byte, copies int) [][]byte {
	var all [][]byte
	for range copies {
		changed := slices.Clone(data)
		for range 1 + r.IntN(3) {
			at := r.IntN(len(changed))
			n := min(1+r.IntN(16), len(changed)-at)
			switch r.IntN(6) {
			case 0:
				changed = changed[:max(at, 1)]
			case 1:
				changed[at] ^= 1 << r.IntN(8)
			case 2: // lengths and sizes become huge
				for i := range n {
					changed[at+i] = 0xff
				}
			case 3:
				clear(changed[at : at+n])
			case 4:
				changed = slices.Delete(changed, at, min(at+n, len(changed)-1))
			case 5:
				changed = slices.Insert(changed, at, changed[at:at+n]...)
			}
			if len(changed) == 0 {
				changed = []byte{0}
			}
		}
		all = append(all, changed)
	}
	return all
}

// A damaged file of any format gives tensors that hold together, or an error that names the file; it never
// panics, and takes no more memory than a sound file of its size could need.
func TestDamagedFiles(t *testing.T) {
	copies := 24
	if testing.Short() {
		copies = 8
	}
	refused, taken := 0, 0
	for _, name := range sound(t) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		beside(t, name, dir)
		file := filepath.Join(dir, filepath.Base(name))
		r := rand.New(rand.NewPCG(uint64(len(data)), 5))
		for i, changed := range damage(r, data, copies) {
			if err := os.WriteFile(file, changed, 0o644); err != nil {
				t.Fatal(err)
			}
			set, allocated, err := readMeasured(file)
			// The readers inflate: of HDF5 and MATLAB files, a thousandfold.
			if most := uint64(2000*len(changed) + 64<<20); allocated > most {
				t.Errorf("%s, copy %d: %d bytes were allocated for a file of %d", name, i, allocated, len(changed))
			}
			if err != nil {
				if refused++; !strings.Contains(err.Error(), file) {
					t.Errorf("%s, copy %d: %v does not name the file", name, i, err)
				}
				continue
			}
			taken++
			for tensor, values := range set.Tensors {
				if err := values.check(); err != nil || values.DType != F32 && values.DType != F16 {
					t.Errorf("%s, copy %d: tensor %s of %s: %v", name, i, tensor, values.DType, err)
				}
			}
		}
	}
	if refused < 20*copies || taken == 0 {
		t.Errorf("%d damaged files were refused and %d taken", refused, taken)
	}
}

// beside copies what belongs to a file: the shards of a checkpoint and the external data of an ONNX model.
func beside(t *testing.T, name, dir string) {
	t.Helper()
	matches, err := filepath.Glob(strings.TrimSuffix(name, ".index") + ".data-*")
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Ext(name) == ".onnx" {
		matches = append(matches, filepath.Join(filepath.Dir(name), "external.bin"))
	}
	for _, match := range matches {
		data, err := os.ReadFile(match)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(match)), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func readMeasured(file string) (set Set, allocated uint64, err error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	set, err = Read(file)
	runtime.ReadMemStats(&after)
	return set, after.TotalAlloc - before.TotalAlloc, err
}

// A directory is read where a checkpoint is in it; others say what to give instead.
func TestDirectories(t *testing.T) {
	for name, test := range map[string]struct {
		files []string
		want  string
	}{
		"a SavedModel":      {[]string{"saved_model.pb", "variables/variables.index"}, "use it as a model (--model DIR)"},
		"a text SavedModel": {[]string{"saved_model.pbtxt"}, "use it as a model (--model DIR)"},
		"Core ML":           {[]string{"Manifest.json", "Data/model"}, "Core ML"},
		"safetensors":       {[]string{"config.json", "model.safetensors"}, "give the file model.safetensors in it"},
		"several":           {[]string{"pytorch_model.bin", "model.safetensors"}, "give the file model.safetensors in it"},
		"PyTorch":           {[]string{"pytorch_model.bin"}, "give the file pytorch_model.bin in it"},
		"nothing known":     {[]string{"readme.txt"}, "give a file of weights"},
		"nothing":           {nil, "give a file of weights"},
	} {
		dir := t.TempDir()
		for _, file := range test.files {
			path := filepath.Join(dir, filepath.FromSlash(file))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte("content"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		_, err := Read(dir)
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}
