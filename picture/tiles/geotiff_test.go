package tiles

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"fovea/picture"
	"fovea/picture/internal/picturetest"
)

// Files and tiles lie where rasterio says; make_geotiff.py made both.
func TestGeoreferences(t *testing.T) {
	files := picturetest.Files(t, "../../testdata/picture/geotiff.tar.gz")
	golden, err := os.ReadFile("../../testdata/picture/geotiff.txt")
	if err != nil {
		t.Fatal(err)
	}
	tiles, without := 0, 0
	for line := range strings.Lines(string(golden)) {
		var name, crs string
		var level, x, y, size int
		var bounds [4]string
		if _, err := fmt.Sscan(line, &name, &level, &x, &y, &size, &crs, &bounds[0], &bounds[1], &bounds[2], &bounds[3]); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		data := files[name]
		var got *picture.Georeference
		if size == 0 {
			facts, err := picture.FactsOf(data, picture.WantedFacts{Georeference: true})
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			got = facts.Georeference
		} else {
			tiles++
			c, err := Open(context.Background(), bytes.NewReader(data), int64(len(data)), Spec{Size: size, Level: level}, picture.SceneOptions{})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got, err = c.Georeference(image.Pt(x, y)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if bounds[0] == "-" {
			if without++; got != nil {
				t.Errorf("%s lies at %+v, rasterio knows of nothing", line, *got)
			}
			continue
		}
		if got == nil || got.CRS != strings.TrimPrefix(crs, "-") {
			t.Errorf("%s: %+v", line, got)
			continue
		}
		for i, have := range []float64{got.XMin, got.YMin, got.XMax, got.YMax} {
			want, err := strconv.ParseFloat(bounds[i], 64)
			if err != nil || math.Abs(have-want) > 1e-9*max(1, math.Abs(want)) {
				t.Errorf("%s: bound %d is %v (%v)", strings.TrimSpace(line), i, have, err)
			}
		}
	}
	if tiles < 80 || without < 4 {
		t.Errorf("%d tiles and %d files without a place: that is not all", tiles, without)
	}
}
