package finetuning

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestFileOf(t *testing.T) {
	for path, want := range map[string]string{
		"a/x.dcm#3": "a/x.dcm", "scene.tif#224,448": "scene.tif", "x.zip/y.gif#12": "x.zip/y.gif",
		"a.jpg": "", "C#1/a.jpg": "", "a#b": "", "a#": "", "a#1,": "", "a#1,2,3": "", "a#-1": "", "": "",
	} {
		file, isPart := fileOf(path)
		if isPart != (want != "") || isPart && file != want {
			t.Errorf("%q is of %q (%v), want %q", path, file, isPart, want)
		}
	}
}

// Frames of a file are one group, and so are those of files that share a near duplicate; no split separates them.
func TestGroupKeepsFramesTogether(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var f Features
	const files, frames, width = 30, 4, 16
	for file := range files {
		for frame := range frames {
			path := fmt.Sprintf("scan%d.dcm#%d", file, frame+1)
			if file%3 == 2 {
				path = fmt.Sprintf("slide%d.tif#%d,0", file, 224*frame)
			}
			f.Paths = append(f.Paths, path)
			f.Labels = append(f.Labels, []string{"a", "b"}[file%2])
			f.Hashes = append(f.Hashes, path)
			for range width {
				f.X.Data = append(f.X.Data, float32(random.NormFloat64()))
			}
		}
	}
	f.X.Rows, f.X.Cols = files*frames, width
	f.Hashes[0], f.Hashes[5] = "same", "same" // of two files
	for _, near := range []float64{0, UsualNear} {
		o := TrainOptions{NearDuplicates: near}
		d, err := o.Group(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		distinct := map[string]bool{}
		for row, group := range d.Groups {
			distinct[group] = true
			if first := row / frames * frames; d.Groups[first] != group {
				t.Errorf("rows %d and %d of one file are in different groups", first, row)
			}
		}
		if len(distinct) != files-1 || d.Groups[0] != d.Groups[frames] {
			t.Errorf("%d groups, want %d", len(distinct), files-1)
		}
		if !slices.Contains(d.Groups, "0") {
			t.Error("the first group is not named after its first row")
		}
	}
	mixed := together([]string{"0", "1", "2", "1"}, []string{"a.jpg", "b.gif#1", "b.gif#2", "c.jpg"})
	if want := []string{"0", "1", "1", "1"}; !slices.Equal(mixed, want) {
		t.Errorf("groups %v, want %v", mixed, want)
	}
}
