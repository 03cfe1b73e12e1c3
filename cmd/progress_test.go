package cmd_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// On a terminal there is a bar with rate, time left and failures; log lines stand above it.
func TestProgressOnTerminal(t *testing.T) {
	script, err := exec.LookPath("script")
	if err != nil {
		t.Skipf("there is no script(1) to make a terminal: %v", err)
	}
	// Slow ones, because the bar is drawn ten times a second at most.
	pictures := slowPictures(t)
	for _, broken := range []string{"0000-broken.png", "0030-broken.png"} { // before there is a bar, and while there is one
		check(t, os.WriteFile(filepath.Join(pictures, broken), []byte("no image"), 0o644))
	}
	run := small(filepath.Join(t.TempDir(), "out"), "--limit", "60", pictures)
	arguments := append([]string{run.Args[0]}, run.Args[2:]...) // without --quiet
	command := exec.Command(script, "--quiet", "--return", "--command", "stty cols 100; exec "+strings.Join(arguments, " "), "/dev/null")
	output, err := command.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if got := command.ProcessState.ExitCode(); got != 3 {
		t.Errorf("the status is %d", got)
	}
	for _, want := range []string{
		`\rextracting, [0-9]+\.[0-9]{2} images/s, [0-9]+s left, [12] failed +[0-9]+% \|█* *\| \([0-9]+/60\)`,
		`\r\x1b\[33mWARN\x1b\[0m image: header: unsupported format`,
		`58 rows written`,
		`The bottleneck was (decoding|the model|writing)\.`,
	} {
		if !regexp.MustCompile(want).Match(output) {
			t.Errorf("there is no %q in %q", want, output)
		}
	}
}
