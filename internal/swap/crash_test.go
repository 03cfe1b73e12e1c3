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
			look := func(dir string) (string, error) { return crashLook(filepath.Join(dir, "above", "model")) }
			judge := func(found string, s *crashtest.State) error {
				switch {
				case found == "new":
				case s.Marked("done"):
					return fmt.Errorf("it was done, and %q is there", found)
				case found == "" && !c.there:
				case found == "old" && c.there:
				case found == "old"+setAside && c.steps:
				default:
					return fmt.Errorf("%q is there", found)
				}
				return nil
			}
			crashtest.Test(t, history, crashtest.Options{Random: crashtest.Trials(4), Settled: true}, look, judge)
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

const setAside = ", which was set aside"

// crashLook gives the content of the file in the directory, "" if there is no directory and the next
// to replace it has none to bring back.
func crashLook(model string) (string, error) {
	gone := crashtest.Gone(model)
	if gone {
		next, err := Begin(model)
		if err = errors.Join(err, next.Close()); err != nil {
			return "", err
		}
		if crashtest.Gone(model) {
			return "", crashAgain(model)
		}
	}
	content, err := os.ReadFile(filepath.Join(model, "sub", "file"))
	if err != nil {
		return "", err
	}
	found := string(content)
	if gone {
		found += setAside
	}
	return found, crashAgain(model)
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
