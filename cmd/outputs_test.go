package cmd_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// writer is a command that writes files or a directory.
type writer struct {
	name string
	// long ones run only where FOVEA_TRIALS asks for more trials.
	long bool
	// outputs are the names that it makes in a directory, and over which there are old ones.
	outputs []string
	// fresh says that there must be nothing before it.
	fresh bool
	// run is the command, which writes to that directory.
	run func(dir string) *exec.Cmd
}

// old is what a file holds before it is replaced.
const old = "what was there before"

func program(name string, arguments ...string) *exec.Cmd {
	return exec.Command(filepath.Join(binaries, name), append(arguments, "--quiet")...)
}

// writers are all commands that write something, on a small dataset and a head that is trained on it.
func writers(t *testing.T) []writer {
	t.Helper()
	photos, work := oddPhotos(t), t.TempDir()
	features, head := filepath.Join(work, "features"), filepath.Join(work, "head.json")
	mustEnd(t, small(features, "--labels", "dir", "--pool", "none", photos), 0)
	train := []string{"train", "--features", features, "--test-fraction", "0", "--near-duplicates", "0", "--lambda", "1", "--out"}
	mustEnd(t, program("finetune", append(train, head)...), 0)
	dataset := func(arguments ...string) func(string) *exec.Cmd {
		return func(dir string) *exec.Cmd {
			all := append([]string{"dataset"}, arguments...)
			for i := range all {
				all[i] = strings.ReplaceAll(all[i], "DIR", dir)
			}
			return program("extract", append(all, features)...)
		}
	}
	finetune := func(arguments ...string) func(string) *exec.Cmd {
		return func(dir string) *exec.Cmd {
			all := slices.Clone(arguments)
			for i := range all {
				all[i] = strings.ReplaceAll(all[i], "DIR", dir)
			}
			return program("finetune", all...)
		}
	}
	return []writer{
		{name: "export csv", outputs: []string{"x.csv"}, run: dataset("export", "--format", "csv", "--out", "DIR/x.csv")},
		{name: "export npy", outputs: []string{"x.npy", "x.npy.csv"}, run: dataset("export", "--format", "npy", "--out", "DIR/x.npy")},
		{name: "partition", outputs: []string{"parts"}, fresh: true, run: dataset("partition", "--by", "label", "DIR/parts")},
		{name: "predict", outputs: []string{"p.csv"}, run: finetune("predict", "--model", smallModel, "--head", head, "--out", "DIR/p.csv", photos)},
		{name: "train", outputs: []string{"head.json"}, run: finetune(append(train, "DIR/head.json")...)},
		{name: "export libsvm", long: true, outputs: []string{"x", "x.labels.csv"}, run: dataset("export", "--format", "libsvm", "--out", "DIR/x")},
		{name: "export tfrecord", long: true, outputs: []string{"x"}, run: dataset("export", "--format", "tfrecord", "--out", "DIR/x")},
		{name: "project", long: true, outputs: []string{"x.csv", "x.png", "x.svg"}, run: dataset("project", "--out", "DIR/x")},
		{name: "similar", long: true, outputs: []string{"x.html"}, run: dataset("similar", "--query", "0", "--html", "DIR/x.html", "--images", photos)},
		{name: "duplicates", long: true, outputs: []string{"x.html"}, run: dataset("duplicates", "--html", "DIR/x.html", "--images", photos)},
		{name: "model export", long: true, fresh: true, outputs: []string{"model"}, run: func(dir string) *exec.Cmd {
			return program("extract", "model", "export", "vgg16", filepath.Join(dir, "model"))
		}},
		{name: "finetune export", long: true, fresh: true, outputs: []string{"1"}, run: finetune("export", "--model", smallModel, "--head", head, "--out", "DIR/1")},
		{name: "predict parquet", long: true, outputs: []string{"p"}, run: finetune("predict", "--model", smallModel, "--head", head, "--format", "parquet", "--out", "DIR/p", photos)},
		{name: "photos", long: true, outputs: []string{"p"}, fresh: true, run: func(dir string) *exec.Cmd {
			return program("extract", "model", "check", "vgg16", "--photos", filepath.Join(dir, "p"))
		}},
	}
}

// Every command, killed at any moment, leaves under the names of its outputs what was there before
// or all that it makes, and after another run nothing else.
func TestKilledCommandsLeaveWholeFiles(t *testing.T) {
	trials, err := strconv.Atoi(os.Getenv("FOVEA_TRIALS"))
	more := err == nil
	if !more {
		trials = 2
	}
	for i, w := range writers(t) {
		if w.long && !more {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			w.killed(t, rand.New(rand.NewPCG(uint64(i), 8)), trials)
		})
	}
}

func (w writer) killed(t *testing.T, random *rand.Rand, trials int) {
	whole := filepath.Join(t.TempDir(), "whole")
	w.prepare(t, whole)
	began := time.Now()
	mustEnd(t, w.run(whole), 0)
	took := time.Since(began)
	want := sizesIn(t, whole)
	hits, halves := 0, 0
	dir := filepath.Join(t.TempDir(), "killed")
	for trial := range trials {
		w.prepare(t, dir)
		if w.kill(t, dir, random, took, trial%2 == 1) {
			hits++
		}
		halves += w.check(t, dir, want)
	}
	w.prepare(t, dir)
	mustEnd(t, w.run(dir), 0)
	if got := sizesIn(t, dir); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("after another run there are %v, want %v", got, want)
	}
	t.Logf("%d of %d runs of %s killed, %d of them while they wrote", hits, trials, took.Round(time.Millisecond), halves)
}

// prepare makes a directory with old files, or without the outputs that must be new. What killed
// runs have left beside them stays.
func (w writer) prepare(t *testing.T, dir string) {
	t.Helper()
	check(t, os.MkdirAll(dir, 0o755))
	for _, name := range w.outputs {
		name = filepath.Join(dir, name)
		check(t, os.RemoveAll(name))
		if !w.fresh {
			check(t, os.WriteFile(name, []byte(old), 0o644))
		}
	}
}

// kill runs the command and kills it, at any time or soon after it has begun to write.
func (w writer) kill(t *testing.T, dir string, random *rand.Rand, took time.Duration, writing bool) bool {
	t.Helper()
	before := time.Now()
	command := w.run(dir)
	check(t, command.Start())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = command.Wait() }() // its status is of no interest
	pause := time.Duration(random.Int64N(int64(took)))
	if writing {
		pause = time.Duration(random.Int64N(int64(5 * time.Millisecond)))
		for begun := false; !begun; {
			entries, err := os.ReadDir(dir)
			begun = err != nil || time.Since(before) > 2*took || slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
				info, err := e.Info()
				return err == nil && info.ModTime().After(before)
			})
			time.Sleep(200 * time.Microsecond)
		}
	}
	select {
	case <-ended:
		return false
	case <-time.After(pause):
	}
	return killed(t, command, ended)
}

// check compares what a killed run has left, and returns the number of places in which it wrote.
func (w writer) check(t *testing.T, dir string, want map[string]int64) (places int) {
	t.Helper()
	got := sizesIn(t, dir)
	for name, size := range got {
		if strings.HasPrefix(name, ".") {
			places = 1
			continue
		}
		if size != want[name] && (w.fresh || size != int64(len(old))) {
			t.Errorf("%s has %d bytes, neither the %d before nor the %d after", name, size, len(old), want[name])
		}
	}
	_, err := os.Stat(filepath.Join(dir, w.outputs[0]))
	if w.fresh && err == nil && w.name != "photos" { // a directory has all or is not there
		for name := range want {
			if _, found := got[name]; !found {
				t.Errorf("%s is missing", name)
			}
		}
	}
	return places
}

// sizesIn are the sizes of all files below a directory.
func sizesIn(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	sizes := map[string]int64{}
	check(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		sizes[name] = info.Size()
		return err
	}))
	return sizes
}

// A disk that fills up leaves the good file, and nothing beside it; standard output, pipes and devices
// are written to as they are.
func TestOutputsThatAreNoFiles(t *testing.T) {
	photos, dir := tinyPictures(t, 12, 0), t.TempDir()
	features, file := filepath.Join(dir, "features"), filepath.Join(dir, "x.csv")
	mustEnd(t, small(features, photos), 0)
	export := func(script, out string) (string, int) {
		t.Helper()
		command := exec.Command("sh", "-c", script, "sh", filepath.Join(binaries, "extract"), "dataset", "export", "-q", "--format", "csv", "--out", out, features)
		printed, _ := command.CombinedOutput() // whose status is looked at
		return string(printed), command.ProcessState.ExitCode()
	}
	want, status := export(`exec "$@"`, "-")
	if lines := strings.Count(want, "\n"); status != 0 || lines != 13 {
		t.Fatalf("status %d, %d lines", status, lines)
	}
	// As /dev/stdout is one; that itself must not be here, lest a fault replaces it for all.
	stdout := filepath.Join(dir, "stdout")
	check(t, os.Symlink("/proc/self/fd/1", stdout))
	for _, script := range []string{`exec "$@"`, `"$@" | cat`, `echo before >"$0.log"; "$@" >>"$0.log"; tail -n +2 "$0.log"`} {
		if got, status := export(strings.ReplaceAll(script, "$0", file), stdout); status != 0 || got != want {
			t.Errorf("%s: status %d, %q", script, status, got)
		}
	}
	check(t, os.WriteFile(file, []byte(old), 0o644))
	message, status := export(`ulimit -f 2; exec "$@"`, file) // blocks of 512 bytes or 1 kB
	content, err := os.ReadFile(file)
	if err != nil || status != 1 || string(content) != old || !strings.Contains(message, "write "+file) {
		t.Errorf("a full disk: status %d, %q, %v: %s", status, content, err, message)
	}
	if places, _ := filepath.Glob(filepath.Join(dir, ".*")); places != nil {
		t.Errorf("left are %q", places)
	}
}
