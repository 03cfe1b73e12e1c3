package flow

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/extraction"
	"fovea/recipe"
)

// The first worker decides how the job is computed; one that computes in another way is refused before it has computed
// anything. Another job on the same output does not mind.
func TestWorkersAgree(t *testing.T) {
	job := Job{Images: []string{"/photos"}, Labels: "none", Out: filepath.Join(t.TempDir(), "out"), TaskRows: 10, Features: extraction.Features{Layers: []string{"pool5"}}}
	if err := os.Mkdir(job.Work(), 0o755); err != nil {
		t.Fatal(err)
	}
	tiles := recipe.Recipe{Model: "vgg16", ModelSHA256: recipe.PublishedModel, Precision: "bfloat16", Method: "AMX tiles", Library: "TensorFlow 2.18.1"}
	other := tiles
	other.Method = "oneDNN"
	for range 2 {
		if err := job.agree(tiles); err != nil {
			t.Error(err)
		}
	}
	err := job.agree(other)
	if err == nil || !strings.Contains(err.Error(), "computes in bfloat16 (oneDNN) with TensorFlow 2.18.1, the job's first one in bfloat16 (AMX tiles)") {
		t.Errorf("the error is %v", err)
	}
	job.TaskRows = 20
	if err := job.agree(other); err != nil {
		t.Errorf("another job: %v", err)
	}
	entries, err := os.ReadDir(job.Work())
	if err != nil || len(entries) != 2 {
		t.Errorf("%d files, %v", len(entries), err)
	}
}
