package swap

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func begin(t *testing.T, dir string) *Swap {
	t.Helper()
	s, err := Begin(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// replace makes the directory one with the content.
func replace(t *testing.T, dir, content string) {
	t.Helper()
	s := begin(t, dir)
	write(t, filepath.Join(s.Next, "sub", "file"), content)
	if err := errors.Join(s.Commit(), s.Close()); err != nil {
		t.Fatal(err)
	}
}

func only(t *testing.T, dir, name, content string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != name {
		t.Fatalf("%s holds %v, %v", dir, entries, err)
	}
	data, err := os.ReadFile(filepath.Join(dir, name, "sub", "file"))
	if err != nil || string(data) != content {
		t.Errorf("%s holds %q, %v", dir, data, err)
	}
}

// inSteps has directories exchanged as on a file system that cannot do it in one step.
func inSteps(t *testing.T) {
	before := exchangeNames
	t.Cleanup(func() { exchangeNames = before })
	exchangeNames = func(string, string) error { return syscall.ENOSYS }
}

func TestReplace(t *testing.T) {
	for name, old := range map[string]func(t *testing.T, dir string){
		"nothing": func(*testing.T, string) {},
		"empty": func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "x"), "")
			os.Remove(filepath.Join(dir, "x"))
		},
		"full": func(t *testing.T, dir string) { write(t, filepath.Join(dir, "other"), "old") },
	} {
		for _, steps := range []bool{false, true} {
			t.Run(fmt.Sprint(name, steps), func(t *testing.T) {
				if steps {
					inSteps(t)
				}
				parent := t.TempDir()
				dir := filepath.Join(parent, "model")
				old(t, dir)
				replace(t, dir+"/", "new")
				only(t, parent, "model", "new")
			})
		}
	}
}

// Some file systems ignore that names are to be exchanged.
func TestReplaceWhereNamesAreNotExchanged(t *testing.T) {
	before := exchangeNames
	t.Cleanup(func() { exchangeNames = before })
	exchangeNames = os.Rename
	parent := t.TempDir()
	dir := filepath.Join(parent, "model")
	write(t, filepath.Join(dir, "other"), "old")
	replace(t, dir, "new")
	only(t, parent, "model", "new")
}

func TestReplaceWithNothing(t *testing.T) {
	for _, steps := range []bool{false, true} {
		if steps {
			inSteps(t)
		}
		parent := t.TempDir()
		dir := filepath.Join(parent, "model")
		write(t, filepath.Join(dir, "sub", "file"), "old")
		s := begin(t, dir)
		if err := s.Commit(); err == nil {
			t.Error("a directory that is not there replaces one")
		}
		if err := exchange(s.Next, dir, filepath.Join(s.beside, oldName)); err == nil {
			t.Error("a directory that is not there is exchanged with one")
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		only(t, parent, "model", "old")
	}
}

// While one replaces a directory, another may not, and leaves everything as it is.
func TestReplaceTwice(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "model")
	first := begin(t, dir)
	write(t, filepath.Join(first.Next, "sub", "file"), "first")
	if _, err := Begin(dir); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v, want ErrLocked that names the directory", err)
	}
	if err := errors.Join(first.Commit(), first.Close()); err != nil {
		t.Fatal(err)
	}
	only(t, parent, "model", "first")
	replace(t, dir, "second")
	only(t, parent, "model", "second")
}

// Killed between the steps of an exchange, a program leaves the old directory or the new one, if
// need be for the next one to find.
func TestReplaceKilled(t *testing.T) {
	const variable = "FOVEA_TEST_KILL_SWAP"
	if dir := os.Getenv(variable); dir != "" {
		inSteps(t)
		at = func(point string) {
			if point == os.Getenv(variable+"_AT") {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		}
		replace(t, dir, "new")
		return
	}
	for point, want := range map[string]string{"before": "old", "aside": "old", "replaced": "new"} {
		parent := t.TempDir()
		dir := filepath.Join(parent, "model")
		write(t, filepath.Join(dir, "sub", "file"), "old")
		command := exec.Command(os.Args[0], "-test.run=^TestReplaceKilled$")
		command.Env = append(os.Environ(), variable+"="+dir, variable+"_AT="+point)
		if output, err := command.CombinedOutput(); !strings.Contains(fmt.Sprint(err), "killed") {
			t.Fatalf("%s: %v\n%s", point, err, output)
		}
		s := begin(t, dir) // of the next, which then fails
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		only(t, parent, "model", want)
	}
}

// A link is followed, to a directory or to where one is to be.
func TestReplaceThroughALink(t *testing.T) {
	for _, there := range []bool{true, false} {
		root := t.TempDir()
		link, models := filepath.Join(root, "link"), filepath.Join(root, "models")
		if err := errors.Join(os.Mkdir(models, 0o755), os.Symlink(filepath.Join("models", "m"), link)); err != nil {
			t.Fatal(err)
		}
		if there {
			replace(t, filepath.Join(models, "m"), "old")
		}
		replace(t, link, "new")
		only(t, models, "m", "new")
		if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("the link is gone: %v", err)
		}
	}
}
