package featurestore

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

const stopVariable = "FOVEA_TEST_KILL_AT"

// Killed by SIGKILL at any point, a writer leaves the old dataset or the new one, or the beginning of
// one that it writes in place; the next writer finds its way, and nothing is left.
func TestWritersKilled(t *testing.T) {
	if setting := os.Getenv(stopVariable); setting != "" {
		beKilled(t, setting)
		return
	}
	notShort(t, "kills processes")
	root := ownSources(t)
	defer func() { at = func(string) {} }()
	random := rand.New(rand.NewPCG(3, 4))
	share, kills := 8, 0
	if os.Getenv("FOVEA_TRIALS") != "" {
		share = 1
	}
	for _, steps := range exchanges() {
		for _, there := range []bool{false, true} {
			for i, o := range operations() {
				out, _ := begin(t, root, there)
				setExchange(t, steps)
				points := stopAt(-1, nil)
				_ = o.run(out)
				for n := range *points {
					if random.IntN(share) == 0 {
						kills++
						killed(t, root, i, n, there, steps, operations()[random.IntN(len(operations()))])
					}
				}
			}
		}
	}
	t.Logf("%d kills", kills)
}

func beKilled(t *testing.T, setting string) {
	var o, n int
	var steps bool
	var out string
	if _, err := fmt.Sscanf(setting, "%d %d %t %s", &o, &n, &steps, &out); err != nil {
		t.Fatal(err)
	}
	setExchange(t, steps)
	stopAt(n, func(string) { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL); select {} })
	must(t, operations()[o].run(out))
}

func killed(t *testing.T, root string, o, n int, there, steps bool, next operation) {
	t.Helper()
	out, before := begin(t, root, there)
	name := fmt.Sprintf("%s killed at %d, dataset before: %v, in steps: %v", operations()[o].name, n, there, steps)
	command := exec.Command(os.Args[0], "-test.run=^TestWritersKilled$")
	command.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d %v %s", stopVariable, o, n, steps, out))
	if output, err := command.CombinedOutput(); !strings.Contains(fmt.Sprint(err), "killed") {
		t.Fatalf("%s: %v\n%s", name, err, output)
	}
	after, _ := operations()[o].after(before)
	got, err := look(out)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if got != nil {
		if err := Verify(out); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	partial := got != nil && after != nil && len(got.paths) <= len(after.paths) && slices.Equal(got.paths, after.paths[:len(got.paths)]) &&
		slices.Contains([]string{"create", "overwrite", "resume"}, operations()[o].name)
	if !sameState(got, before) && !sameState(got, after) && !partial {
		t.Errorf("%s: there is %v, want %v or %v", name, got, before, after)
	}
	want, ok := next.after(got)
	if err := next.run(out); (err == nil) != ok && !(next.name == "create" || next.name == "merge" || next.name == "assemble") {
		t.Errorf("%s, then %s: %v", name, next.name, err)
	} else if end, err := look(out); err != nil || ok && !sameState(end, want) {
		t.Errorf("%s, then %s: there is %v, want %v: %v", name, next.name, end, want, err)
	}
	// Whoever comes next tidies up.
	if err := write(out, func() Options { o := ownOptions(); o.Overwrite = true; return o }(), overRows); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	if err := tidy(out); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

const mountVariable = "FOVEA_TEST_MOUNT"

// At a mount point, which no directory can be exchanged with, writers do as well. The trials of
// TestPairsOfWriters and TestWritersKilled run there, in a space of mounts of their own.
func TestMountPoint(t *testing.T) {
	notShort(t, "runs tests in another process")
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Skip("there is no unshare to mount a file system with")
	}
	if output, err := exec.Command(unshare, "-rm", "mount", "-t", "tmpfs", "none", t.TempDir()).CombinedOutput(); err != nil {
		t.Skipf("file systems cannot be mounted here: %v: %s", err, output)
	}
	command := exec.Command(unshare, "-rm", os.Args[0], "-test.v", "-test.run=^(TestPairsOfWriters|TestWritersKilled|TestLostAndFound)$")
	command.Env = append(os.Environ(), mountVariable+"=yes")
	output, err := command.CombinedOutput()
	if err != nil || strings.Count(string(output), "--- PASS") != 3 {
		t.Errorf("%v:\n%s", err, output)
	}
	for line := range strings.Lines(string(output)) {
		if strings.Contains(line, "_test.go") {
			t.Log(strings.TrimSpace(line))
		}
	}
}

// What file systems have at their top is no file of anybody's.
func TestLostAndFound(t *testing.T) {
	if os.Getenv(mountVariable) == "" {
		t.Skip("TestMountPoint runs it")
	}
	root := ownSources(t)
	out, _ := begin(t, root, false)
	must(t, os.Mkdir(filepath.Join(out, "lost+found"), 0o700))
	s := (*state)(nil)
	for _, o := range operations() {
		want, ok := o.after(s)
		if err := o.run(out); ok != (err == nil) && s != nil && o.name != "resume" && o.name != "create" && o.name != "merge" && o.name != "assemble" {
			t.Fatalf("%s: %v", o.name, err)
		}
		got, err := look(out)
		if must(t, err); ok && !sameState(got, want) {
			t.Errorf("%s: there is %v, want %v", o.name, got, want)
		}
		s = got
	}
	if _, err := os.Stat(filepath.Join(out, "lost+found")); err != nil {
		t.Error(err)
	}
}
