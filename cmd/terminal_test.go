//go:build linux

package cmd_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"fovea/featurestore"
	"fovea/internal/text"
	"fovea/recipe"
)

// longClasses is a dataset of classes with long names, a few values a row.
func longClasses(t *testing.T, classes int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "features")
	layer := recipe.Layer{Name: "pool5", Shape: []int{32}, Layout: recipe.LayoutC}
	w, err := featurestore.Create(dir, featurestore.Info{Recipe: recipe.Recipe{
		Model: "somebody's", ModelSHA256: strings.Repeat("0", 64), InputHeight: 8, InputWidth: 8, Layers: []recipe.Layer{layer},
	}}, featurestore.Options{})
	check(t, err)
	for i := range 10 * classes {
		values := make([]float32, 32)
		values[i%classes], values[i%31] = 2, 1.5
		values[(7*i)%32]++
		check(t, w.Append(featurestore.Row{
			Path: fmt.Sprintf("%d.jpg", i), Label: fmt.Sprintf("a kind of animal whose name takes up much room, number %d", i%classes),
			SHA256: fmt.Sprintf("%016x%048d", i, 0), Features: [][]float32{values},
		}))
	}
	check(t, w.Close(featurestore.StatusComplete))
	return dir
}

// inTerminal is what a command prints in a terminal of a width.
func inTerminal(t *testing.T, width int, program string, arguments ...string) string {
	t.Helper()
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("there are no pseudo-terminals here: ", err)
	}
	defer terminal.Close()
	fd := int(terminal.Fd())
	check(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	check(t, err)
	check(t, unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: uint16(width)}))
	screen, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	check(t, err)
	var out, stderr bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(&out, terminal) // ends with EIO when the screen is closed
	}()
	command := exec.Command(filepath.Join(binaries, program), arguments...)
	command.Stdout, command.Stderr = screen, &stderr
	err = command.Run()
	screen.Close()
	<-read
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, stderr.String())
	}
	return strings.ReplaceAll(out.String(), "\r\n", "\n")
}

// In a terminal, tables are no wider than it, and long names are cut; in files and pipes, names are whole.
func TestTablesFitTheTerminal(t *testing.T) {
	for _, classes := range []int{3, 25} {
		features, head := longClasses(t, classes), filepath.Join(t.TempDir(), "a.head")
		output(t, "finetune", "train", "-q", "--features", features, "--out", head, "--near-duplicates", "0", "--lambda", "1")
		evaluate := []string{"evaluate", "-q", "--head", head, "--features", features}
		whole := output(t, "finetune", evaluate...)
		if strings.Contains(whole, "…") || !strings.Contains(whole, "much room, number 1 ") {
			t.Errorf("%d classes: through a pipe, names are cut:\n%s", classes, whole)
		}
		for _, width := range []int{70, 100} {
			shown := inTerminal(t, width, "finetune", evaluate...)
			if !strings.Contains(shown, "…") || !strings.Contains(shown, "accuracy  ") {
				t.Errorf("%d classes in %d columns:\n%s", classes, width, shown)
			}
			for line := range strings.Lines(shown) {
				if got := text.Columns(strings.TrimSuffix(line, "\n")); got > width && !strings.HasPrefix(line, "no interval of ") { // which is a sentence
					t.Errorf("%d classes: a line of %d columns in %d: %s", classes, got, width, line)
				}
			}
		}
	}
}

// In a terminal, no line of a help but commands and single words is wider than it.
func TestHelpFitsTheTerminal(t *testing.T) {
	for _, command := range []string{"extract", "extract dataset explore", "finetune train", "finetune serve"} {
		words := strings.Fields(command)
		whole := output(t, words[0], append(words[1:], "--help")...)
		if !strings.Contains(whole, "-q, --quiet") {
			t.Errorf("%s: the help is\n%s", command, whole)
		}
		shown := inTerminal(t, 80, words[0], append(words[1:], "--help")...)
		if !slices.Equal(strings.Fields(shown), strings.Fields(whole)) {
			t.Errorf("%s: in a terminal the help has other words:\n%s", command, shown)
		}
		for line := range strings.Lines(shown) {
			if got := text.Columns(strings.TrimSuffix(line, "\n")); got > 80 && !strings.HasPrefix(line, "  "+words[0]+" ") {
				t.Errorf("%s: a line of %d columns: %s", command, got, line)
			}
		}
	}
}
