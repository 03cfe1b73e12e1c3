package featurestore

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// readersInfo has layers of names without dots, which fastparquet takes for paths.
func readersInfo(dtype DType) Info {
	info := testInfo(dtype)
	info.Recipe.Layers = info.Recipe.Layers[:2]
	return info
}

// readersSpec is a dataset that readers are pointed at.
type readersSpec struct {
	Name     string `json:"name"`
	Dataset  string `json:"dataset"`
	Expected string `json:"expected"`
	Strict   bool   `json:"strict"`
}

// writeReadersSpecs writes datasets for check_readers.py and check_readers.mjs into a directory, and
// the list of them.
func writeReadersSpecs(t *testing.T, work string) (list string) {
	t.Helper()
	var specs []readersSpec
	add := func(name string, dtype DType, options Options, n int, strict bool) string {
		info := readersInfo(dtype)
		s := readersSpec{name, filepath.Join(work, "sets", strings.ReplaceAll(name, " ", "-")), filepath.Join(work, "expected", name), strict}
		rows, failures := makeRows(info.Recipe, 0, n), makeFailures(0, 3)
		for i := range rows { // so that the hidden directory has all its files
			rows[i].Seen = [seenSize]byte{1, byte(i)}
		}
		writeAll(t, s.Dataset, info, options, rows, failures)
		must(t, os.MkdirAll(s.Expected, 0o755))
		writeExpected(t, s.Expected, info, options.Format, rows, failures)
		specs = append(specs, s)
		return s.Dataset
	}
	options := testOptions(FormatParquet)
	add("float32", Float32, options, 2*testShard+5, true)
	add("one file", Float32, options, 7, true)
	// What lies there while a writer works, or when it was killed.
	writing := add("being written", Float32, options, testShard, true)
	whole, err := os.ReadFile(filepath.Join(writing, dataDir, shardName(0, FormatParquet)))
	must(t, err)
	must(t, os.MkdirAll(inDir(writing, tempDir), 0o755))
	must(t, os.WriteFile(tempPath(writing, shardName(1, FormatParquet)), whole[:len(whole)/2], 0o644))
	must(t, os.WriteFile(tempPath(writing, shardName(2, FormatParquet)), whole, 0o644))
	must(t, os.WriteFile(inDir(writing, lockFile), nil, 0o600))
	add("float16", Float16, options, testShard+1, false)
	options.TensorExtension = true
	add("tensor", Float32, options, testShard+1, false)
	list = filepath.Join(work, "spec.json")
	encoded, err := json.Marshal(specs)
	must(t, err)
	must(t, os.WriteFile(list, encoded, 0o644))
	return list
}

// A user may point any program at the dataset's directory instead of data/: it must read the rows,
// all of them and nothing else, or refuse. Today's layout is there for that; see
// testdata/python/check_readers.py. FOVEA_PYTHON_MORE is an interpreter with
// testdata/python/requirements-more-readers.txt.
func TestReadersAtTheTop(t *testing.T) {
	notShort(t, "runs other programs")
	python := os.Getenv("FOVEA_PYTHON_MORE")
	if python == "" {
		python = os.Getenv("FOVEA_PYTHON")
	}
	if python == "" {
		t.Skip("neither FOVEA_PYTHON_MORE nor FOVEA_PYTHON is set: no Python to read the files with")
	}
	work := t.TempDir()
	command := exec.Command(python, filepath.Join("..", "testdata", "python", "check_readers.py"), writeReadersSpecs(t, work))
	// Hugging Face's package keeps copies, and would ask its servers.
	command.Env = append(os.Environ(), "HF_HOME="+filepath.Join(work, "hf"), "HF_HUB_OFFLINE=1", "DO_NOT_TRACK=1")
	var output, progress bytes.Buffer
	command.Stdout, command.Stderr = &output, &progress
	if err := command.Run(); err != nil {
		t.Fatalf("%v:\n%s%s", err, progress.String(), output.String())
	}
	for line := range strings.Lines(output.String()) {
		t.Log(strings.TrimSpace(line))
	}
}

// The same in JavaScript. FOVEA_NODE_MODULES has the packages of testdata/node.
func TestReadersInJavaScript(t *testing.T) {
	notShort(t, "runs another program")
	modules := os.Getenv("FOVEA_NODE_MODULES")
	if modules == "" {
		t.Skip("FOVEA_NODE_MODULES is not set: no packages to read the files with")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skipf("there is no Node: %v", err)
	}
	out, err := exec.Command(node, filepath.Join("..", "testdata", "node", "check_readers.mjs"), writeReadersSpecs(t, t.TempDir()), modules).CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	t.Logf("%s", bytes.TrimSpace(out))
}
