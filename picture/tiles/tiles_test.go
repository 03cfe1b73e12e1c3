package tiles_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/picture"
	"fovea/picture/tiles"
)

const scenes = "../../testdata/picture/tiles"

func open(t *testing.T, data []byte, spec string, o picture.SceneOptions) (*tiles.Cutter, error) {
	t.Helper()
	s, err := tiles.Parse(spec)
	if err != nil {
		t.Fatal(err)
	}
	return tiles.Open(t.Context(), bytes.NewReader(data), int64(len(data)), s, o)
}

// pixels are what a tile's bytes hold.
func pixels(t *testing.T, data []byte) (picture.Raster, string) {
	t.Helper()
	r, err := picture.DecodeRaster(data, 0)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(r.Pix)
	return r, hex.EncodeToString(sum[:16])
}

// The tiles of all scenes have the pixels that make_tiles.py has computed from GDAL's samples, at the same places.
func TestTilesOfScenes(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(scenes, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		File, Tile, Bands, Range string
		Tiles                    map[string]string
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, c := range cases {
		t.Run(fmt.Sprintf("%s %s %s %s", c.File, c.Tile, c.Bands, c.Range), func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(scenes, c.File))
			if err != nil {
				t.Fatal(err)
			}
			cutter, err := open(t, data, c.Tile, picture.SceneOptions{Bands: picture.Bands(c.Bands), Range: picture.Range(c.Range)})
			if err != nil {
				t.Fatal(err)
			}
			places, _, err := cutter.Places()
			if err != nil || len(places) != len(c.Tiles) {
				t.Fatalf("%d tiles, not %d, %v", len(places), len(c.Tiles), err)
			}
			for _, p := range places {
				tile, err := cutter.Tile(p)
				if err != nil {
					t.Fatal(err)
				}
				r, sum := picture.Raster{}, ""
				if c.Bands == "" {
					r, sum = pixels(t, tile)
				} else {
					r, sum = chosen(t, tile, picture.Bands(c.Bands))
				}
				if want := c.Tiles[fmt.Sprintf("%d,%d", p.X, p.Y)]; sum != want {
					t.Fatalf("the tile at %v, of %d channels, has other pixels than GDAL's: %s, not %s", p, r.Channels, sum, want)
				}
				compared++
			}
		})
	}
	if compared < 300 {
		t.Errorf("%d tiles are compared", compared)
	}
}

// chosen is pixels of a tile of some bands, as a recipe with these bands decodes it; other bands are refused.
func chosen(t *testing.T, tile []byte, bands picture.Bands) (picture.Raster, string) {
	t.Helper()
	whole := picture.Options{Width: 8, Height: 8, Bands: bands}
	if _, err := picture.Decode(tile, whole); err != nil {
		t.Error(err)
	}
	whole.Bands = "1,1,1"
	if _, err := picture.Decode(tile, whole); err == nil {
		t.Error("bands of bands are taken")
	}
	header, rest, _ := bytes.Cut(tile, []byte("\n"))
	plain := strings.Replace(string(header), fmt.Sprintf(`"bands":%q,`, bands), "", 1)
	plain = strings.Replace(plain, fmt.Sprintf(`,"bands":%q`, bands), "", 1)
	return pixels(t, slices.Concat([]byte(plain), []byte("\n"), rest))
}

// A whole image in the range of its bands has the pixels of a tile that covers it.
func TestBandsOfWholeImages(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(scenes, "ten.tif"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []picture.Range{"", "minmax", "percentile:2,98", "0..4095"} {
		whole, err := picture.Decode(data, picture.Options{Width: 150, Height: 130, Bands: "4,3,2", Range: r})
		if err != nil {
			t.Fatal(err)
		}
		cutter, err := open(t, data, "130", picture.SceneOptions{Bands: "4,3,2", Range: r})
		if err != nil {
			t.Fatal(err)
		}
		tile, err := cutter.Tile(image.Pt(20, 0))
		if err != nil {
			t.Fatal(err)
		}
		got, err := picture.Decode(tile, picture.Options{Width: 130, Height: 130, Bands: "4,3,2", Range: r})
		if err != nil {
			t.Fatal(err)
		}
		for y := range 130 {
			if !bytes.Equal(got.Pix[3*130*y:3*130*(y+1)], whole.Pix[3*(150*y+20):3*150*(y+1)]) {
				t.Fatalf("range %q: row %d differs", r, y)
			}
		}
	}
}

// Images of other formats are cut, too, and their tiles turned as they are.
func TestTilesOfPictures(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 50, 30))
	for i := range m.Pix {
		m.Pix[i] = uint8(i*7) | 3
	}
	var file bytes.Buffer
	if err := png.Encode(&file, m); err != nil {
		t.Fatal(err)
	}
	cutter, err := open(t, file.Bytes(), "20:15", picture.SceneOptions{Bands: "3,1,2"})
	if err != nil {
		t.Fatal(err)
	}
	places, _, err := cutter.Places()
	if want := "[(0,0) (15,0) (30,0) (0,10) (15,10) (30,10)]"; err != nil || fmt.Sprint(places) != want {
		t.Fatalf("%v, %v", places, err)
	}
	for _, p := range places {
		tile, err := cutter.Tile(p)
		if err != nil {
			t.Fatal(err)
		}
		r, _ := chosen(t, tile, "3,1,2")
		for y := range 20 {
			for x := range 20 {
				c, got := m.NRGBAAt(p.X+x, p.Y+y), r.Pix[4*(20*y+x):]
				if want := (color.NRGBA{c.B, c.R, c.G, c.A}); want != (color.NRGBA{got[0], got[1], got[2], got[3]}) {
					t.Fatalf("at %v: %v, not %v", p, got[:4], want)
				}
			}
		}
	}
	if _, err := open(t, file.Bytes(), "20@1", picture.SceneOptions{}); err == nil || !strings.Contains(err.Error(), "no level 1") {
		t.Errorf("a level of a PNG: %v", err)
	}
}

// What a scene has not is refused with what it has.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		file, tile string
		options    picture.SceneOptions
		want       string
	}{
		{"ten.tif", "64", picture.SceneOptions{Bands: "11"}, "it has 10 bands, no band 11"},
		{"classes.tif", "64", picture.SceneOptions{Bands: "4"}, "it has 3 bands, no band 4"},
		{"pyramid.tif", "64@3", picture.SceneOptions{}, "it has no level 3, but 0 of 260x200 pixels, 1 of 130x100 pixels, 2 of 65x50 pixels"},
		{"slide.svs", "64@2", picture.SceneOptions{}, "it has no level 2, but 0 of 256x192 pixels, 1 of 64x48 pixels"},
		{"five.tif", "64", picture.SceneOptions{Bands: "1,2"}, "unknown bands"},
	} {
		data, err := os.ReadFile(filepath.Join(scenes, c.file))
		if err != nil {
			t.Fatal(err)
		}
		cutter, err := open(t, data, c.tile, c.options)
		if err == nil {
			_, err = cutter.Tile(image.Point{})
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, not %q", c.file, err, c.want)
		}
	}
}

func TestSkipEmpty(t *testing.T) {
	m := image.NewGray(image.Rect(0, 0, 40, 20))
	for i := range m.Pix {
		m.Pix[i] = 244
	}
	for i := range 5 { // of 400, more than a hundredth
		m.SetGray(20+i, 3, color.Gray{100})
	}
	for i := range 4 {
		m.SetGray(i, 3, color.Gray{100})
	}
	var file bytes.Buffer
	if err := png.Encode(&file, m); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"png": "[(20,0)] 1", "sparse.tif": "[(32,64) (64,64)] 18"} {
		data, o := file.Bytes(), tiles.Spec{Size: 20, Stride: 20, SkipEmpty: true}
		if name != "png" {
			var err error
			if data, err = os.ReadFile(filepath.Join(scenes, name)); err != nil {
				t.Fatal(err)
			}
			o.Size, o.Stride = 32, 32
		}
		cutter, err := tiles.Open(context.Background(), bytes.NewReader(data), int64(len(data)), o, picture.SceneOptions{})
		if err != nil {
			t.Fatal(err)
		}
		places, empty, err := cutter.Places()
		if got := fmt.Sprint(places, " ", empty); err != nil || got != strings.Replace(want, "] ", "] ", 1) {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

func TestGrid(t *testing.T) {
	for _, c := range []struct {
		spec          string
		width, height int
		want          string
	}{
		{"10", 30, 10, "[(0,0) (10,0) (20,0)]"},
		{"10", 31, 10, "[(0,0) (10,0) (20,0) (21,0)]"},
		{"10", 9, 3, "[(0,0)]"},
		{"10:5", 20, 11, "[(0,0) (5,0) (10,0) (0,1) (5,1) (10,1)]"},
		{"10:30", 45, 10, "[(0,0) (30,0) (35,0)]"},
		{"10:30", 35, 10, "[(0,0) (25,0)]"},
	} {
		s, err := tiles.Parse(c.spec)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Grid(c.width, c.height); err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("%s of %dx%d: %v, %v", c.spec, c.width, c.height, got, err)
		}
	}
	s, _ := tiles.Parse("1")
	if _, err := s.Grid(1<<15, 1<<15); err == nil {
		t.Error("a thousand million tiles are listed")
	}
}

// FuzzSpec: what is read is written in one form, and its grid covers each image.
func FuzzSpec(f *testing.F) {
	for _, s := range []string{"", "224", "224:112", "224:224@3", "8192:1048576@63", "-1", "1:2:3", "٣"} {
		f.Add(s, 300, 200)
	}
	f.Fuzz(func(t *testing.T, text string, width, height int) {
		s, err := tiles.Parse(text)
		if err != nil || s.Whole() {
			return
		}
		again, err := tiles.Parse(s.String())
		if err != nil || again != s || s.Validate() != nil {
			t.Fatalf("%q is %v, and that %v, %v", text, s, again, err)
		}
		width, height = 1+max(width, -width, 0)%5000, 1+max(height, -height, 0)%5000
		places, err := s.Grid(width, height)
		if err != nil {
			return
		}
		last := places[len(places)-1]
		if last.X+s.Size < width || last.Y+s.Size < height || last.X < 0 || last.Y < 0 {
			t.Fatalf("%q of %dx%d ends at %v", text, width, height, last)
		}
		if s.Size <= width && last.X+s.Size > width || s.Size <= height && last.Y+s.Size > height {
			t.Fatalf("%q of %dx%d: a tile at %v is over the edge", text, width, height, last)
		}
		seen := map[image.Point]bool{}
		for _, p := range places {
			if seen[p] {
				t.Fatalf("%q: %v twice", text, p)
			}
			seen[p] = true
		}
	})
}

// FuzzTile: whatever is in a file, its tiles are images or errors about it, in bounded memory.
func FuzzTile(f *testing.F) {
	names, err := filepath.Glob(filepath.Join(scenes, "*.[ts]*"))
	if err != nil || len(names) < 8 {
		f.Fatal(names, err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, "3,2,1", "", 1)
		f.Add(data, "", "percentile:1,99", 0)
	}
	f.Fuzz(func(t *testing.T, data []byte, bands, ranged string, level int) {
		s := tiles.Spec{Size: 40, Stride: 30, Level: level}
		cutter, err := tiles.Open(t.Context(), bytes.NewReader(data), int64(len(data)), s, picture.SceneOptions{
			Bands: picture.Bands(bands), Range: picture.Range(ranged), MaxPixels: 1 << 20,
		})
		if err != nil {
			return
		}
		places, _, err := cutter.Places()
		if err != nil {
			return
		}
		for _, p := range places[:min(20, len(places))] {
			tile, err := cutter.Tile(p)
			if err != nil {
				return
			}
			if _, err := picture.DecodeRaster(tile, 0); err != nil && bands == "" {
				t.Fatal(err)
			}
		}
	})
}
