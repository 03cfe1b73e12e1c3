package serving

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/head"
	"fovea/inference"
	"fovea/models"
	"fovea/servable"
)

// servingPython is the interpreter with clients of the server's protocols.
func servingPython(t *testing.T) string {
	t.Helper()
	interpreter := os.Getenv("FOVEA_PYTHON_SERVING")
	if interpreter == "" {
		t.Skip("FOVEA_PYTHON_SERVING is not set: see scripts/python.sh")
	}
	return interpreter
}

// novelHead is a head on a real, small network that tells novelty, and the options to open that.
func novelHead(t testing.TB) (*head.Head, Options) {
	t.Helper()
	h, o := smallHead(t)
	knowing(t, h, open(t, h, o), photoFiles(t)[0])
	return h, o
}

// Real clients get from the server what the exported SavedModel gives in TensorFlow.
func TestClientsOfProtocols(t *testing.T) {
	python := servingPython(t)
	h, o := novelHead(t)
	exported := o
	exported.Convolutions = models.Direct
	dir := filepath.Join(t.TempDir(), "1")
	if err := open(t, h, exported).Export(dir, ""); err != nil {
		t.Fatal(err)
	}
	files := photoFiles(t)[:3]
	want := inTensorFlow(t, dir, files)
	o.Batch, o.AnyBatch = 4, true
	s, err := NewServer(open(t, h, o), ServerOptions{Name: "pets", Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	url, _ := start(t, s)
	command := exec.Command(python, append([]string{"../testdata/python/check_serving.py", url, "pets"}, files...)...)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	var seen map[string]json.RawMessage
	if err := json.Unmarshal(out, &seen); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"v1 rows", "v1 named rows", "v1 columns", "v1 named columns", "v2 JSON", "v2 binary", "triton all", "triton mixed"} {
		compareOutputs(t, key, seen[key], want)
	}
	for key, want := range map[string]string{
		"v2 ready": `[true, true, true]`, "triton ready": `[true, true, true, true]`, "v2 JSON id": `"r1"`, "v2 binary id": `"r1"`,
		"triton extensions": `["binary_tensor_data"]`,
		"triton shapes":     `{"probabilities": [3, 2], "classes": [3, 2], "label": [3], "novelty": [3]}`,
		"triton unknown":    `"404: there is no model \"nothing\": this server has \"pets\""`,
		"triton output":     `"400: there is no output \"logits\": use probabilities, classes, label, novelty"`,
	} {
		if got := string(seen[key]); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
	if got := string(seen["triton broken"]); !strings.HasPrefix(got, `"422: image 1 of 2: image: header: `) {
		t.Errorf("an image that cannot be read: %s", got)
	}
}

// inTensorFlow are the outputs of an exported SavedModel.
func inTensorFlow(t *testing.T, dir string, files []string) servable.Results {
	t.Helper()
	model, err := servable.Open(dir, inference.SessionConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	var contents [][]byte
	for _, file := range files {
		contents = append(contents, read(t, file))
	}
	results, err := model.Predict(contents)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// compareOutputs holds what a client got against a SavedModel's outputs, which are flat or in rows.
func compareOutputs(t *testing.T, what string, got json.RawMessage, want servable.Results) {
	t.Helper()
	var outputs map[string]any
	if err := json.Unmarshal(got, &outputs); err != nil || len(outputs) != 4 {
		t.Fatalf("%s: %s: %v", what, got, err)
	}
	numbers := func(name string, want []float32) {
		have := flat(outputs[name])
		if len(have) != len(want) {
			t.Errorf("%s: %d %s, want %d", what, len(have), name, len(want))
			return
		}
		for i := range want {
			if v, _ := have[i].(float64); math.Abs(v-float64(want[i])) > 1e-3 {
				t.Errorf("%s: %s %d is %v, the SavedModel says %g", what, name, i, have[i], want[i])
			}
		}
	}
	numbers(servable.Probabilities, slices.Concat(want.Probabilities...))
	numbers(servable.Novelty, want.Novelty)
	for name, texts := range map[string][]string{servable.ClassNames: slices.Concat(want.Classes...), servable.Label: want.Labels} {
		if have, said := fmt.Sprint(flat(outputs[name])), fmt.Sprint(texts); have != said {
			t.Errorf("%s: %s are %s, the SavedModel says %s", what, name, have, said)
		}
	}
}

// flat are the elements of a list in which may be lists.
func flat(value any) (all []any) {
	list, is := value.([]any)
	if !is {
		return []any{value}
	}
	for _, v := range list {
		all = append(all, flat(v)...)
	}
	return all
}
