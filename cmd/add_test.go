package cmd_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/featurestore"
)

// A run that adds columns, killed at twenty random moments and begun again each time, leaves the old dataset or the new
// one, and computes what an earlier run has computed no second time.
func TestAddSurvivesTwentyKills(t *testing.T) {
	photos, before := tinyPictures(t, 72, killBroken), filepath.Join(t.TempDir(), "before")
	mustEnd(t, small(before, "--rows-per-file", "4", photos), 3)
	survivesTwentyKills(t, before, "add", []string{"--add", "--pool", "avg", "--as", "pooled_", photos})
}

// Columns that are added are those that a dataset of their own has, bit by bit, although its rows have been moved since and
// new ones come first in the listing.
func TestAddedColumnsAreTheModelsOwn(t *testing.T) {
	t.Parallel()
	photos, dir := tinyPictures(t, 40, killBroken), t.TempDir()
	out, alone := filepath.Join(dir, "out"), filepath.Join(dir, "alone")
	mustEnd(t, small(out, "--rows-per-file", "7", photos), 3)
	for from, to := range map[string]string{"0031.png": "0000a.png", "0002.png": "z.png"} {
		check(t, os.Rename(filepath.Join(photos, from), filepath.Join(photos, to)))
	}
	content, err := os.ReadFile(filepath.Join(photos, "0007.png"))
	check(t, err)
	check(t, os.WriteFile(filepath.Join(photos, "0000b.png"), append(content, 1), 0o644))
	mustEnd(t, small(out, "--sync", photos), 3)
	archive := filepath.Join(dir, "photos.tar") // which can be read in its own order alone
	if output, err := exec.Command("sh", "-c", "cd "+photos+" && tar cf "+archive+" *").CombinedOutput(); err != nil {
		t.Fatalf("tar: %v: %s", err, output)
	}
	mustEnd(t, small(out, "--sync", archive), 3)
	mustEnd(t, small(out, "--add", "--pool", "avg", archive), 3)
	mustEnd(t, small(alone, "--pool", "avg", archive), 3)
	vectors := func(dir, column string) (all []string) {
		for _, row := range rowsOf(t, dir, column) {
			if !strings.HasPrefix(row, "failure") {
				all = append(all, row)
			}
		}
		return all
	}
	const layer = "small/conv1/Conv2D"
	d, err := featurestore.Open(out)
	check(t, err)
	if got := d.Recipe().LayerNames(); !slices.Equal(got, []string{layer, "tf1_resource_" + layer}) {
		t.Fatalf("the columns are %q", got)
	}
	if got, want := vectors(out, "tf1_resource_"+layer), vectors(alone, layer); !slices.Equal(got, want) {
		t.Errorf("the vectors are not those of a dataset of their own:\n%q\n%q", got, want)
	}
}

// A full disk leaves the dataset as it was, and the next run goes on.
func TestAddOnFullDisk(t *testing.T) {
	t.Parallel()
	photos, before := tinyPictures(t, 40, killBroken), filepath.Join(t.TempDir(), "before")
	mustEnd(t, small(before, "--rows-per-file", "8", photos), 3)
	goesOnAfterFullDisk(t, before, "--add", "--background", "white", "--as", "white_", photos)
}
