package savedmodel

import (
	"cmp"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// pythonStrangers are the models that make_strangers.py makes: what they are refused for, and whether
// they write a file once they are trusted.
var pythonStrangers = map[string]struct {
	operation string
	outcome   outcome
}{
	// What is there for its effect only is never run: no feature needs it.
	"writes": {"WriteFile", refused}, "branches": {"WriteFile", refused}, "prints": {"PrintV2", refused},
	"loops": {"WriteFile", runs}, "reads": {"ReadFile", refused}, "lists": {"MatchingFiles", refused},
	"python": {"PyFunc", broken}, "records": {"TFRecordDataset", broken},
	"tables": {"", harmless}, "controls": {"", harmless}, "quantized": {"", harmless},
}

// Models that do more than compute are refused as Python exports them, too, and those that only
// compute are not.
func TestStrangersOfPython(t *testing.T) {
	if testing.Short() {
		t.Skip("reads many models, one after the other")
	}
	dir := os.Getenv("FOVEA_STRANGERS")
	if python := os.Getenv("FOVEA_PYTHON_TENSORFLOW"); dir == "" && python != "" {
		dir = t.TempDir()
		made, err := exec.Command(python, filepath.Join(models, "make_strangers.py"), dir, filepath.Join(dir, "trace")).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, made)
		}
	}
	if dir == "" {
		t.Skip("neither FOVEA_PYTHON_TENSORFLOW is set, nor names FOVEA_STRANGERS a directory made by testdata/savedmodel/make_strangers.py DIR DIR/trace")
	}
	trace := filepath.Join(dir, "trace")
	for name, want := range pythonStrangers {
		t.Run(name, func(t *testing.T) {
			one := filepath.Join(dir, name)
			if _, err := Inspect(one, ""); err != nil {
				t.Errorf("Inspect: %v", err)
			}
			_, examined := Examine(one, Options{})
			model, err := Open(one, Options{})
			checkTrace(t, "opening", trace, false)
			if want.outcome == harmless {
				if err := cmp.Or(err, examined); err != nil {
					t.Fatal(err)
				}
				if err := model.Close(); err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, ErrUntrusted) || !errors.Is(examined, ErrUntrusted) || !strings.Contains(err.Error(), " "+want.operation+" ") {
				t.Fatalf("Open: %v; Examine: %v", err, examined)
			}
			stranger{outcome: want.outcome}.trust(t, one, trace)
			if err := os.RemoveAll(trace); err != nil {
				t.Error(err)
			}
		})
	}
}
