package cmd_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"fovea/featurestore"
)

// The dataset that is killed: so many tiny pictures, every eleventh of them broken, in files
// of so many rows.
const (
	killPictures = 99
	killRows     = 2
	killBroken   = 11
	killFiles    = (killPictures - killPictures/killBroken + killRows - 1) / killRows
)

// smallModel is a network of 1,213 weights, which opens in a moment.
const smallModel = "../testdata/savedmodel/tf1-resource"

// tinyPictures writes n pictures of 1 to 40 pixels' width; those whose number is a multiple of
// broken (0: none) end in the middle.
func tinyPictures(t *testing.T, n, broken int) string {
	t.Helper()
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(7, 7))
	for i := range n {
		img := image.NewGray(image.Rect(0, 0, 1+i%40, 1+i%23))
		for p := range img.Pix {
			img.Pix[p] = uint8(random.Uint32())
		}
		var content bytes.Buffer
		check(t, png.Encode(&content, img))
		data := content.Bytes()
		if broken > 0 && i%broken == 0 {
			data = data[:len(data)/2]
		}
		check(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d.png", i)), data, 0o644))
	}
	return dir
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// small is extract with the small model into out.
func small(out string, arguments ...string) *exec.Cmd {
	common := []string{"--quiet", "--model", smallModel, "--preprocessing", "none", "--layers", "small/conv1/Conv2D", "--batch", "4", "--out", out}
	return exec.Command(filepath.Join(binaries, "extract"), append(common, arguments...)...)
}

// mustEnd runs a command to its end, with the status that is wanted.
func mustEnd(t *testing.T, command *exec.Cmd, want int) {
	t.Helper()
	output, err := command.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if got := command.ProcessState.ExitCode(); got != want {
		t.Fatalf("%s ends with status %d, want %d:\n%s", command, got, want, output)
	}
}

// The phases of a run in which it is killed.
const (
	startUp    = "start-up"    // from its start on
	writing    = "writing"     // from a file of rows on
	beginning  = "beginning"   // from the beginning of a file of rows on
	lastCommit = "last commit" // from the writing of the failures on, when all rows are there
)

// moment is a time at which a run is killed: so long after a phase has begun.
type moment struct {
	phase string
	files int // of rows, in writing: how many more than before the run
	pause time.Duration
}

// moments are twenty, with the last commit's at the end, since nothing is left to write then.
func moments(random *rand.Rand, run time.Duration) []moment {
	within := func(d time.Duration) time.Duration { return time.Duration(random.Int64N(int64(d))) }
	var all []moment
	for range 5 {
		all = append(all, moment{phase: startUp, pause: within(run / 2)})
	}
	for i := range 11 {
		phase := []string{writing, beginning}[i%2]
		all = append(all, moment{phase: phase, files: 1 + random.IntN(2), pause: within(4 * time.Millisecond)})
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for range 4 {
		all = append(all, moment{phase: lastCommit, pause: within(2 * time.Millisecond)})
	}
	return all
}

// filesOf are the names in a directory of the dataset, none if it is not there.
func filesOf(dir string) int {
	entries, _ := os.ReadDir(dir)
	return len(entries)
}

// killAt starts the command, waits for the moment and kills it. It is false if the command
// ended before.
func killAt(t *testing.T, command *exec.Cmd, out string, m moment) bool {
	t.Helper()
	before := filesOf(filepath.Join(out, "data"))
	began := time.Now()
	check(t, command.Start())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = command.Wait() }() // its status is of no interest
	for !m.hasCome(out, before, began) {
		select {
		case <-ended:
			return false
		case <-time.After(100 * time.Microsecond):
		}
		if time.Since(began) > 30*time.Second {
			t.Fatalf("%+v does not come", m)
		}
	}
	select {
	case <-ended:
		return false
	case <-time.After(m.pause):
	}
	return killed(t, command, ended)
}

// killed kills a command for which somebody else waits. It is false if the command ended by itself before, however
// little.
func killed(t *testing.T, command *exec.Cmd, ended <-chan struct{}) bool {
	t.Helper()
	if err := command.Process.Kill(); !errors.Is(err, os.ErrProcessDone) {
		check(t, err)
	}
	<-ended
	return !command.ProcessState.Exited()
}

// hasCome says whether the phase has begun, in a run that began at that time with so many files
// of rows.
func (m moment) hasCome(out string, before int, began time.Time) bool {
	isNew := func(pattern string) bool {
		names, _ := filepath.Glob(filepath.Join(out, pattern))
		return slices.ContainsFunc(names, func(name string) bool {
			info, err := os.Stat(name)
			return err == nil && info.ModTime().After(began)
		})
	}
	files := filesOf(filepath.Join(out, "data"))
	switch m.phase {
	case writing:
		return files >= before+m.files
	case beginning:
		return files >= before+m.files-1 && isNew(".fovea/tmp/part-*")
	case lastCommit:
		return files == killFiles && (isNew(".fovea/tmp/errors.jsonl*") || isNew(".fovea/errors.jsonl"))
	}
	return true
}

// The whole command, killed by SIGKILL at twenty random moments and resumed each time, makes in
// the end the same dataset as one that was left alone, byte for byte.
func TestExtractSurvivesTwentyKills(t *testing.T) {
	photos, whole, killed := tinyPictures(t, killPictures, killBroken), filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "killed")
	arguments := []string{"--resume", "--labels", "prefix", "--rows-per-file", fmt.Sprint(killRows), photos}
	began := time.Now()
	mustEnd(t, small(whole, arguments...), 3)

	const seed = 5
	random := rand.New(rand.NewPCG(seed, seed))
	hits := map[string]int{}
	for n, m := range moments(random, time.Since(began)) {
		hit := killAt(t, small(killed, arguments...), killed, m)
		state := stateOf(t, killed)
		t.Logf("seed %d, kill %2d: %s, %s: %s, killed %v", seed, n+1, m.phase, m.pause, state, hit)
		if hit {
			hits[m.phase]++
		}
	}
	if hits[startUp] < 4 || hits[writing] < 4 || hits[beginning] < 3 || hits[lastCommit] < 1 {
		t.Errorf("runs killed: %v, too few to show anything", hits)
	}
	mustEnd(t, small(killed, arguments...), 3)
	sameDatasets(t, killed, whole)
}

// stateOf opens what a killed run has left, all of which must be readable.
func stateOf(t *testing.T, dir string) string {
	t.Helper()
	d, err := featurestore.Open(dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, featurestore.ErrNotDataset) && filesOf(filepath.Join(dir, "data")) == 0 {
		return "no dataset yet"
	}
	check(t, err)
	if entries := filesOf(filepath.Join(dir, "data")); entries != len(d.Shards()) {
		t.Errorf("%d files in data/, %d of them files of rows", entries, len(d.Shards()))
	}
	failures := 0
	if _, err := os.Stat(filepath.Join(dir, featurestore.FailuresFile)); err == nil {
		all, err := d.Failures()
		check(t, err)
		failures = len(all)
	}
	return fmt.Sprintf("%d rows in %d files, %d failures", d.Rows(), len(d.Shards()), failures)
}

// sameDatasets compares two datasets byte for byte, but for the times in their manifests.
func sameDatasets(t *testing.T, got, want string) {
	t.Helper()
	check(t, featurestore.Verify(got))
	a, b := bytesOf(t, got), bytesOf(t, want)
	for name := range b {
		if !bytes.Equal(a[name], b[name]) {
			t.Errorf("%s differs: %d bytes, want %d", name, len(a[name]), len(b[name]))
		}
	}
	for name := range a {
		if _, wanted := b[name]; !wanted {
			t.Errorf("there is %s", name)
		}
	}
}

// bytesOf are the files of a dataset but those of what the pictures were read from, and the lock, whose file a killed
// writer leaves and which means nothing then; of the manifest, all but the times.
func bytesOf(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	check(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil || featurestore.IsSeen(filepath.ToSlash(name)) || name == filepath.Join(".fovea", "lock") {
			return err
		}
		files[name], err = os.ReadFile(path)
		return err
	}))
	var manifest map[string]any
	check(t, json.Unmarshal(files[featurestore.ManifestFile], &manifest))
	for _, member := range []string{"created", "finished", "checksum"} { // which is one of the times, too
		if _, found := manifest[member]; !found {
			t.Errorf("the manifest of %s has no %q", dir, member)
		}
		delete(manifest, member)
	}
	var err error
	files[featurestore.ManifestFile], err = json.Marshal(manifest)
	check(t, err)
	if names := slices.Sorted(maps.Keys(files)); !slices.Contains(names, featurestore.FailuresFile) || !slices.Contains(names, filepath.Join("data", "part-00000.parquet")) {
		t.Errorf("the files of %s are %v", dir, names)
	}
	return files
}
