package cmd_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fovea/featurestore"
)

// rowsOf are the rows of a dataset as texts, sorted: all but their order and what they were read from; and its failures.
// Columns choose vectors; without any, all are there.
func rowsOf(t *testing.T, dir string, columns ...string) []string {
	t.Helper()
	check(t, featurestore.Verify(dir))
	d, err := featurestore.Open(dir)
	check(t, err)
	var all []string
	layers, err := d.Layers(columns)
	check(t, err)
	check(t, d.Scan(context.Background(), featurestore.ScanOptions{Layers: columns}, func(b *featurestore.Batch) error {
		for i, r := range b.Rows {
			text := fmt.Sprint(r.Path, r.Label, r.Split, r.SHA256, r.Width, r.Height, r.Group)
			if g := r.Georeference; g != nil {
				text += fmt.Sprint(*g)
			}
			for n, l := range layers {
				text += fmt.Sprint(b.Vectors[n][i*l.Size() : (i+1)*l.Size()])
			}
			all = append(all, text)
		}
		return nil
	}))
	failures, err := d.Failures()
	check(t, err)
	for _, f := range failures {
		all = append(all, fmt.Sprint("failure ", f.Path, f.Label, f.Split, f.Stage, f.Reason, f.SHA256))
	}
	slices.Sort(all)
	return all
}

// sync synchronizes the dataset, and compares it with one made anew; both must end with the same status.
func (i *incremental) sync(arguments ...string) {
	i.Helper()
	status := 0
	for _, status = range []int{0, 3} {
		if i.try(status, append([]string{"--out", "fresh", "--overwrite"}, arguments...)...) {
			break
		}
	}
	i.extract(status, append([]string{"--sync"}, arguments...)...)
	if got, want := rowsOf(i.T, i.path("out")), rowsOf(i.T, i.path("fresh")); !slices.Equal(got, want) {
		i.Errorf("%d rows and failures are not the %d of a dataset made anew:\n%q\n%q\n%s", len(got), len(want), got, want, i.log)
	}
	for _, left := range []string{".out.sync", ".out.new", "out/.fovea/sync", "out/.fovea/lock", "out/.fovea/tmp"} {
		if _, err := os.Lstat(i.path(left)); err == nil {
			i.Errorf("%s is left", left)
		}
	}
}

// TestSyncEqualsFresh changes a tree in many ways, again and again: each time the dataset is in the end the one that
// would be made anew, and only what no row had is extracted.
func TestSyncEqualsFresh(t *testing.T) {
	i := newIncremental(t)
	for n := range 12 {
		i.pictures(fmt.Sprintf("p/%c/%d.bmp", 'a'+n%3, n))
	}
	i.pictures("t.bmp", "new1.bmp", "new2.bmp", "new3.bmp")
	i.sh("echo no image > p/a/broken.bmp; tar cf p/x.tar t.bmp new3.bmp")
	settled()
	i.extract(3, "--labels", "dir", "p")
	for _, step := range []struct {
		sh, says  string
		extracted int
		arguments []string
	}{
		{"mv p/a p/z", "4 moved, 1 new", 1, nil}, // the broken one is tried under its new name
		{"mv p/b p/t; mv p/c p/b; mv p/t p/c", "8 moved", -1, nil},
		{"mv p/z/0.bmp p/b/0.bmp; mv p/z/3.bmp p/z/THREE.bmp; rm p/z/6.bmp", "2 moved, 1 removed", -1, nil},
		{"cp new1.bmp p/z/9.bmp; cp new2.bmp p/new.bmp", "1 changed, 1 new", 2, nil},
		{"cat p/new.bmp > p/z/9.bmp; cp p/b/0.bmp p/c/copy.bmp; ln p/b/0.bmp p/c/linked.bmp", "3 copied", -1, nil},
		{"cp p/new.bmp t; rm p/new.bmp; mv t p/new.bmp; touch p/b/*; chmod 600 p/c/*", "16 kept", -1, nil},
		{"", "", -1, []string{"--labels", "prefix", "p"}},
		{"echo no image > p/new.bmp; cp new3.bmp p/z/broken.bmp; rm p/c/copy.bmp", "1 changed, 1 removed", 1, nil},
		{"rm p/x.tar; tar cf p/y.tar new3.bmp p/b", "moved", -1, nil},
		{"gzip -c p/y.tar > p/y.tgz; rm p/y.tar", "moved", -1, nil},
		{"rm p/new.bmp; ln -s ../new1.bmp p/link.bmp; ln -s nowhere p/missing.bmp", "2 new", 2, nil},
		{"rm p/link.bmp p/missing.bmp p/z/broken.bmp", "2 removed", -1, nil},
		{"", "", -1, []string{"--labels", "dir", "--files-from", "list"}},
		{"", "5 removed", 1, []string{"--labels", "dir", "--include", "*[0-4].bmp", "p"}},
	} {
		i.sh(step.sh)
		i.sh("find -L p -name '*.bmp' > list")
		arguments := step.arguments
		if arguments == nil {
			arguments = []string{"--labels", "dir", "p"}
		}
		i.sync(arguments...)
		i.says(step.says)
		if step.extracted >= 0 {
			i.says(fmt.Sprintf("extracting features of %d image", step.extracted))
		} else if strings.Contains(i.log, "extracting features") {
			i.Errorf("%s: something is extracted: %s", step.sh, i.log)
		}
	}
}

// syncedTree makes pictures and a dataset of them, and then changes the pictures.
func syncedTree(t *testing.T, arguments ...string) (photos, before string) {
	t.Helper()
	photos, before = tinyPictures(t, 72, killBroken), filepath.Join(t.TempDir(), "before")
	check(t, os.MkdirAll(filepath.Join(photos, "moved"), 0o755))
	mustEnd(t, small(before, append(arguments, photos)...), 3)
	more := tinyPictures(t, 40, 7)
	for i := range 40 {
		name, now := fmt.Sprintf("%04d.png", i), filepath.Join(photos, "moved", fmt.Sprintf("%d.png", i))
		switch {
		case i%4 == 0:
			check(t, os.Rename(filepath.Join(photos, name), now))
		case i%9 == 1:
			check(t, os.Remove(filepath.Join(photos, name)))
		default: // grey ones of other noise
			content, err := os.ReadFile(filepath.Join(more, name))
			check(t, err)
			check(t, os.WriteFile(now, append(content, byte(i)), 0o644))
		}
	}
	return photos, before
}

// The whole command, killed at twenty random moments and begun again each time, leaves the old dataset or the new one,
// and what an earlier run has extracted is not extracted again.
func TestSyncSurvivesTwentyKills(t *testing.T) {
	arguments := []string{"--rows-per-file", "4", "--labels", "prefix"}
	photos, before := syncedTree(t, arguments...)
	survivesTwentyKills(t, before, "sync", append(arguments, "--sync", photos))
}

// survivesTwentyKills runs a command that replaces the dataset before, and makes what is new in a directory with that
// suffix.
func survivesTwentyKills(t *testing.T, before, suffix string, arguments []string) {
	t.Helper()
	dir := t.TempDir()
	whole, killed := filepath.Join(dir, "whole"), filepath.Join(dir, "killed")
	check(t, os.CopyFS(whole, os.DirFS(before)))
	began := time.Now()
	mustEnd(t, small(whole, arguments...), 3)
	took := time.Since(began)
	old, now := rowsOf(t, before), rowsOf(t, whole)

	const seed = 8
	random := rand.New(rand.NewPCG(seed, seed))
	hits, resumed, reached := 0, 0, 0
	check(t, os.CopyFS(killed, os.DirFS(before)))
	for n := range 20 {
		phase := []string{"", ".killed." + suffix + "/.fovea/tmp/part-*", ".killed." + suffix + "/data/part-0000[1-9]*", ".killed.new/.fovea", ".killed.new/data/part-*"}[n%5]
		pause := time.Duration(random.Int64N(int64(4 * time.Millisecond)))
		if phase == "" {
			pause = time.Duration(random.Int64N(int64(took)))
		}
		if staged, _ := filepath.Glob(filepath.Join(dir, ".killed."+suffix+"/data/part-*")); len(staged) > 0 {
			resumed++
		}
		if phase != "" {
			phase = filepath.Join(dir, phase)
		}
		if killWhen(t, small(killed, arguments...), phase, pause) {
			hits++
		}
		d, err := featurestore.Open(killed)
		check(t, err)
		if status := d.Manifest().Status; status != featurestore.StatusComplete {
			t.Errorf("kill %d leaves a dataset that is %s", n, status)
		}
		if names, _ := filepath.Glob(filepath.Join(killed, "data", "*")); len(names) != len(d.Shards()) {
			t.Errorf("kill %d leaves the files %q", n, names)
		}
		switch got := rowsOf(t, killed); {
		case slices.Equal(got, now):
			reached++
			mustEnd(t, small(killed, arguments...), 3)
			check(t, os.RemoveAll(killed))
			check(t, os.CopyFS(killed, os.DirFS(before)))
		case !slices.Equal(got, old):
			t.Fatalf("kill %d, %s after %q, leaves neither the old nor the new dataset: %q", n, pause, phase, got)
		}
	}
	t.Logf("seed %d: %d of 20 runs were killed, %d went on with staged rows, %d had reached the new dataset", seed, hits, resumed, reached)
	if hits < 15 || resumed < 5 || reached > 10 {
		t.Error("that is too little to show anything")
	}
	mustEnd(t, small(killed, arguments...), 3)
	sameDatasets(t, killed, whole)
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("%q are left", left)
	}
}

// killWhen kills the command some time after files match a pattern, or after its start if that is "". It reports false
// if the command ends before.
func killWhen(t *testing.T, command *exec.Cmd, pattern string, pause time.Duration) bool {
	t.Helper()
	check(t, command.Start())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = command.Wait() }() // its status is of no interest
	for pattern != "" {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			break
		}
		select {
		case <-ended:
			return false
		case <-time.After(100 * time.Microsecond):
		}
	}
	select {
	case <-ended:
		return false
	case <-time.After(pause):
	}
	return killed(t, command, ended)
}

// syncOnSmallDisk is onSmallDisk for a dataset that is there.
var syncOnSmallDisk = strings.NewReplacer(`head -c`, `cp -a "$BEFORE" "$DISK/out"; head -c`, `"$DISK/out" -type f | sed "s,$DISK/out/,,"`, `"$DISK" -type f`).Replace(onSmallDisk)

// A full disk leaves the old dataset as it was, and the next run goes on.
func TestSyncOnFullDisk(t *testing.T) {
	t.Parallel()
	photos, before := syncedTree(t, "--rows-per-file", "8")
	goesOnAfterFullDisk(t, before, "--sync", photos)
}

// goesOnAfterFullDisk runs a command that replaces the dataset before on a disk that is nearly full, and once more.
func goesOnAfterFullDisk(t *testing.T, before string, arguments ...string) {
	t.Helper()
	disk := t.TempDir()
	if output, err := exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk).CombinedOutput(); err != nil {
		t.Skipf("no small file system can be mounted here: %v: %s", err, output)
	}
	whole := filepath.Join(t.TempDir(), "whole")
	check(t, os.CopyFS(whole, os.DirFS(before)))
	mustEnd(t, small(whole, arguments...), 3)
	used := 0
	for _, content := range bytesOf(t, before) {
		used += len(content) + 4096
	}
	for _, room := range []int{used + 40_000, used + 150_000} {
		t.Run(fmt.Sprintf("%d bytes", room), func(t *testing.T) {
			work := t.TempDir()
			extract := small(filepath.Join(disk, "out"), arguments...)
			command := exec.Command("unshare", append([]string{"-rm", "sh", "-c", syncOnSmallDisk, "sh"}, extract.Args...)...)
			command.Env = append(os.Environ(), "DISK="+disk, "WORK="+work, "BEFORE="+before, fmt.Sprintf("BALLAST=%d", 1<<20-room))
			if output, err := command.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, output)
			}
			log, err := os.ReadFile(filepath.Join(work, "full.log"))
			check(t, err)
			files, err := os.ReadFile(filepath.Join(work, "full.files"))
			check(t, err)
			if !regexp.MustCompile(`no space left on device: free space on the disk of .* and run the same command;`).Match(log) || strings.Contains(string(files), ".fovea/tmp/") {
				t.Errorf("it says %s and leaves\n%s", log, files)
			}
			sameDatasets(t, filepath.Join(work, "full"), before)
			sameDatasets(t, filepath.Join(work, "resumed"), whole)
		})
	}
}

// A picture that may not be read any more becomes a failure as in a new dataset, and one that may again a row.
func TestSyncUnreadable(t *testing.T) {
	t.Parallel()
	photos, out := tinyPictures(t, 6, 0), filepath.Join(t.TempDir(), "out")
	mustEnd(t, small(out, photos), 0)
	shut := filepath.Join(photos, "0003.png")
	check(t, os.Chmod(shut, 0))
	mustEnd(t, obedient(t, small(out, "--sync", photos)), 3)
	if all := rowsOf(t, out); len(all) != 6 || !strings.HasPrefix(all[5], "failure 0003.png") || !strings.Contains(all[5], "permission denied") {
		t.Errorf("there are %q", all)
	}
	check(t, os.Chmod(shut, 0o644))
	mustEnd(t, obedient(t, small(out, "--sync", photos)), 0)
	if all := rowsOf(t, out); len(all) != 6 || strings.HasPrefix(all[5], "failure") {
		t.Errorf("there are %q", all)
	}
}

// In a directory whose parent cannot be written to, new rows are made in the dataset, and are gone in the end, also
// those of a run that was killed when it was done with them.
func TestSyncInside(t *testing.T) {
	t.Parallel()
	photos, parent := tinyPictures(t, 6, 0), filepath.Join(t.TempDir(), "shut")
	out, fresh := filepath.Join(parent, "out"), filepath.Join(t.TempDir(), "fresh")
	check(t, os.Mkdir(parent, 0o755))
	mustEnd(t, small(out, photos), 0)
	check(t, os.Chmod(parent, 0o555))
	t.Cleanup(func() { _ = os.Chmod(parent, 0o755) })
	moved, inside, staged := filepath.Join(photos, "moved.png"), filepath.Join(out, ".fovea", "sync"), filepath.Join(t.TempDir(), "staged")
	check(t, os.Rename(filepath.Join(photos, "0003.png"), moved))
	content, err := os.ReadFile(moved)
	check(t, err)
	check(t, os.WriteFile(filepath.Join(photos, "other.png"), append(content, 0), 0o644))
	mustEnd(t, small(staged, "--format", "arrow", photos), 0)
	for range 2 {
		mustEnd(t, obedient(t, small(out, "--sync", photos)), 0)
		if _, err := os.Lstat(inside); err == nil {
			t.Errorf("%s is left", inside)
		}
		check(t, os.CopyFS(inside, os.DirFS(staged))) // as if killed before it was deleted
	}
	mustEnd(t, obedient(t, small(out, "--sync", photos)), 0)
	mustEnd(t, small(fresh, photos), 0)
	if got, want := rowsOf(t, out), rowsOf(t, fresh); !slices.Equal(got, want) {
		t.Errorf("there are %q, want %q", got, want)
	}
	if _, err := os.Lstat(inside); err == nil {
		t.Errorf("%s is left by a run without anything to do", inside)
	}
}

// Rows that a killed run has staged are not taken over for images that are missing or cannot be read by now.
func TestSyncStagedUnreadable(t *testing.T) {
	t.Parallel()
	photos, parent := tinyPictures(t, 8, 0), t.TempDir()
	out, fresh := filepath.Join(parent, "out"), filepath.Join(t.TempDir(), "fresh")
	mustEnd(t, small(out, "--exclude", "000[4-7].png", photos), 0)
	mustEnd(t, small(filepath.Join(parent, ".out.sync"), photos), 0) // as if killed when all of them were extracted
	gone := filepath.Join(photos, "0005.png")
	check(t, os.Remove(gone))
	check(t, os.Symlink("nowhere", gone))
	check(t, os.Chmod(filepath.Join(photos, "0006.png"), 0))
	mustEnd(t, obedient(t, small(fresh, photos)), 3)
	mustEnd(t, obedient(t, small(out, "--sync", photos)), 3)
	got, want := rowsOf(t, out), rowsOf(t, fresh)
	if !slices.Equal(got, want) {
		t.Errorf("there are %q, want %q", got, want)
	}
	if len(got) != 8 || !strings.HasPrefix(got[6], "failure 0005.png") || !strings.HasPrefix(got[7], "failure 0006.png") {
		t.Errorf("there are %q", got)
	}
}
