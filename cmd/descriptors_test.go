package cmd_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fovea/featurestore"
)

// With few files that may be open, a run gives the same dataset; with too few it ends, can be gone on
// with, and takes no picture for a broken one.
func TestExtractWithFewDescriptors(t *testing.T) {
	photos, work := longPictures(t, 40), t.TempDir()
	arguments := []string{"--workers", "64", "--rows-per-file", "16", photos}
	whole := filepath.Join(work, "whole")
	mustEnd(t, small(whole, arguments...), 3)
	run := func(limit int, out string, more ...string) (string, int) {
		t.Helper()
		extract := small(out, append(more, arguments...)...)
		command := exec.Command("sh", append([]string{"-c", fmt.Sprintf(`ulimit -n %d && exec "$@"`, limit), "sh"}, extract.Args...)...)
		printed, _ := command.CombinedOutput() // whose status is looked at
		return string(printed), command.ProcessState.ExitCode()
	}
	for _, limit := range []int{64, 40, 32, 16, 12, 9} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(work, fmt.Sprint(limit))
			printed, status := run(limit, out)
			t.Logf("status %d: %s", status, lastLine(printed))
			switch {
			case status == 3:
			case limit >= 32:
				t.Errorf("status %d: %s", status, printed)
			case status == 1 && strings.Contains(printed, "ulimit -n"): // the remedy
				noMachineFailures(t, out)
				mustEnd(t, small(out, append([]string{"--resume"}, arguments...)...), 3)
			case status == 127 || status == 2: // not even the library can be loaded
				return
			default:
				t.Errorf("status %d: %s", status, printed)
			}
			sameDatasets(t, out, whole)
		})
	}
}

// longPictures are pictures behind whose end much follows, so that many are open at a time; some
// are broken.
func longPictures(t *testing.T, n int) string {
	t.Helper()
	dir := tinyPictures(t, n, killBroken)
	files, err := filepath.Glob(filepath.Join(dir, "*.png"))
	check(t, err)
	for _, file := range files {
		check(t, os.Truncate(file, 4<<20))
	}
	return dir
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// noMachineFailures looks for pictures that were taken for broken.
func noMachineFailures(t *testing.T, dir string) {
	t.Helper()
	failures, err := os.ReadFile(filepath.Join(dir, featurestore.FailuresFile))
	if err == nil && bytes.Contains(failures, []byte("too many open files")) {
		t.Errorf("images are broken: %s", failures)
	}
}
