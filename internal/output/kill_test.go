package output

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// childEnv names the directory in which a child process writes until it is killed.
const childEnv = "FOVEA_OUTPUT_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		for n := 0; ; n++ {
			if err := writeAll(dir, n); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			if n == 0 {
				fmt.Println("begun")
			}
		}
	}
	os.Exit(m.Run())
}

// writeAll writes a file of many equal bytes, and two such files in a temporary directory.
func writeAll(dir string, n int) error {
	fill := func(w io.Writer) error {
		for range 16 { // bit by bit, so that there is something to kill
			if _, err := w.Write(bytes.Repeat([]byte{byte('a' + n%26)}, 1000)); err != nil {
				return err
			}
		}
		return nil
	}
	if err := Write(filepath.Join(dir, "file"), fill); err != nil {
		return err
	}
	d, err := TempDir("dir")
	if err != nil {
		return err
	}
	defer d.Discard()
	for _, name := range []string{"x", "y"} {
		var content bytes.Buffer
		if err := errors.Join(fill(&content), os.WriteFile(filepath.Join(d.Path, name), content.Bytes(), 0o644)); err != nil {
			return err
		}
	}
	return nil
}

// checkWhole looks at what was written: nothing, or whole.
func checkWhole(t *testing.T, dir string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "file"))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	must(t, err)
	if first := append(content, 0)[:1]; len(content) != 16000 || bytes.Count(content, first) != len(content) {
		t.Errorf("the file has %d bytes, %d of them %q", len(content), bytes.Count(content, first), first)
	}
}

// Programs that are killed while they write leave whole files or none, and places that the next one
// removes; one that lives keeps its place.
func TestKilled(t *testing.T) {
	trials, seed := 6, uint64(11)
	if n, err := strconv.Atoi(os.Getenv("FOVEA_TRIALS")); err == nil {
		trials = n
	}
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	living, err := Create(filepath.Join(dir, "file"))
	must(t, err)
	random, left := rand.New(rand.NewPCG(seed, seed)), 0
	for range trials {
		command := exec.Command(os.Args[0])
		command.Env = append(os.Environ(), childEnv+"="+dir)
		out, err := command.StdoutPipe()
		must(t, err)
		must(t, command.Start())
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "begun\n" {
			t.Fatalf("the child says %q, %v", line, err)
		}
		time.Sleep(time.Duration(random.Int64N(int64(8 * time.Millisecond))))
		must(t, command.Process.Kill())
		_ = command.Wait()
		checkWhole(t, dir)
		left += len(places(t, dir)) - 1
	}
	t.Logf("seed %d: %d kills left %d places behind", seed, trials, left)
	if left == 0 {
		t.Error("no kill came while something was written")
	}
	must(t, writeAll(dir, 0))
	if names := places(t, dir); len(names) != 1 {
		t.Errorf("left are %q, want the living one's", names)
	}
	_, err = living.WriteString("still here")
	must(t, err)
	must(t, living.Commit())
	expect(t, filepath.Join(dir, "file"), "still here")
}

func places(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}
