package cmd_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fovea/featurestore"
)

// A dataset whose labels are being changed, killed by SIGKILL at twenty random moments, has the old labels or the new
// ones, never some of each, and in the end those of an extraction with the new ones, byte for byte.
func TestRelabelSurvivesTwentyKills(t *testing.T) {
	photos, work := tinyPictures(t, killPictures, killBroken), t.TempDir()
	at := func(name string) string { return filepath.Join(work, name) }
	for i := range 2 {
		table := "path,label,split\n"
		for n := range killPictures {
			table += fmt.Sprintf("%04d.png,%s,of table %d\n", n, strings.Repeat("label", 1+n%2+2*i), i)
		}
		check(t, os.WriteFile(at(fmt.Sprintf("%d.csv", i)), []byte(table), 0o644))
		mustEnd(t, small(at(fmt.Sprint(i)), "--labels", "csv:"+at(fmt.Sprintf("%d.csv", i)), "--rows-per-file", fmt.Sprint(killRows), photos), 3)
	}
	mustEnd(t, exec.Command("cp", "-r", at("0"), at("killed")), 0)
	relabel := func(table int) *exec.Cmd {
		return exec.Command(filepath.Join(binaries, "extract"), "dataset", "relabel", "--quiet", "--labels", "csv:"+at(fmt.Sprintf("%d.csv", table)), at("killed"))
	}
	began := time.Now()
	mustEnd(t, relabel(1), 0)
	took := time.Since(began)

	const seed = 9
	random, now, killed, done := rand.New(rand.NewPCG(seed, seed)), 1, 0, 0
	for range 20 {
		command := relabel(1 - now)
		check(t, command.Start())
		time.Sleep(time.Duration(random.Int64N(int64(took))))
		_ = command.Process.Kill() // it may have ended
		_ = command.Wait()
		if !command.ProcessState.Exited() {
			killed++
		}
		if table := tableOf(t, at("killed")); table != now {
			now = table
			done++
		}
	}
	t.Logf("%d of 20 were killed, %d have changed the labels, in %s each", killed, done, took)
	if killed < 5 {
		t.Errorf("%d of 20 were killed, too few to show anything", killed)
	}
	for _, table := range []int{0, 1} {
		mustEnd(t, relabel(table), 0)
		sameDatasets(t, at("killed"), at(fmt.Sprint(table)))
	}
	if entries, err := os.ReadDir(work); err != nil || len(entries) != 5 {
		t.Errorf("there is more than the datasets and tables: %v, %v", entries, err)
	}
}

// tableOf is the number of the table that all labels and splits of a dataset are from.
func tableOf(t *testing.T, dir string) int {
	t.Helper()
	d, err := featurestore.Open(dir)
	check(t, err)
	index, err := d.Index(context.Background())
	check(t, err)
	failures, err := d.Failures()
	check(t, err)
	splits := index.Splits
	for _, f := range failures {
		splits = append(splits, f.Split)
	}
	for _, split := range splits {
		if split != splits[0] {
			t.Fatalf("there are rows with the split %q and with %q", splits[0], split)
		}
	}
	if len(splits) != killPictures {
		t.Fatalf("there are %d images, want %d", len(splits), killPictures)
	}
	var table int
	_, err = fmt.Sscanf(splits[0], "of table %d", &table)
	check(t, err)
	return table
}
