package cmd_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fovea/featurestore"
)

const (
	mountVariable = "FOVEA_TEST_MOUNT"
	killsOfPhase  = 2
	mostRuns      = 40
)

// A file system may be mounted on the dataset's directory itself, where nothing can be made beside it and no directory
// exchanged with it. The tests of that run in a space of mounts of their own.
func TestMountPoint(t *testing.T) {
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Skip("there is no unshare to mount a file system with")
	}
	if output, err := exec.Command(unshare, "-rm", "mount", "-t", "tmpfs", "none", t.TempDir()).CombinedOutput(); err != nil {
		t.Skipf("file systems cannot be mounted here: %v: %s", err, output)
	}
	command := exec.Command(unshare, "-rm", os.Args[0], "-test.v", "-test.run=^TestMounted")
	command.Env = append(os.Environ(), mountVariable+"="+binaries)
	output, err := command.CombinedOutput()
	if passed := strings.Count(string(output), "\n--- PASS"); err != nil || passed != 2 {
		t.Errorf("%v, %d passed:\n%s", err, passed, output)
	}
	for line := range strings.Lines(string(output)) {
		if strings.Contains(line, "_test.go") {
			t.Log(strings.TrimSpace(line))
		}
	}
}

// mounted mounts a file system on a new directory: a tmpfs with the options, or what a directory beside it shows.
func mounted(t *testing.T, kind, options string) (dir string) {
	t.Helper()
	if os.Getenv(mountVariable) == "" {
		t.Skip("TestMountPoint runs it")
	}
	dir = filepath.Join(t.TempDir(), "mounted")
	check(t, os.Mkdir(dir, 0o755))
	if kind == "bind" {
		real := filepath.Join(filepath.Dir(dir), "real")
		check(t, os.Mkdir(real, 0o755))
		check(t, unix.Mount(real, dir, "", unix.MS_BIND, ""))
	} else {
		check(t, unix.Mount("none", dir, "tmpfs", 0, options))
	}
	t.Cleanup(func() { check(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return dir
}

// TestMountedKilled extracts, synchronizes and relabels a dataset at a mount point, killed again and again, mostly
// while the new dataset is put together and moves into its place.
func TestMountedKilled(t *testing.T) {
	for _, kind := range []string{"tmpfs", "bind"} {
		t.Run(kind, func(t *testing.T) {
			out := mounted(t, kind, "")
			arguments := []string{"--rows-per-file", "4", "--labels", "prefix"}
			photos, before := syncedTree(t, arguments...)
			arguments = append(arguments, "--sync", photos)
			whole := filepath.Join(t.TempDir(), "whole")
			check(t, os.CopyFS(whole, os.DirFS(before)))
			mustEnd(t, small(whole, arguments...), 3)
			table, relabelled := filepath.Join(t.TempDir(), "labels.csv"), filepath.Join(t.TempDir(), "relabelled")
			writeLabels(t, table, whole)
			relabel := func(dir string) *exec.Cmd {
				return exec.Command(filepath.Join(binaries, "extract"), "dataset", "relabel", "--quiet", "--labels", "csv:"+table, dir)
			}
			check(t, os.CopyFS(relabelled, os.DirFS(whole)))
			mustEnd(t, relabel(relabelled), 0)

			fresh, again := filepath.Join(t.TempDir(), "fresh"), append(arguments[:4:4], photos)
			mustEnd(t, small(fresh, again...), 3)
			killWhen(t, small(out, again...), filepath.Join(out, "data/part-*"), time.Millisecond)
			mustEnd(t, small(out, append(again, "--resume")...), 3)
			sameDatasets(t, out, fresh)
			mustEnd(t, small(out, append(again, "--overwrite")...), 3)
			sameDatasets(t, out, fresh)

			fill(t, out, before)
			sync := func() *exec.Cmd { return small(out, arguments...) }
			killedInto(t, out, before, whole, sync, ".fovea/sync/data/part-*", ".fovea/next/data/part-*", ".fovea/arriving", ".fovea/leaving", "")
			mustEnd(t, sync(), 3)
			if a, b := rowsOf(t, out), rowsOf(t, whole); !slices.Equal(a, b) {
				t.Errorf("there are %q, want %q", a, b)
			}
			killedInto(t, out, whole, relabelled, func() *exec.Cmd { return relabel(out) }, ".fovea/next/data/part-*", ".fovea/arriving", ".fovea/leaving", "")
			mustEnd(t, relabel(out), 0)
			if a, b := rowsOf(t, out), rowsOf(t, relabelled); !slices.Equal(a, b) {
				t.Errorf("there are %q, want %q", a, b)
			}
			for _, left := range []string{"sync", "next", "arriving", "leaving", "tmp", "lock"} {
				if _, err := os.Lstat(filepath.Join(out, ".fovea", left)); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s is left", left)
				}
			}
			if beside, _ := filepath.Glob(filepath.Join(filepath.Dir(out), ".*")); len(beside) > 0 {
				t.Errorf("%q are left beside it", beside)
			}
		})
	}
}

// fill puts a copy of a dataset into the place of what is in a directory, which stays.
func fill(t *testing.T, out, with string) {
	t.Helper()
	entries, err := os.ReadDir(out)
	check(t, err)
	for _, e := range entries {
		check(t, os.RemoveAll(filepath.Join(out, e.Name())))
	}
	check(t, os.CopyFS(out, os.DirFS(with)))
}

// writeLabels writes a table of other labels for all images of a dataset.
func writeLabels(t *testing.T, file, dir string) {
	t.Helper()
	d, err := featurestore.Open(dir)
	check(t, err)
	rows, err := d.Index(context.Background())
	check(t, err)
	failures, err := d.Failures()
	check(t, err)
	text := "path,label\n"
	for i, path := range rows.Paths {
		text += fmt.Sprintf("%s,class %d\n", path, i%3)
	}
	for _, f := range failures {
		text += f.Path + ",class 9\n"
	}
	check(t, os.WriteFile(file, []byte(text), 0o644))
}

// killedInto kills the command when there are files of some kind in the dataset, and at random moments: it then holds
// the rows of the one or of the other dataset. Where it holds the latter, it is begun anew.
func killedInto(t *testing.T, out, before, after string, command func() *exec.Cmd, phases ...string) {
	t.Helper()
	old, now := rowsOf(t, before), rowsOf(t, after)
	const seed = 5
	random := rand.New(rand.NewPCG(seed, seed))
	hits, reached, runs := 0, 0, 0
	// A busy machine may let all of a round be killed late, which shows nothing.
	for ; runs == 0 || runs < mostRuns && (hits < len(phases) || reached == hits); runs += killsOfPhase * len(phases) {
		for i := range killsOfPhase * len(phases) {
			phase := phases[i/killsOfPhase]
			pattern := phase
			if phase != "" {
				pattern = filepath.Join(out, phase)
			}
			if killWhen(t, command(), pattern, time.Duration(random.Int64N(int64(2*time.Millisecond)))) {
				hits++
			}
			switch got := rowsOf(t, out); {
			case slices.Equal(got, now):
				reached++
				fill(t, out, before)
			case !slices.Equal(got, old):
				t.Fatalf("killed after %q, it leaves neither the old nor the new dataset: %q", phase, got)
			}
		}
	}
	t.Logf("seed %d: %d of %d runs were killed, %d had reached the new dataset", seed, hits, runs, reached)
	if hits < len(phases) || reached == hits {
		t.Error("that is too little to show anything")
	}
}

// TestMountedSmall has too little space for a new dataset beside the old one, which stays; and then enough.
func TestMountedSmall(t *testing.T) {
	arguments := []string{"--rows-per-file", "8"}
	photos, before := syncedTree(t, arguments...)
	arguments = append(arguments, "--sync", photos)
	whole := filepath.Join(t.TempDir(), "whole")
	check(t, os.CopyFS(whole, os.DirFS(before)))
	mustEnd(t, small(whole, arguments...), 3)
	used := 0
	for _, content := range bytesOf(t, before) {
		used += (len(content) + 8191) &^ 4095
	}
	for _, room := range []int{8 << 10, 60 << 10, 200 << 10} {
		t.Run(fmt.Sprintf("%d bytes", room), func(t *testing.T) {
			out := mounted(t, "tmpfs", fmt.Sprintf("size=%d", used+room))
			check(t, os.CopyFS(out, os.DirFS(before)))
			command := small(out, arguments...)
			output, err := command.CombinedOutput()
			if err == nil || command.ProcessState.ExitCode() != 1 ||
				!regexp.MustCompile(`no space left on device: free space on the disk of .* and run the same command;`).Match(output) {
				t.Errorf("it ends with %v and says %s", err, output)
			}
			if a, b := rowsOf(t, out), rowsOf(t, before); !slices.Equal(a, b) {
				t.Errorf("there are %q, want %q", a, b)
			}
			check(t, unix.Mount("none", out, "tmpfs", unix.MS_REMOUNT, fmt.Sprintf("size=%d", used+8<<20)))
			mustEnd(t, small(out, arguments...), 3)
			if a, b := rowsOf(t, out), rowsOf(t, whole); !slices.Equal(a, b) {
				t.Errorf("there are %q, want %q", a, b)
			}
		})
	}
}
