package explorer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/chromedp"

	"fovea/featurestore"
	"fovea/serving"
)

const testPhotos = "../../testdata/photos"

// photographs is a dataset of the photographs that ship, with short vectors: what is shown are the images.
func photographs(t *testing.T) (dir string, paths []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(testPhotos, "*.[jp][pn]g"))
	must(t, err)
	dir = filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, len(files), 2, func(i int, r *featurestore.Row) {
		data, err := os.ReadFile(files[i])
		must(t, err)
		file, err := os.Open(files[i])
		must(t, err)
		defer file.Close()
		config, _, err := image.DecodeConfig(file)
		must(t, err)
		sum := sha256.Sum256(data)
		r.Path, r.SHA256 = filepath.Base(files[i]), hex.EncodeToString(sum[:])
		r.Label, r.Width, r.Height = r.Path[:3], int32(config.Width), int32(config.Height)
		r.Features = [][]float32{{float32(i + 1), float32(i * i)}}
		paths = append(paths, r.Path)
	})
	return dir, paths
}

// The images of rows are where they should be: in the grid, on the map, beside the pointer and in the panel.
func TestPagePhotos(t *testing.T) {
	dir, paths := photographs(t)
	p := browse(t, start(t, Options{Dir: dir, Images: testPhotos}), software)
	loaded := func(selector string, n int) string {
		return fmt.Sprintf(`[...document.querySelectorAll(%q)].filter(i => i.complete && i.naturalWidth > 0).length === %d`, selector, n)
	}
	p.wait(loaded("#grid img", len(paths)))
	p.wait(loaded("#thumbs img", len(paths)))
	frames := `new Set([...document.querySelectorAll("#thumbs img")].map(i => getComputedStyle(i).borderColor)).size `
	p.wait(`state.columns.confidence`)
	p.wait(frames + "=== 3") // as the points: by label, then by a number of each row
	p.eval(`document.getElementById("colour").value = "confidence"; document.getElementById("colour").onchange()`, nil)
	p.wait(frames + "> 3")
	p.eval(`document.getElementById("colour").value = "label"; document.getElementById("colour").onchange()`, nil)
	var at [2]float64
	p.eval(`const s = document.getElementById("stage").getBoundingClientRect(), [x, y] = map.toScreen(state.positions[4], state.positions[5]); return [x + s.left, y + s.top]`, &at)
	p.do(chromedp.MouseEvent("mouseMoved", at[0], at[1]))
	p.wait(`!document.getElementById("tip").hidden && document.querySelector("#tip span")?.textContent === ` + jsonOf(paths[2]+" · "+paths[2][:3]))
	p.wait(loaded("#tip img", 1))
	p.do(chromedp.MouseClickXY(at[0], at[1]))
	p.wait(`document.querySelector("#panel h2")?.textContent === ` + jsonOf(paths[2]))
	p.wait(loaded("#panel .view img", 1))
	p.wait(loaded("#panel .near img", len(paths)-1))
	// A key in the panel labels its row, and Escape closes it.
	p.eval(`document.querySelector("#panel .close").focus()`, nil)
	p.press("2", 0)
	awaits(t, "the row in the panel", dir, func() map[string]string {
		want := map[string]string{}
		for _, path := range paths {
			want[path] = path[:3]
		}
		return changed(want, "dog", paths[2])
	}())
	p.press("\x1b", 0)
	p.wait(`document.getElementById("panel").hidden`)
	p.show("photos", 1400, "dark")
}

// Without the images there are points and rows, and a line says why there are no pictures.
func TestPageWithoutPhotos(t *testing.T) {
	dir, paths := photographs(t)
	p := browse(t, start(t, Options{Dir: dir}), software)
	p.wait(`document.getElementById("notes").textContent.includes("--images")`)
	p.wait(`document.querySelector("#cell-0 > .name")?.textContent === ` + jsonOf(paths[0]))
	p.eval(`open(0)`, nil)
	p.wait(`document.querySelectorAll("#panel .near button").length > 0`)
	var images int
	p.eval(`return document.querySelectorAll("#grid img, #panel img, #thumbs img").length`, &images)
	if images != 0 {
		t.Errorf("the page has %d images of rows that have none", images)
	}
}

// The probabilities of a photo are drawn as bars, and one that the browser cannot show is not a broken image.
func TestPagePhotoOfHead(t *testing.T) {
	dir, _ := corners(t)
	p := browse(t, start(t, Options{Dir: dir}), software)
	p.eval(`const panel = await import("/panel.js"); await panel.showPhoto("x.tif", URL.createObjectURL(new Blob(["no image"])),
		{label: "a", probabilities: {a: .75, b: .25}, novelty: 1.5, neighbours: []})`, nil)
	p.wait(`document.querySelector("#panel .view")?.textContent.includes("cannot show the format")`)
	var filled []float64
	p.eval(`return [...document.querySelectorAll("#panel .rail")].map(rail => {
		const all = rail.getBoundingClientRect(), bar = rail.firstChild.getBoundingClientRect();
		const high = Math.min(all.bottom, bar.bottom) - Math.max(all.top, bar.top), wide = Math.min(all.right, bar.right) - Math.max(all.left, bar.left);
		return Math.round(100 * high * wide / (all.width * all.height));
	})`, &filled)
	if !slices.Equal(filled, []float64{75, 25}) {
		t.Errorf("of the rails of 75 and 25 %%, %v %% are filled", filled)
	}
}

// A photo that is chosen or dropped is marked where its copy among the rows lies, with its neighbours beside it.
func TestPagePlace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	extract(t, dir, testPhotos, nil)
	p := browse(t, start(t, Options{Dir: dir, Images: testPhotos, Model: serving.Options{Models: []string{smallModel}}}), software, "400 (Bad Request)")
	p.wait(`state.map === "umap" || state.dataset.map.umap !== "computing"`)
	p.settle()
	p.wait(`state.positions`)
	photo, err := filepath.Abs(filepath.Join(testPhotos, "dog.1.jpg"))
	must(t, err)
	empty := filepath.Join(t.TempDir(), "nothing.jpg")
	must(t, os.WriteFile(empty, nil, 0o644))
	copied := `state.paths.get(row) === "dog.1.jpg"`
	near := `(() => {
		const row = [...state.paths.keys()].find(row => ` + copied + `), pin = document.getElementById("pin");
		if (row === undefined || pin.hidden) return false;
		const [x, y] = map.toScreen(state.positions[2 * row], state.positions[2 * row + 1]), at = new DOMMatrix(pin.style.transform);
		return Math.hypot(at.e - x, at.f - y) < 2;
	})()`
	p.choose("#photo", photo)
	p.wait(near)
	p.wait(`document.querySelector("#panel h2")?.textContent === "dog.1.jpg" && document.querySelector("#panel .near button")?.getAttribute("aria-label").startsWith("dog.1.jpg")`)
	p.press("\x1b", 0)
	p.wait(`document.getElementById("pin").hidden && document.getElementById("panel").hidden`)
	p.choose("#photo", empty)
	p.wait(`document.getElementById("toasts").textContent.includes("Cannot place nothing.jpg: the image is empty")`)
	p.eval(`const data = new DataTransfer(), photo = await (await fetch("/images/0")).blob();
		data.items.add(new File([photo], "dropped.jpg", {type: photo.type}));
		for (const type of ["dragenter", "dragover", "drop"]) document.body.dispatchEvent(new DragEvent(type, {dataTransfer: data, bubbles: true, cancelable: true}))`, nil)
	p.wait(`!document.getElementById("pin").hidden && document.querySelector("#panel h2")?.textContent === "dropped.jpg"`)
	p.show("placed", 400, "light")
}

// A photo that no model is there for is refused in words, and the page goes on.
func TestPagePlaceRefused(t *testing.T) {
	dir, _ := photographs(t)
	p := browse(t, start(t, Options{Dir: dir, Images: testPhotos}), software, "/api/place")
	photo, err := filepath.Abs(filepath.Join(testPhotos, "dog.1.jpg"))
	must(t, err)
	p.choose("#photo", photo)
	p.wait(`document.querySelector("#toasts span")?.textContent.length > 20`)
	p.click("#toasts button", 0)
	p.wait(`!document.querySelector("#toasts span")`)
}

// choose gives a field for files one.
func (p *tab) choose(selector, file string) {
	p.tb.Helper()
	p.do(chromedp.ActionFunc(func(ctx context.Context) error {
		root, err := dom.GetDocument().Do(ctx)
		if err != nil {
			return err
		}
		field, err := dom.QuerySelector(root.NodeID, selector).Do(ctx)
		if err != nil {
			return err
		}
		return dom.SetFileInputFiles([]string{file}).WithNodeID(field).Do(ctx)
	}))
}
