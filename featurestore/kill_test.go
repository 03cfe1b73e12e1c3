package featurestore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const (
	killVariable = "FOVEA_TEST_WRITE_INTO"
	killedItems  = 60 * testShard
)

// writeItems writes, or goes on to write, a dataset item by item, every eleventh a failure,
// and says a line before each.
func writeItems(t *testing.T, dir string, pause time.Duration) {
	options := testOptions(FormatParquet)
	options.Resume = true
	w, err := Create(dir, testInfo(Float32), options)
	must(t, err)
	done := w.Done()
	rows, failures := seenRows(0, killedItems), seenFailures(0, killedItems)
	for i := range killedItems {
		fmt.Println("item", i)
		switch {
		case i%11 == 0 && !done[failures[i].Path]:
			must(t, w.AppendFailure(failures[i]))
		case i%11 != 0 && !done[rows[i].Path]:
			must(t, w.Append(rows[i]))
		default:
			continue
		}
		time.Sleep(pause)
	}
	must(t, w.Close(StatusComplete))
}

// Killed at twenty random moments by SIGKILL and resumed each time, a dataset is in the end
// byte for byte that of an uninterrupted run.
func TestResumeAfterTwentyKills(t *testing.T) {
	if dir := os.Getenv(killVariable); dir != "" {
		writeItems(t, dir, time.Millisecond)
		return
	}
	notShort(t, "kills processes")
	const kills = 20
	whole, dir := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "killed")
	writeItems(t, whole, 0)
	random := rand.New(rand.NewPCG(1, 2))
	done := 0 // items that the next run will pass over
	for n := range kills {
		command := exec.Command(os.Args[0], "-test.run=^TestResumeAfterTwentyKills$")
		command.Env = append(os.Environ(), killVariable+"="+dir)
		output, err := command.StdoutPipe()
		must(t, err)
		must(t, command.Start())
		lines := bufio.NewScanner(output)
		for range done + 1 + random.IntN(3*testShard) {
			if !lines.Scan() {
				t.Fatalf("after %d kills it ends by itself", n)
			}
		}
		time.Sleep(time.Duration(random.IntN(3000)) * time.Microsecond)
		must(t, command.Process.Kill())
		if err := command.Wait(); err == nil {
			t.Fatalf("it was done after %d kills", n)
		}
		d, err := Open(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue // killed before there was anything
		}
		must(t, err)
		if d.Rows()%testShard != 0 {
			t.Errorf("after %d kills there are %d rows, which are no whole shards", n+1, d.Rows())
		}
		done = d.Rows()
		checkSeen(t, d)
	}
	d, err := Open(dir)
	must(t, err)
	if d.Rows() == 0 {
		t.Error("no shard outlived a kill: the test shows nothing")
	}
	t.Logf("%d of %d rows were there after %d kills", d.Rows(), killedItems*10/11, kills)
	writeItems(t, dir, 0)
	must(t, Verify(dir))
	got, want := contents(t, dir), contents(t, whole)
	for _, files := range []map[string]string{got, want} { // lost when it is killed between this and the list
		delete(files, seenFile(FailuresFile))
	}
	sameContents(t, got, want)
}

// checkSeen compares what a killed writer's dataset knows of its rows with what is true.
func checkSeen(t *testing.T, d *Dataset) {
	t.Helper()
	want := map[string][seenSize]byte{}
	for _, r := range seenRows(0, killedItems) {
		want[r.Path] = r.Seen
	}
	seen, err := d.seen()
	must(t, err)
	index, err := d.Index(context.Background())
	must(t, err)
	for i, path := range index.Paths {
		if seen[i] != want[path] && seen[i] != [seenSize]byte{} {
			t.Errorf("%q is known as %q, want %q", path, seen[i], want[path])
		}
	}
}
