package cmd_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fovea/featurestore"
)

// obedient is a command that may read what its user may, also where that is root.
func obedient(t *testing.T, command *exec.Cmd) *exec.Cmd {
	t.Helper()
	if os.Geteuid() != 0 {
		return command
	}
	drop := []string{"--bounding-set", "-dac_override,-dac_read_search"}
	if output, err := exec.Command("setpriv", append(drop, "true")...).CombinedOutput(); err != nil {
		t.Skipf("root cannot give up its privileges here: %v: %s", err, output)
	}
	return exec.Command("setpriv", append(drop, command.Args...)...)
}

// A directory that may not be looked into ends the run, before or when it is come upon, unless it is
// left out; a file that may not be read costs only itself.
func TestExtractUnreadable(t *testing.T) {
	t.Parallel()
	photos, work := tinyPictures(t, 12, 0), t.TempDir()
	shut := filepath.Join(photos, "shut")
	check(t, os.Mkdir(shut, 0o755))
	for _, name := range []string{"0007.png", "0009.png"} {
		check(t, os.Rename(filepath.Join(photos, name), filepath.Join(shut, name)))
	}
	t.Cleanup(func() { _ = os.Chmod(shut, 0o755) }) // so that it can be removed
	for _, test := range []struct {
		name           string
		mode, fileMode os.FileMode
		arguments      []string
		status, rows   int
		failures       int
		message        string
	}{
		{"unlistable", 0, 0o644, nil, 1, -1, 0, "the content of " + shut + " is unknown"},
		{"left out", 0, 0o644, []string{"--exclude", "shut/**"}, 0, 10, 0, ""},
		{"unsearchable", 0o444, 0o644, nil, 1, 10, 0, "permission denied: a directory on the way"},
		{"one file", 0o755, 0, nil, 3, 11, 1, "permission denied"},
	} {
		check(t, os.Chmod(shut, 0o755))
		check(t, os.Chmod(filepath.Join(shut, "0009.png"), test.fileMode))
		check(t, os.Chmod(shut, test.mode))
		out := filepath.Join(work, test.name)
		command := obedient(t, small(out, append(test.arguments, photos)...))
		printed, _ := command.CombinedOutput() // whose status is looked at
		if status := command.ProcessState.ExitCode(); status != test.status || !strings.Contains(string(printed), test.message) {
			t.Errorf("%s: status %d, want %d: %s", test.name, status, test.status, printed)
		}
		d, err := featurestore.Open(out)
		if test.rows < 0 {
			if err == nil {
				t.Errorf("%s: there is a dataset", test.name)
			}
			continue
		}
		check(t, err)
		failures, err := d.Failures()
		check(t, err)
		if d.Rows() > test.rows || test.status != 1 && d.Rows() != test.rows || len(failures) != test.failures {
			t.Errorf("%s: %d rows, failures %v, want %d and %d", test.name, d.Rows(), failures, test.rows, test.failures)
		}
		if complete := d.Manifest().Status == featurestore.StatusComplete; complete != (test.status != 1) {
			t.Errorf("%s: the dataset is %s", test.name, d.Manifest().Status)
		}
	}
}
