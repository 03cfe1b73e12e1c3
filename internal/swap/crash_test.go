package swap

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"fovea/internal/crashtest"
)

const crashVariable = "FOVEA_TEST_CRASH_DIR"

// crashCases are ways to replace a directory.
var crashCases = []struct {
	name         string
	there, steps bool
}{{"made", false, false}, {"replaced", true, false}, {"replaced in steps", true, true}}

// Whatever a loss of power leaves, there is the old directory or the new one, whole, and the next to
// replace it leaves nothing else. In steps, for a moment there is neither, and the next one has the
// old one back.
func TestAnyCrash(t *testing.T) {
	if root := os.Getenv(crashVariable); root != "" {
		crashChild(t, root)
		return
	}
	recording := crashtest.Record(t)
	for _, c := range crashCases {
		if err := os.Mkdir(filepath.Join(recording.Dir(), c.name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program := exec.Command(os.Args[0], "-test.run=^TestAnyCrash$")
	program.Env = append(os.Environ(), crashVariable+"="+recording.Dir())
	if err := recording.Run(program); err != nil {
		t.Fatal(err)
	}
	for _, c := range crashCases {
		t.Run(c.name, func(t *testing.T) {
			history, err := recording.History(c.name)
			if err != nil {
				t.Fatal(err)
			}
			count, failures := history.Replay(t, crashtest.Options{Random: crashtest.Trials(4)}, func(dir string, s *crashtest.State) error {
				return crashCheck(filepath.Join(dir, "above", "model"), s, c.there, c.steps)
			})
			t.Logf("%d states", count)
			for i, f := range failures {
				if i < 3 {
					t.Errorf("%d of %d states are wrong, such as this one: %v", len(failures), count, f)
				}
			}
		})
	}
}

func crashChild(t *testing.T, root string) {
	for _, c := range crashCases {
		dir := filepath.Join(root, c.name)
		model := filepath.Join(dir, "above", "model")
		if c.there {
			replace(t, model, "old")
		}
		crashtest.Settle(dir)
		t.Run("", func(t *testing.T) {
			if c.steps {
				inSteps(t)
			}
			replace(t, model, "new")
		})
		crashtest.Mark(dir, "done")
	}
}

func crashCheck(model string, s *crashtest.State, there, steps bool) error {
	if !s.Marked("settled") {
		return nil
	}
	content, err := os.ReadFile(filepath.Join(model, "sub", "file"))
	text := string(content)
	switch {
	case err == nil && text == "new":
	case s.Marked("done"):
		return fmt.Errorf("it was done, and %q is there: %w", text, err)
	case err == nil && text == "old" && there:
	case crashtest.Gone(model) && !there:
	case crashtest.Gone(model) && steps:
		again, err := Begin(model)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(filepath.Join(model, "sub", "file"))
		if err != nil || string(content) != "old" {
			return fmt.Errorf("the old one is lost: %q, %w", content, errors.Join(err, again.Close()))
		}
		return again.Close()
	default:
		return fmt.Errorf("%q is there: %w", text, err)
	}
	return crashAgain(model)
}

// crashAgain replaces the directory when the power is back.
func crashAgain(model string) error {
	again, err := Begin(model)
	if err != nil {
		return err
	}
	file := filepath.Join(again.Next, "sub", "file")
	err = errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte("newer"), 0o644), again.Commit(), again.Close())
	if err != nil {
		return err
	}
	var found []string
	err = filepath.WalkDir(filepath.Dir(model), func(path string, e fs.DirEntry, err error) error {
		found = append(found, e.Name())
		return err
	})
	if want := "[above model sub file]"; fmt.Sprint(found) != want {
		return fmt.Errorf("in the end there are %v, want %s", found, want)
	}
	return err
}
