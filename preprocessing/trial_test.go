package preprocessing

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"fovea/internal/budget"
	"fovea/internal/trials"
)

// No change of a file of settings ends the program, stalls it or makes it take gigabytes.
func TestTrials(t *testing.T) {
	seeds := trials.Texts(t, map[string]string{
		"preset.json": `{"preset": "torch", "layout": "nchw"}`,
		"full.json":   `{"channels": "bgr", "scale": "1/255", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "layout": "nhwc"}`,
		"range.json":  `{"channels": "rgb", "range": [-1, 1], "mean": 0.5}`,
	})
	trials.Run(t, seeds, func(file string) error {
		_, err := Load(file)
		return err
	})
}

// A file of settings without end is not read.
func TestLoadLarge(t *testing.T) {
	file := filepath.Join(t.TempDir(), "large.json")
	if err := os.WriteFile(file, make([]byte, maxFileBytes+1), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file); !errors.Is(err, budget.ErrLarge) {
		t.Errorf("%v", err)
	}
}
