package flow

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"fovea/recipe"
)

// agree refuses a worker whose CPU computes in another way than those of the job's other workers, such as bfloat16 without
// AMX: the files of all parts go into one dataset as they are, and each names its arithmetic. It says so at
// a worker's first task, not when everything has been computed. The first worker writes down its recipe.
func (j Job) agree(r recipe.Recipe) error {
	job, err := json.Marshal(j)
	if err != nil {
		return fmt.Errorf("flow: %w", err)
	}
	mine, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("flow: %w", err)
	}
	sum := sha256.Sum256(job)
	name := filepath.Join(j.Work(), "recipe-"+hex.EncodeToString(sum[:8])+".json")
	if err := writeOnce(name, mine); err != nil {
		return fmt.Errorf("flow: write down how the job is computed: %w", err)
	}
	first, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("flow: read how the job is computed: %w", err)
	}
	var theirs recipe.Recipe
	if err := json.Unmarshal(first, &theirs); err != nil {
		return fmt.Errorf("flow: %s: %w", name, err)
	}
	if theirs.Fingerprint() == r.Fingerprint() {
		return nil
	}
	return fmt.Errorf("flow: this worker computes in %s with %s, the job's first one in %s with %s: use workers with equal CPUs and libraries, or --precision float32",
		r.Arithmetic(), r.Library, theirs.Arithmetic(), theirs.Library)
}

// writeOnce writes a file unless there is one; it appears whole.
func writeOnce(name string, content []byte) error {
	if _, err := os.Stat(name); err == nil {
		return nil
	}
	temp, err := os.CreateTemp(filepath.Dir(name), ".recipe-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // its content has another name by then
	_, err = temp.Write(content)
	if err := errors.Join(err, temp.Close()); err != nil {
		return err
	}
	if err := os.Link(temp.Name(), name); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
