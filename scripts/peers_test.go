package scripts_test

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"fovea/vgg"
)

// python runs a program in the directory of the peers, and returns what it prints.
func python(t *testing.T, program string, arguments ...string) (string, error) {
	t.Helper()
	interpreter := os.Getenv("FOVEA_PYTHON")
	if interpreter == "" {
		t.Skip("FOVEA_PYTHON is not set: make test sets it")
	}
	command := exec.Command(interpreter, append([]string{"-c", program}, arguments...)...)
	command.Dir = "peers"
	command.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	out, err := command.CombinedOutput()
	return string(out), err
}

// A model is never calibrated by fewer photos than the table will say.
func TestCalibrationNeedsItsPhotos(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.jpg", "b.JPG", "c.jpeg", "d.txt", "e.jpg"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const program = "import common, os, sys; print(*map(os.path.basename, common.calibration(sys.argv[1], int(sys.argv[2]))))"
	if out, err := python(t, program, dir, "2"); err != nil || out != "a.jpg c.jpeg\n" {
		t.Errorf("2 photos: got %q, %v", out, err)
	}
	if out, err := python(t, program, dir, "4"); err != nil || out != "a.jpg b.JPG c.jpeg e.jpg\n" {
		t.Errorf("4 photos: got %q, %v", out, err)
	}
	for _, n := range []string{"5", "0", "-1"} {
		out, err := python(t, program, dir, n)
		if err == nil || !strings.Contains(out, "4 JPEG photos") || !strings.Contains(out, "CALIBRATION=N") {
			t.Errorf("%s photos: got %q, %v", n, out, err)
		}
	}
}

// Cosines are those of known vectors: equal, orthogonal in one position, equal when averaged.
func TestCosinesOfPeers(t *testing.T) {
	const program = `
import numpy as np, compare
a = np.zeros((2, 2, 512)); a[:, 0, 0] = 3; a[:, 1, 1] = 4
b = a.copy(); b[1] = b[1, ::-1]
a, b = a.reshape(2, -1), b.reshape(2, -1)
print(*compare.cosines(a, b), *compare.cosines(compare.averaged(a), compare.averaged(b)))`
	out, err := python(t, program)
	if err != nil {
		t.Fatal(out)
	}
	for i, text := range strings.Fields(out) {
		got, err := strconv.ParseFloat(text, 64)
		if want := []float64{1, 0, 1, 1}[i]; err != nil || math.Abs(got-want) > 1e-12 {
			t.Errorf("cosine %d: got %v, %v, want %v", i, got, err, want)
		}
	}
}

// The networks that peers train from random weights are those of finetune scratch.
func TestTrainingPeersHaveTheConfigurations(t *testing.T) {
	const program = `
import json, training
print(json.dumps({name: [[f] * n for n, f in zip(blocks, training.FILTERS)] for name, blocks in training.CONFIGURATIONS.items()}))`
	out, err := python(t, program)
	if err != nil {
		t.Fatal(out)
	}
	var configurations map[string][][]int
	if err := json.Unmarshal([]byte(out), &configurations); err != nil || len(configurations) < 4 {
		t.Fatalf("%v: %s", err, out)
	}
	for name, got := range configurations {
		c, err := vgg.ByName(name)
		if err != nil {
			t.Error(err)
			continue
		}
		var want [][]int
		for _, block := range c.Blocks {
			var filters []int
			for _, convolution := range block {
				if convolution.Kernel != 3 {
					t.Errorf("%s has kernels of %d pixels, the peers only of 3", name, convolution.Kernel)
				}
				filters = append(filters, convolution.Filters)
			}
			want = append(want, filters)
		}
		if !reflect.DeepEqual(got, want) || c.LocalResponseNormalization {
			t.Errorf("%s: the peers' blocks have %v filters, the product's %v", name, got, want)
		}
	}
}

// Of two runs, only what an additional epoch takes counts; from random weights, test images measure it.
func TestTableOfTraining(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"results":        "product 1 10 20 100\nkeras 1 30 40 300\nproduct 3 14 26 200\nkeras 3 40 55 300\n",
		"product-3.json": `{"train_images": 80, "test_images": 20, "epochs": [{"seconds": 1.5}]}`,
		"steps-product":  "1.5\n1.7\n1.6\n", "steps-keras": "4\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const program = "import runpy, sys; runpy.run_path('training_table.py', run_name='__main__')"
	out, err := python(t, program, "table", dir, "2", "8", "a network")
	for _, want := range []string{
		"An epoch of a network: 80 photos trained on and 20 measured, batches of 8, medians of 1 rounds",
		"| product | 2.0 | 3.0 | 30 | 200 | 1.00x | 1.00x | 1.6, 1.5 |",
		"| keras | 5.0 | 7.5 | 75 | 300 | 2.50x | 2.50x | 4.0, 4.0 |",
	} {
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("want %q in %v\n%s", want, err, out)
		}
	}
	if out, err := python(t, program, "measured", filepath.Join(dir, "product-3.json")); err != nil || out != "20\n" {
		t.Errorf("measured: %q, %v", out, err)
	}
}

// The loops of nothing but products run here, and what they find is possible: a core does at least
// an instruction in two of its cycles, and at most four in one.
func TestLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a program")
	}
	program := filepath.Join(t.TempDir(), "limits")
	if out, err := exec.Command("cc", "-O2", "-Wall", "-Werror", "-pthread", "-o", program, "peers/limits.c").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.Command(program).Output()
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[string]float64{ // operations of an instruction
		"FMA-AVX2": 16, "FMA-AVX512": 32, "VDPBF16PS": 64, "VPMADDWD-AVX2": 32, "VPDPWSSD-AVX": 32, "VPDPWSSD": 64,
		"VPDPBUSD-AVX": 64, "VPDPBUSD": 128, "TDPBF16PS": 16 * 1024, "TDPBUSD": 32 * 1024,
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		rate, err := strconv.ParseFloat(fields[2], 64)
		instructions := rate / sizes[fields[0]] // thousands of millions a second
		low := 0.5
		if strings.HasPrefix(fields[0], "TDP") {
			low = 0.02
		}
		if err != nil || sizes[fields[0]] == 0 || instructions < low || instructions > 4*6 {
			t.Errorf("%q: %.2f instructions a nanosecond", strings.TrimSpace(line), instructions)
		}
	}
	t.Logf("%s", out)
}
