package main

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"fovea/app/cli"
	"fovea/featurestore"
)

// binaries holds extract, extract-beam and prism.
var binaries string

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "fovea-beam-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir) // a temporary directory
	for module, packages := range map[string][]string{
		".":        {"fovea/beam/cmd/extract-beam", "github.com/apache/beam/sdks/v2/go/cmd/prism"},
		"../../..": {"fovea/cmd/extract"},
	} {
		build := exec.Command("go", append([]string{"build", "-o", dir + "/"}, packages...)...)
		build.Dir, build.Stderr = module, os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "build the commands:", err)
			return 1
		}
	}
	binaries = dir
	return m.Run()
}

// makePictures makes a directory of n pictures, one of them broken, in two classes.
func makePictures(t *testing.T, n int) string {
	t.Helper()
	root := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		img := image.NewNRGBA(image.Rect(0, 0, 40+i, 30+i%7))
		for p := range img.Pix {
			img.Pix[p] = color.NRGBA{A: uint8(random.IntN(256))}.A
		}
		file := filepath.Join(root, []string{"cats", "dogs"}[i%2], fmt.Sprintf("%02d.jpg", i))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := jpeg.Encode(f, img, nil); err != nil {
			t.Fatal(err)
		}
		if i == n/2 {
			err = f.Truncate(100)
		}
		if err := firstOf(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

var common = []string{"--pool", "avg", "--labels", "dir", "--layers", "pool5,block4_pool", "--batch", "4"}

// command runs one of the binaries, which must end with status 3: a picture is broken.
func command(t *testing.T, name string, arguments ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, filepath.Join(binaries, name), append(slices.Clone(common), arguments...)...)
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGQUIT) } // prints what it waits for
	c.WaitDelay = 10 * time.Second
	out, _ := c.CombinedOutput() // the status is looked at
	if status := c.ProcessState.ExitCode(); status != cli.ExitPartly {
		t.Fatalf("%s ended with status %d:\n%s", name, status, out)
	}
	return string(out)
}

// sameRows compares two datasets row by row, bit by bit.
func sameRows(t *testing.T, got, want string) {
	t.Helper()
	ctx := context.Background()
	if err := featurestore.Verify(got); err != nil {
		t.Error(err)
	}
	open := func(dir string) *featurestore.Dataset {
		d, err := featurestore.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	a, b := open(got), open(want)
	for _, layer := range []string{"pool5", "block4_pool"} {
		g, err := a.Matrix(ctx, layer)
		if err != nil {
			t.Fatal(err)
		}
		w, err := b.Matrix(ctx, layer)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(g.Paths, w.Paths) || !slices.Equal(g.Labels, w.Labels) {
			t.Fatalf("rows %v with labels %v, want %v with %v", g.Paths, g.Labels, w.Paths, w.Labels)
		}
		if !slices.Equal(g.Data, w.Data) {
			t.Errorf("layer %s: the values differ", layer)
		}
	}
	gotFailures, err := a.Failures()
	if err != nil {
		t.Fatal(err)
	}
	wantFailures, err := b.Failures()
	for _, failures := range [][]featurestore.Failure{gotFailures, wantFailures} {
		for i := range failures {
			failures[i].Seen = [16]byte{} // not known of files that had just been written
		}
	}
	if err != nil || !slices.Equal(gotFailures, wantFailures) {
		t.Errorf("failures %v, want %v (%v)", gotFailures, wantFailures, err)
	}
}

// nothingElse checks that a directory holds the dataset and no remains of the job.
func nothingElse(t *testing.T, out string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(out))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the dataset there is more: %v (%v)", entries, err)
	}
}

func TestPrism(t *testing.T) {
	pictures := makePictures(t, 18)
	local, out := filepath.Join(t.TempDir(), "local"), filepath.Join(t.TempDir(), "out")
	command(t, "extract", "--out", local, pictures)
	command(t, "extract-beam", "--out", out, "--task-rows", "5", pictures)
	sameRows(t, out, local)
	nothingElse(t, out)
	d, err := featurestore.Open(out)
	if err != nil || len(d.Shards()) != 4 {
		t.Errorf("%d shards, want 4 (%v)", len(d.Shards()), err)
	}
	// What is there is not touched, unless that is asked for.
	again := exec.Command(filepath.Join(binaries, "extract-beam"), "--out", out, pictures)
	if text, err := again.CombinedOutput(); err == nil || !strings.Contains(string(text), "--overwrite replaces it") {
		t.Errorf("a second run: %v: %s", err, text)
	}
	command(t, "extract-beam", "--out", out, "--overwrite", "--task-rows", "7", pictures)
	sameRows(t, out, local)
	nothingElse(t, out)
}

// A server of Prism starts a worker process, which is killed after the first part. The job
// is submitted again, another worker makes the rest, and what was finished stays.
func TestPrismServerWorkerKilled(t *testing.T) {
	pictures := makePictures(t, 18)
	local, out := filepath.Join(t.TempDir(), "local"), filepath.Join(t.TempDir(), "out")
	command(t, "extract", "--out", local, pictures)

	port := freePort(t)
	server := exec.Command(filepath.Join(binaries, "prism"), "--job_port", port, "--serve_http=false")
	log, err := os.Create(filepath.Join(t.TempDir(), "prism.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close() // a log
	server.Stdout, server.Stderr = log, log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	}()

	// Each worker notes its process before it starts.
	notes := t.TempDir()
	worker := filepath.Join(notes, "worker.sh")
	script := fmt.Sprintf("#!/bin/sh\ntouch '%s'/$$.pid\nexec '%s' \"$@\"\n", notes, filepath.Join(binaries, "extract-beam"))
	if err := os.WriteFile(worker, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	parts := filepath.Join(filepath.Dir(out), ".out.parts")
	killed := make(chan os.FileInfo, 1)
	go func() { killed <- killAfterFirstPart(notes, parts) }()
	text := command(t, "extract-beam", "--out", out, "--task-rows", "3", "--runner", "prism", "--endpoint", "localhost:"+port,
		"--stall-timeout", "45s", "--environment_type", "PROCESS", "--environment_config", fmt.Sprintf(`{"command":%q}`, worker), pictures)
	first := <-killed
	if first == nil {
		t.Fatalf("no worker could be killed: %s", text)
	}
	if !strings.Contains(text, "submitting it again") {
		t.Errorf("the job was not submitted again: %s", text)
	}
	if pids, _ := filepath.Glob(filepath.Join(notes, "*.pid")); len(pids) != 2 {
		t.Errorf("%d workers, want 2", len(pids))
	}
	sameRows(t, out, local)
	nothingElse(t, out)
	kept := false
	for _, file := range glob(t, filepath.Join(out, "data", "*")) {
		info, err := os.Stat(file)
		kept = kept || err == nil && os.SameFile(info, first)
	}
	if !kept {
		t.Error("the part that was finished before the worker's end was made again")
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v, %v", pattern, files, err)
	}
	return files
}

// killAfterFirstPart ends the worker by force when a part is finished and the next one is
// being made, and returns the finished part's shard.
func killAfterFirstPart(notes, parts string) os.FileInfo {
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		shards, _ := filepath.Glob(filepath.Join(parts, "part-*", "data", "*.parquet"))
		attempts, _ := filepath.Glob(filepath.Join(parts, ".attempt-*"))
		pids, _ := filepath.Glob(filepath.Join(notes, "*.pid"))
		if len(shards) == 0 || len(attempts) == 0 || len(pids) == 0 {
			continue
		}
		info, err := os.Stat(shards[0])
		pid, convErr := strconv.Atoi(strings.TrimSuffix(filepath.Base(pids[0]), ".pid"))
		if firstOf(err, convErr, syscall.Kill(pid, syscall.SIGKILL)) != nil {
			return nil
		}
		return info
	}
	return nil
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() // only its number is needed
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}

func TestUsage(t *testing.T) {
	for want, arguments := range map[string][]string{
		"--out DIR is required": {"pictures"},
		"no IMAGES given":       {"--out", "x"},
		"--attempts 0":          {"--out", "x", "--attempts", "0", "pictures"},
		"--stall-timeout -1s":   {"--out", "x", "--stall-timeout", "-1s", "pictures"},
		"0 images per task":     {"--out", "x", "--task-rows", "0", "pictures"},
		"use none, prefix, dir": {"--out", "x", "--labels", "magic", "pictures"},
		"unknown device":        {"--out", "x", "--device", "tpu", "pictures"},
		"on one machine only":   {"--out", "x", "--views", "dense:64", "pictures"},
		"use float32 or":        {"--out", "x", "--dtype", "int8", "pictures"},
	} {
		c := exec.Command(filepath.Join(binaries, "extract-beam"), arguments...)
		out, _ := c.CombinedOutput() // the status is looked at
		if c.ProcessState.ExitCode() != cli.ExitUsage || !strings.Contains(string(out), want) {
			t.Errorf("%v: status %d: %s, want 2 and %q", arguments, c.ProcessState.ExitCode(), out, want)
		}
	}
}

// A path that is not there is said at once, without a trace of stages.
func TestMissingPath(t *testing.T) {
	for want, arguments := range map[string][]string{
		"cannot open the images: stat .*nowhere: no such file": {"nowhere"},
		"cannot open the labels: stat none.csv: no such file":  {"--labels", "csv:none.csv", "."},
	} {
		c := exec.Command(filepath.Join(binaries, "extract-beam"), append([]string{"--out", filepath.Join(t.TempDir(), "x")}, arguments...)...)
		out, _ := c.CombinedOutput() // the status is looked at
		if c.ProcessState.ExitCode() != cli.ExitFailed || !regexp.MustCompile(want).Match(out) || strings.Count(string(out), "\n") != 1 {
			t.Errorf("%v: status %d: %s, want 1 and %q on a line", arguments, c.ProcessState.ExitCode(), out, want)
		}
	}
}
