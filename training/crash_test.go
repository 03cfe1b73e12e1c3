package training

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"fovea/internal/crashtest"
)

const crashVariable = "FOVEA_TEST_CRASH_DIR"

// Whenever the power fails while a checkpoint is written, there is the previous or the new one, and it
// can be resumed.
func TestCheckpointAfterAnyCrash(t *testing.T) {
	const name = "checkpoint"
	n := tiny(4, 2, 3, 2)
	tr := initialized(t, n, Options{Momentum: 0.9})
	save := func(dir string, run string) {
		if err := tr.Save(dir, State{Identity: map[string]string{"run": run}}); err != nil {
			t.Fatal(err)
		}
	}
	if root := os.Getenv(crashVariable); root != "" {
		dir := filepath.Join(root, name)
		save(filepath.Join(dir, "a", "b"), "old")
		crashtest.Mark(dir, "saved")
		save(filepath.Join(dir, "a", "b"), "new")
		crashtest.Mark(dir, "done")
		return
	}
	recording := crashtest.Record(t)
	if err := os.Mkdir(filepath.Join(recording.Dir(), name), 0o755); err != nil {
		t.Fatal(err)
	}
	program := exec.Command(os.Args[0], "-test.run=^TestCheckpointAfterAnyCrash$")
	program.Env = append(os.Environ(), crashVariable+"="+recording.Dir())
	if err := recording.Run(program); err != nil {
		t.Fatal(err)
	}
	history, err := recording.History(name)
	if err != nil {
		t.Fatal(err)
	}
	var trainer sync.Mutex
	look := func(dir string) (string, error) {
		dir = filepath.Join(dir, "a", "b")
		state, err := ReadState(dir)
		if errors.Is(err, ErrNoCheckpoint) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		trainer.Lock()
		defer trainer.Unlock()
		return state.Identity["run"], tr.Restore(dir, state)
	}
	judge := func(found string, s *crashtest.State) error {
		if found == "new" || !s.Marked("done") && found == "old" || !s.Marked("saved") && found == "" {
			return nil
		}
		return fmt.Errorf("there is %q", found)
	}
	crashtest.Test(t, history, crashtest.Options{Random: crashtest.Trials(2), Most: 80}, look, judge)
}
