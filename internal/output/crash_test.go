package output

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"fovea/internal/crashtest"
)

const crashVariable = "FOVEA_TEST_CRASH_DIR"

var crashCases = map[string]func(dir string) error{
	"made":     func(dir string) error { return WriteFile(filepath.Join(dir, "file"), []byte("new")) },
	"replaced": func(dir string) error { return WriteFile(filepath.Join(dir, "file"), []byte("new")) },
	"of two": func(dir string) error {
		var files Files
		defer files.Discard()
		for _, name := range []string{"file", "other"} {
			err := files.Write(filepath.Join(dir, name), func(w io.Writer) error {
				_, err := io.WriteString(w, "new")
				return err
			})
			if err != nil {
				return err
			}
		}
		return files.Commit()
	},
}

// Whatever a loss of power leaves, a name is that of the old file or of the new one, whole, and what
// is left over goes with the next one.
func TestAnyCrash(t *testing.T) {
	if root := os.Getenv(crashVariable); root != "" {
		crashChild(t, root)
		return
	}
	recording := crashtest.Record(t)
	for name := range crashCases {
		if err := os.Mkdir(filepath.Join(recording.Dir(), name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program := exec.Command(os.Args[0], "-test.run=^TestAnyCrash$")
	program.Env = append(os.Environ(), crashVariable+"="+recording.Dir())
	if err := recording.Run(program); err != nil {
		t.Fatal(err)
	}
	for name, write := range crashCases {
		t.Run(name, func(t *testing.T) {
			history, err := recording.History(name)
			if err != nil {
				t.Fatal(err)
			}
			look := func(dir string) (string, error) { return crashLook(dir, write) }
			judge := func(found string, s *crashtest.State) error {
				if found == "new" || !s.Marked("done") && (found == "old" || found == "" && name == "made") {
					return nil
				}
				return fmt.Errorf("it holds %q", found)
			}
			crashtest.Test(t, history, crashtest.Options{Random: crashtest.Trials(4), Settled: true}, look, judge)
		})
	}
}

func crashChild(t *testing.T, root string) {
	for name, write := range crashCases {
		dir := filepath.Join(root, name)
		if name != "made" {
			if err := os.WriteFile(filepath.Join(dir, "file"), []byte("old"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		crashtest.Settle(dir)
		if err := write(dir); err != nil {
			t.Fatal(err)
		}
		crashtest.Mark(dir, "done")
	}
}

// crashLook gives the content of the file, "" for none, and writes it again.
func crashLook(dir string, write func(string) error) (string, error) {
	found, err := os.ReadFile(filepath.Join(dir, "file"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := write(dir); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.Name() != "file" && e.Name() != "other" {
			return "", fmt.Errorf("%s holds %q, and in the end there is %s", dir, found, e.Name())
		}
	}
	return string(found), err
}
