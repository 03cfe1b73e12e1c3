package cmd_test

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"fovea/featurestore"
)

// oddClasses are names of directories that serve as classes, and how they are shown.
var oddClasses = map[string]string{
	"caf\xe9":     "caf%E9",   // Latin-1
	"caf%E9":      "caf%25E9", // which is not the former
	"\xc3\xa9":    "\u00e9",
	"\x81\x82":    "%81%82", // a code of Asia
	"new\nline":   "new\nline",
	"100%, \"a\"": "100%, \"a\"",
}

// oddPhotos has three pictures of each class.
func oddPhotos(t *testing.T) string {
	t.Helper()
	root, shade := t.TempDir(), 0
	for _, class := range sortedKeys(oddClasses) {
		check(t, os.MkdirAll(filepath.Join(root, class), 0o755))
		for i := range 3 {
			shade += 12
			img := colourful(t)
			for p := 0; p < len(img.Pix); p += 4 {
				img.Pix[p], img.Pix[p+1], img.Pix[p+3] = uint8(shade), uint8(255-shade+i), 255
			}
			var encoded bytes.Buffer
			check(t, encode(&encoded, img, ".png"))
			check(t, os.WriteFile(filepath.Join(root, class, fmt.Sprintf("x%d.png", i)), encoded.Bytes(), 0o644))
		}
	}
	return root
}

func sortedKeys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func shownClasses() []string {
	var shown []string
	for _, s := range oddClasses {
		shown = append(shown, s)
	}
	slices.Sort(shown)
	return shown
}

// output is what a command prints; it must end well.
func output(t *testing.T, program string, arguments ...string) string {
	t.Helper()
	command := exec.Command(filepath.Join(binaries, program), arguments...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, stderr.String())
	}
	if !utf8.Valid(out) {
		t.Errorf("%s prints what is not UTF-8: %q", command, out)
	}
	return string(out)
}

// Names of classes that are not UTF-8 go through everything in one spelling: labels of the
// dataset, the head, predictions of every format, and exports. What is written can be opened.
func TestClassesOfAnyBytes(t *testing.T) {
	t.Parallel()
	photos, dir := oddPhotos(t), t.TempDir()
	out, head := filepath.Join(dir, "out"), filepath.Join(dir, "head.json")
	mustEnd(t, small(out, "--labels", "dir", "--pool", "avg", photos), 0)
	check(t, featurestore.Verify(out))
	d, err := featurestore.Open(out)
	check(t, err)
	for _, shown := range oddClasses {
		if d.Manifest().Labels[shown] != 3 {
			t.Errorf("the manifest has %d rows of %q: %v", d.Manifest().Labels[shown], shown, d.Manifest().Labels)
		}
	}
	output(t, "finetune", "train", "-q", "--features", out, "--out", head, "--test-fraction", "0", "--near-duplicates", "0")
	if got := classesOf(t, head); !slices.Equal(got, shownClasses()) {
		t.Errorf("the head's classes are %q, want %q", got, shownClasses())
	}
	output(t, "finetune", "evaluate", "--head", head, "--features", out, "--json")
	checkPredictions(t, head, photos)
	checkServing(t, head, filepath.Join(photos, "caf\xe9", "x0.png"))
	checkExports(t, out)
	checkNetwork(t, photos, dir)
	tested := filepath.Join(dir, "tested.json")
	output(t, "finetune", "train", "-q", "--features", out, "--out", tested, "--test-fraction", "0.34", "--near-duplicates", "0")
	output(t, "finetune", "report", "-q", "--head", tested, "--features", out, "--out", filepath.Join(dir, "report"))
	if page, err := os.ReadFile(filepath.Join(dir, "report", "report.html")); err != nil || !utf8.Valid(page) || !bytes.Contains(page, []byte("%81%82")) || !bytes.Contains(page, []byte("caf%25E9")) {
		t.Errorf("the report lacks the classes' names (%v)", err)
	}
	// What is shown can be handed back.
	if got := output(t, "extract", "dataset", "similar", "-q", "--query", "caf%E9/x0.png", "--k", "2", "--label", "caf%E9", "--json", out); strings.Count(got, `"caf%E9"`) != 2 {
		t.Errorf("similar rows are %s", got)
	}
	sheet := filepath.Join(dir, "sheet.html")
	output(t, "extract", "dataset", "similar", "-q", "--query", "caf%E9/x0.png", "--html", sheet, "--images", photos, out)
	if page, err := os.ReadFile(sheet); err != nil || !utf8.Valid(page) || !bytes.Contains(page, []byte("Images like caf%E9/x0.png")) {
		t.Errorf("the contact sheet has other names (%v)", err)
	}
	dry := small("", "--dry-run", "--json", "--include", "caf*/**", photos)
	if forecast, err := dry.Output(); err != nil || !bytes.Contains(forecast, []byte(`"first": "caf%25E9/x0.png"`)) {
		t.Errorf("the dry run says %s, %v", forecast, err)
	}
	parts := filepath.Join(dir, "parts")
	output(t, "extract", "dataset", "partition", "-q", "--by", "label", parts, out)
	if _, err := os.Stat(filepath.Join(parts, "by_label=caf%25E9")); err != nil {
		t.Error(err)
	}
}

func classesOf(t *testing.T, head string) []string {
	t.Helper()
	data, err := os.ReadFile(head)
	check(t, err)
	var file struct{ Classes []string }
	check(t, json.Unmarshal(data, &file))
	return file.Classes
}

func checkPredictions(t *testing.T, head, photos string) {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(output(t, "finetune", "predict", "-q", "--model", smallModel, "--head", head, photos))).ReadAll()
	check(t, err)
	header := []string{"path", "label"}
	for _, c := range shownClasses() {
		header = append(header, "probability_"+c)
	}
	header = append(header, "novelty")
	if !slices.Equal(records[0], header) || len(records) != 1+3*len(oddClasses) {
		t.Errorf("%d rows under %q, want %q", len(records)-1, records[0], header)
	}
	var rows []struct {
		Path          string
		Label         string
		Probabilities map[string]float64
	}
	check(t, json.Unmarshal([]byte(output(t, "finetune", "predict", "-q", "--model", smallModel, "--head", head, "--format", "json", photos)), &rows))
	for i, r := range rows {
		if r.Path != records[i+1][0] || r.Label != records[i+1][1] || len(r.Probabilities) != len(oddClasses) {
			t.Errorf("row %d is %+v as JSON, %q as CSV", i, r, records[i+1])
		}
		directory := filepath.Dir(r.Path)
		if !slices.Contains(shownClasses(), directory) {
			t.Errorf("the path %q is not as datasets show it", r.Path)
		}
	}
	table := filepath.Join(t.TempDir(), "p.parquet")
	output(t, "finetune", "predict", "-q", "--model", smallModel, "--head", head, "--format", "parquet", "--out", table, photos)
	readByPython(t, `
import sys, pyarrow.parquet as pq
t = pq.read_table(sys.argv[1])
print(repr((t["path"].to_pylist(), t["label"].to_pylist(), t.column_names)))`, table, func(got string) {
		for _, r := range records[1:] {
			if !strings.Contains(got, pythonString(r[0])) || !strings.Contains(got, pythonString(r[1])) {
				t.Errorf("the table lacks %q: %s", r[:2], got)
			}
		}
	})
}

// checkServing asks a server, and a SavedModel, for the classes of a picture.
func checkServing(t *testing.T, head, picture string) {
	t.Helper()
	command := exec.Command(filepath.Join(binaries, "finetune"), "serve", "--model", smallModel, "--head", head, "--listen", "127.0.0.1:0")
	stderr, err := command.StderrPipe()
	check(t, err)
	check(t, command.Start())
	var answer struct {
		Label         string
		Probabilities map[string]float64
	}
	address := regexp.MustCompile(`http://[^/]*/`)
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		at := address.FindString(lines.Text())
		if at == "" {
			continue
		}
		image, err := os.ReadFile(picture)
		check(t, err)
		response, err := http.Post(at+"predict", "image/png", bytes.NewReader(image))
		check(t, err)
		body, err := io.ReadAll(response.Body)
		check(t, errors.Join(err, response.Body.Close(), json.Unmarshal(body, &answer)))
		check(t, command.Process.Signal(os.Interrupt))
	}
	_ = command.Wait() // it was interrupted
	if got := slices.Sorted(maps.Keys(answer.Probabilities)); !slices.Equal(got, shownClasses()) || answer.Label == "" {
		t.Errorf("the server answers %q, with the classes %q", answer.Label, got)
	}
	served := filepath.Join(t.TempDir(), "served")
	output(t, "finetune", "export", "-q", "--model", smallModel, "--head", head, "--out", served, picture)
	graph, err := os.ReadFile(filepath.Join(served, "saved_model.pb"))
	check(t, err)
	for _, class := range shownClasses() {
		if !bytes.Contains(graph, []byte(class)) {
			t.Errorf("the exported graph lacks the class %q", class)
		}
	}
}

// checkNetwork trains a network on the classes, whose head can be used.
func checkNetwork(t *testing.T, photos, dir string) {
	t.Helper()
	out := filepath.Join(dir, "network")
	output(t, "finetune", "scratch", "-q", "--images", photos, "--labels", "dir", "--size", "32", "--epochs", "1", "--out", out)
	if got := classesOf(t, filepath.Join(out, "head.json")); !slices.Equal(got, shownClasses()) {
		t.Errorf("the network's classes are %q, want %q", got, shownClasses())
	}
	output(t, "finetune", "predict", "-q", "--model", filepath.Join(out, "model"), "--head", filepath.Join(out, "head.json"), filepath.Join(photos, "caf\xe9"))
}

// pythonString is a string as Python's repr shows it, if it has no quotes but double ones.
func pythonString(s string) string { return "'" + strings.ReplaceAll(s, "\n", `\n`) + "'" }

func readByPython(t *testing.T, program, file string, checkOutput func(string)) {
	t.Helper()
	python := os.Getenv("FOVEA_PYTHON")
	if python == "" {
		t.Log("FOVEA_PYTHON is not set: no Python to read the files with")
		return
	}
	out, err := exec.Command(python, "-c", program, file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	checkOutput(string(out))
}

func checkExports(t *testing.T, dataset string) {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(output(t, "extract", "dataset", "export", "-q", "--format", "csv", "--out", "-", dataset))).ReadAll()
	check(t, err)
	labels := map[string]int{}
	for _, r := range records[1:] {
		labels[r[1]]++
		if !strings.HasPrefix(r[0], r[1]+"/") {
			t.Errorf("the path %q does not begin with the label %q", r[0], r[1])
		}
	}
	for _, shown := range oddClasses {
		if labels[shown] != 3 {
			t.Errorf("the export has %d rows of %q", labels[shown], shown)
		}
	}
	dir := t.TempDir()
	output(t, "extract", "dataset", "export", "-q", "--format", "libsvm", "--out", filepath.Join(dir, "x.svm"), dataset)
	numbered, err := os.ReadFile(filepath.Join(dir, "x.svm.labels.csv"))
	check(t, err)
	for _, shown := range []string{"caf%E9", "caf%25E9", "%81%82"} {
		if !strings.Contains(string(numbered), ","+shown+"\n") {
			t.Errorf("the numbers of the labels lack %s: %q", shown, numbered)
		}
	}
	output(t, "extract", "dataset", "export", "-q", "--format", "tfrecord", "--out", filepath.Join(dir, "x.tfrecord"), dataset)
	records2, err := os.ReadFile(filepath.Join(dir, "x.tfrecord"))
	check(t, err)
	if !bytes.Contains(records2, []byte("caf%E9/x0.png")) || bytes.Contains(records2, []byte("caf\xe9")) {
		t.Error("the TFRecords have other names")
	}
}
