package cmd_test

import (
	"errors"
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
	run := small(filepath.Join(t.TempDir(), "out"), tinyPictures(t, 300, 50))
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
		`\rextracting, [0-9]+\.[0-9]{2} images/s, [0-9]+s left, [1-6] failed +[0-9]+% \|█+ *\| \([0-9]+/300\)`,
		`\r\x1b\[33mWARN\x1b\[0m picture: decode: png: damaged`,
		`294 rows written`,
		`The bottleneck was (decoding|the model|writing)\.`,
	} {
		if !regexp.MustCompile(want).Match(output) {
			t.Errorf("there is no %q in %q", want, output)
		}
	}
}
