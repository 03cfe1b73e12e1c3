package explorer

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"image"
	_ "image/gif"
	_ "image/jpeg"
	_ "image/png"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "golang.org/x/image/bmp"
	_ "golang.org/x/image/webp"

	"fovea/extraction"
	"fovea/featurestore"
	"fovea/finetuning"
	"fovea/head"
	"fovea/picture/frames"
	"fovea/picture/tiles"
	"fovea/preprocessing"
	"fovea/serving"
)

// smallModel is a network of 1,213 weights, which opens in a moment; smallLayer is a layer of it with 4 channels.
const (
	smallModel = "../../testdata/savedmodel/tf1-resource"
	smallLayer = "small/conv1/Conv2D"
)

// extract makes a dataset of images.
func extract(t *testing.T, out, images string, change func(*extraction.Options)) {
	t.Helper()
	o := extraction.Options{
		Features: extraction.Features{Model: smallModel, Layers: []string{smallLayer}, Pool: "avg", Preprocessing: preprocessing.None},
		Images:   []string{images}, Out: out,
	}
	if change != nil {
		change(&o)
	}
	done, err := extraction.Run(context.Background(), o)
	must(t, err)
	if done.Failures > 0 || done.Rows == 0 {
		t.Fatalf("extracted %+v", done)
	}
}

// copyTo copies a file of testdata.
func copyTo(t *testing.T, to, from string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../testdata", from))
	must(t, err)
	must(t, os.MkdirAll(filepath.Dir(to), 0o755))
	must(t, os.WriteFile(to, data, 0o644))
	return data
}

// imagesOfAllKinds makes a directory with files, archives and an animation.
func imagesOfAllKinds(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "images")
	photo := copyTo(t, filepath.Join(dir, "cat", "a.jpg"), "photos/cat.2.jpg")
	copyTo(t, filepath.Join(dir, "cat", "turned.jpg"), "picture/exif-6.jpg")
	copyTo(t, filepath.Join(dir, "cat", "turned.tiff"), "picture/exif-6.tiff")
	copyTo(t, filepath.Join(dir, "dog", "a#2.png"), "photos/cat.1.png")
	copyTo(t, filepath.Join(dir, "dog", "b.bmp"), "picture/bmp-palette.bmp")
	copyTo(t, filepath.Join(dir, "moves.gif"), "picture/gif-animated.gif")
	other, err := os.ReadFile("../../testdata/photos/dog.1.jpg")
	must(t, err)
	var packed, zipped bytes.Buffer
	tars, zips := tar.NewWriter(&packed), zip.NewWriter(&zipped)
	for _, m := range []struct {
		name string
		data []byte
	}{{"x/one.jpg", photo}, {"x/two.jpg", other}, {"x/one.jpg", other}} {
		must(t, tars.WriteHeader(&tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(m.data)), Typeflag: tar.TypeReg}))
		_, err := tars.Write(m.data)
		must(t, err)
		w, err := zips.Create(m.name)
		must(t, err)
		_, err = w.Write(m.data)
		must(t, err)
	}
	must(t, tars.Close())
	must(t, zips.Close())
	must(t, os.WriteFile(filepath.Join(dir, "shard.tar"), packed.Bytes(), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "dog", "shard.zip"), zipped.Bytes(), 0o644))
	return dir
}

// The image of each row is shown, wherever it lies: as it is, or as a JPEG of its size where browsers do not show it.
func TestImagesOfRows(t *testing.T) {
	images := imagesOfAllKinds(t)
	dir := filepath.Join(t.TempDir(), "features")
	extract(t, dir, images, func(o *extraction.Options) {
		var err error
		o.Frames, err = frames.ParseSelection("all")
		must(t, err)
	})
	r := start(t, Options{Dir: dir, Images: images})
	rows := r.shown.Load()
	s := object[seen](r, "/api/dataset")
	if !s.Images || len(s.Notes) != 0 || rows.rows() < 13 {
		t.Fatalf("%d rows: %+v", rows.rows(), s)
	}
	for i := rows.rows() - 1; i >= 0; i-- { // against the order of the archives
		path := rows.paths[i]
		status, header, body := r.ask(http.MethodGet, "/images/"+itoa(i)+"?version="+s.Version, "", nil)
		if status != http.StatusOK {
			t.Errorf("%s: %d: %s", path, status, body)
			continue
		}
		shown, kind, err := image.DecodeConfig(bytes.NewReader(body))
		must(t, err)
		width, height := int(rows.widths[i]), int(rows.heights[i])
		if converted := path == "cat/turned.tiff" || strings.HasPrefix(path, "moves.gif#"); converted { // to a JPEG that is upright
			if path == "cat/turned.tiff" {
				width, height = height, width
			}
			if kind != "jpeg" {
				t.Errorf("%s is shown as %s", path, kind)
			}
		} else if !strings.EqualFold(sumOf(body), rows.sha256[i]) {
			t.Errorf("%s: other bytes than its own", path)
		}
		if shown.Width != width || shown.Height != height || header.Get("Content-Type") != "image/"+kind || !strings.Contains(header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %dx%d, %v", path, shown.Width, shown.Height, header)
		}
		thumb, kind, err := image.DecodeConfig(bytes.NewReader(r.get("/thumbs/" + itoa(i) + "?size=64")))
		must(t, err)
		if thumb.Width != 64 || thumb.Height != 64 || kind != "jpeg" {
			t.Errorf("%s: the thumbnail is %+v, %s", path, thumb, kind)
		}
	}
	for i, path := range rows.paths { // in that order, in which archives stay open from one request to the next
		if status, _, body := r.ask(http.MethodGet, "/images/"+itoa(i), "", nil); status != http.StatusOK {
			t.Errorf("in order, %s: %d: %s", path, status, body)
		}
	}
	_, header, _ := r.ask(http.MethodGet, "/thumbs/0", "", nil)
	request, err := http.NewRequest(http.MethodGet, r.base+"/thumbs/0?token="+r.token, nil)
	must(t, err)
	request.Header.Set("If-None-Match", header.Get("ETag"))
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	if must(t, response.Body.Close()); response.StatusCode != http.StatusNotModified {
		t.Errorf("a thumbnail that the browser has: %s", response.Status)
	}
}

// The tiles of a scene are its rows' images.
func TestImagesOfTiles(t *testing.T) {
	images := filepath.Join(t.TempDir(), "images")
	copyTo(t, filepath.Join(images, "scene.jpg"), "photos/dog.2.jpg")
	dir := filepath.Join(t.TempDir(), "features")
	extract(t, dir, images, func(o *extraction.Options) {
		var err error
		o.Tiles, err = tiles.Parse("100")
		must(t, err)
	})
	r := start(t, Options{Dir: dir, Images: images})
	rows := r.shown.Load()
	for i := range rows.rows() {
		tile, _, err := image.DecodeConfig(bytes.NewReader(r.get("/images/" + itoa(i))))
		must(t, err)
		if tile.Width != 100 || tile.Height != 100 || !strings.HasPrefix(rows.paths[i], "scene.jpg#") {
			t.Errorf("%s is shown as %+v", rows.paths[i], tile)
		}
	}
}

// What is no row's image is not shown, though a row of a foreign dataset names it; nor is a file that has changed.
func TestNoOtherFiles(t *testing.T) {
	parent := t.TempDir()
	images := filepath.Join(parent, "images")
	secret := copyTo(t, filepath.Join(parent, "secret.jpg"), "photos/cat.2.jpg")
	photo := copyTo(t, filepath.Join(images, "changed.jpg"), "photos/dog.1.jpg")
	broken := append([]byte{}, photo[:len(photo)/3]...)
	must(t, os.WriteFile(filepath.Join(images, "broken.jpg"), broken, 0o644))
	paths := []string{"../secret.jpg", filepath.Join(parent, "secret.jpg"), "x/../../secret.jpg", "changed.jpg", "gone.jpg", "broken.jpg", "", ".", "changed.jpg/within"}
	want := []int{404, 404, 404, 404, 404, 422, 404, 404, 404}
	dir := filepath.Join(parent, "features")
	makeRows(t, dir, len(paths), 4, func(i int, r *featurestore.Row) {
		if r.Path = paths[i]; i < 3 {
			r.SHA256 = sumOf(secret)
		} else if paths[i] == "broken.jpg" {
			r.SHA256 = sumOf(broken)
		}
		if r.Path == "" {
			r.Path = "./"
		}
	})
	r := start(t, Options{Dir: dir, Images: images})
	for i, path := range paths {
		for _, address := range []string{"/images/", "/thumbs/"} {
			status, _, body := r.ask(http.MethodGet, address+itoa(i), "", nil)
			var said struct{ Error string }
			err := json.Unmarshal(body, &said)
			if broken := path == "broken.jpg" && address == "/images/"; broken {
				continue // browsers show the beginning
			}
			if status != want[i] || err != nil || said.Error == "" {
				t.Errorf("%s%q: %d: %.200s", address, path, status, body)
			}
		}
	}
	if _, err := New(context.Background(), Options{Dir: dir, Images: filepath.Join(parent, "typo")}); err == nil || !strings.Contains(err.Error(), "typo") {
		t.Errorf("a directory of images that is not there: %v", err)
	}
	elsewhere := t.TempDir()
	nowhere := start(t, Options{Dir: dir, Images: elsewhere})
	if s := object[seen](nowhere, "/api/dataset"); s.Images || len(s.Notes) != 1 || !strings.Contains(s.Notes[0], "9 of 9 images") {
		t.Errorf("without any image: %+v", s)
	}
	must(t, os.CopyFS(filepath.Join(elsewhere), os.DirFS(images)))
	if s := object[seen](nowhere, "/api/dataset"); !s.Images {
		t.Errorf("once there are images: %+v", s)
	}
}

// A photo that is dropped lies where its copy among the rows does, and the head says of it what it says of that row.
func TestPlace(t *testing.T) {
	images := imagesOfAllKinds(t)
	dir := filepath.Join(t.TempDir(), "features")
	extract(t, dir, images, nil)
	d, err := featurestore.Open(dir)
	must(t, err)
	h := &head.Head{
		Classes: []string{"cat", "horse"}, Recipe: d.Recipe(), Layers: d.Recipe().Layers, Weights: [][]float32{{1, 2, 0, 0}, {0, 0, 1, 3}}, Biases: []float32{0, 1},
		Standardization: head.Standardization{Mean: []float32{10, 10, 10, 10}, Scale: []float32{0.01, 0.01, 0.01, 0.01}},
	}
	file := filepath.Join(t.TempDir(), "test.head")
	must(t, h.Save(file))
	var predicted [][]float64
	must(t, finetuning.Predict(context.Background(), finetuning.PredictOptions{Head: h, Source: finetuning.Source{Dir: dir}, Row: func(_ string, p []float64, _ *float64) error {
		predicted = append(predicted, p)
		return nil
	}}))
	r := start(t, Options{Dir: dir, Images: images, Head: file, Model: serving.Options{Models: []string{smallModel}}})
	s := r.waitFor("predictions", func(s seen) bool { return slices.Contains(s.Columns, columnConfidence) && s.Map.PCA == stateReady })
	points := floats(t, r.get("/api/map/pca"))
	rows := object[[]shownRow](r, "/api/rows?rows=0,1")
	for i := range 2 {
		status, _, body := r.ask(http.MethodPost, "/api/place?map=pca", "image/jpeg", bytes.NewReader(r.get("/images/"+itoa(i))))
		var p placement
		must(t, json.Unmarshal(body, &p))
		if status != http.StatusOK || p.Neighbours[0].Similarity < 0.999999 || rows[p.Neighbours[0].Row].SHA256 != rows[i].SHA256 {
			t.Fatalf("row %d: %d: %s", i, status, body)
		}
		if dx, dy := p.X-points[2*i], p.Y-points[2*i+1]; dx*dx+dy*dy > 1e-4 {
			t.Errorf("row %d is at %v, its copy at %g, %g", i, points[2*i:2*i+2], p.X, p.Y)
		}
		if p.Label != *rows[i].Prediction || abs(p.Probabilities["cat"]-predicted[i][0]) > 1e-4 || abs(float64(*rows[i].Confidence)-max(predicted[i][0], predicted[i][1])) > 1e-6 {
			t.Errorf("row %d is predicted as %+v, its copy as %+v", i, rows[i], p)
		}
	}
	if classes := strings.Join(s.Classes, " "); !strings.Contains(classes, "horse") {
		t.Errorf("the head's classes are not among %s", classes)
	}
	for kind, c := range map[string]struct {
		body string
		want int
	}{"image/png": {"no image", 422}, "application/octet-stream": {"", 400}} {
		if status, _, body := r.ask(http.MethodPost, "/api/place", kind, strings.NewReader(c.body)); status != c.want || strings.Contains(string(body), os.TempDir()) {
			t.Errorf("%q: %d: %s", c.body, status, body)
		}
	}
	without := start(t, Options{Dir: dir, Model: serving.Options{Models: []string{filepath.Join(t.TempDir(), "gone")}}})
	without.waitFor("map", pcaReady)
	if status, _, body := without.ask(http.MethodPost, "/api/place", "image/jpeg", bytes.NewReader(r.get("/images/0"))); status != http.StatusNotImplemented || !strings.Contains(string(body), "gone") {
		t.Errorf("without a model: %d: %s", status, body)
	}
	h.Layers[0].Shape = []int{5}
	h.Recipe.Layers[0].Shape = []int{5}
	h.Weights, h.Standardization = [][]float32{{1, 2, 0, 0, 0}, {0, 0, 1, 3, 0}}, head.Standardization{Mean: make([]float32, 5), Scale: []float32{1, 1, 1, 1, 1}}
	must(t, h.Save(file))
	if _, err := New(context.Background(), Options{Dir: dir, Head: file}); err == nil || !strings.Contains(err.Error(), "test.head") {
		t.Errorf("a head on other features: %v", err)
	}
}
