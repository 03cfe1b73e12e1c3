package explorer

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sort"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"fovea/featurestore"
	"fovea/internal/look"
)

// corners are rows whose map is known: one in each corner of a square for each class, 25 times, a little apart. The first
// principal component cannot tell the sides of a square apart, so the square is a rectangle.
func corners(t testing.TB) (dir string, classes []string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "features")
	random := rand.New(rand.NewPCG(1, 2))
	makeRows(t, dir, 100, 2, func(i int, r *featurestore.Row) {
		x, y := float32(i%4/2*2-1)*3, float32(i%2*2-1)*2
		r.Features = [][]float32{{x + float32(random.Float64()-0.5), y + float32(random.Float64()-0.5)}}
		r.Split = []string{"train", "test"}[i%5/4]
		classes = append(classes, r.Label)
	})
	return dir, classes
}

// pixels counts the pixels of a part of a picture by colour.
func pixels(p image.Image, part image.Rectangle) map[color.RGBA]int {
	counts := map[color.RGBA]int{}
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			counts[color.RGBAModel.Convert(p.At(x, y)).(color.RGBA)]++
		}
	}
	return counts
}

// near counts the pixels whose colour is one of the palette, or a little of the paper's, as points are slightly transparent
// where they do not lie on others.
func near(counts map[color.RGBA]int, hex string, paper color.RGBA) (n int) {
	var c [3]int
	_, _ = fmt.Sscanf(hex, "#%02x%02x%02x", &c[0], &c[1], &c[2])
	for seen, count := range counts {
		for through := 0.; through <= 0.12; through += 0.02 {
			off := 0.
			for i, values := range [][2]uint8{{seen.R, paper.R}, {seen.G, paper.G}, {seen.B, paper.B}} {
				off += math.Abs(float64(values[0]) - (1-through)*float64(c[i]) - through*float64(values[1]))
			}
			if off < 9 {
				n += count
				break
			}
		}
	}
	return n
}

// flat shows the map of principal components, on which it is known what lies where.
func (p *tab) flat() {
	p.tb.Helper()
	p.click("#map-pca", 0)
	p.wait(`state.map === "pca"`)
	p.eval(`await new Promise(done => setTimeout(done, 1000))`, nil)
	p.settle()
}

// stage is where the map is in the window.
func (p *tab) stage() (r image.Rectangle) {
	p.tb.Helper()
	var box [4]float64
	p.eval(`const b = document.getElementById("stage").getBoundingClientRect(); return [b.left, b.top, b.right, Math.min(b.bottom, innerHeight)]`, &box)
	return image.Rect(int(box[0])+1, int(box[1])+1, int(box[2])-1, int(box[3])-1)
}

// The map is drawn in the colours of its classes, with and without WebGL, in light and dark, on desks and telephones, and
// nothing is wider than the window.
func TestPageMap(t *testing.T) {
	dir, _ := corners(t)
	r := start(t, Options{Dir: dir})
	for name, c := range map[string]struct {
		flags   []chromedp.ExecAllocatorOption
		allowed []string
		note    bool
	}{
		"webgl": {software, nil, false},
		"plain": {[]chromedp.ExecAllocatorOption{chromedp.Flag("disable-3d-apis", true)}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := browse(t, r, c.flags, c.allowed...)
			p.flat()
			var drawn bool
			p.eval(`return document.getElementById("notes").textContent.includes("WebGL2")`, &drawn)
			if drawn != c.note {
				t.Errorf("that WebGL is missing is said: %v, want %v", drawn, c.note)
			}
			for _, window := range []struct {
				width  int64
				scheme string
				paper  color.RGBA
			}{{1400, "light", color.RGBA{255, 255, 255, 255}}, {1400, "dark", color.RGBA{0x16, 0x18, 0x1b, 255}}, {400, "light", color.RGBA{255, 255, 255, 255}}, {400, "dark", color.RGBA{0x16, 0x18, 0x1b, 255}}} {
				picture := p.show(fmt.Sprintf("%s-%d-%s", name, window.width, window.scheme), window.width, window.scheme)
				counts := pixels(picture, p.stage())
				for i := range 4 {
					if n := near(counts, look.Palette[i], window.paper); n < 300 {
						t.Errorf("%d pixels, %s: %d of the map have the colour of class %d", window.width, window.scheme, n, i)
					}
				}
				if counts[window.paper] == 0 {
					t.Errorf("%d pixels, %s: the background is none of %v", window.width, window.scheme, window.paper)
				}
				var overflow float64
				p.eval(`return document.documentElement.scrollWidth - document.documentElement.clientWidth`, &overflow)
				if overflow > 0 {
					t.Errorf("%d pixels: the page is %g pixels wider than the window", window.width, overflow)
				}
			}
			// Where all rows are hidden, nothing is drawn: what was counted above were points.
			p.eval(`state.visible.fill(0); emit("colour")`, nil)
			if counts := pixels(p.show(name+"-empty", 1400, "light"), p.stage()); near(counts, look.Palette[1], color.RGBA{255, 255, 255, 255}) > 200 {
				t.Error("hidden rows are drawn")
			}
		})
	}
}

// chosen are the rows of the selection, sorted.
func (p *tab) chosen() (rows []int) {
	p.tb.Helper()
	p.eval(`return state.selection`, &rows)
	slices.Sort(rows)
	return rows
}

// around is a loop around the points of some rows in the window.
func (p *tab) around(rows []int) [][2]float64 {
	p.tb.Helper()
	var box [4]float64
	p.eval(fmt.Sprintf(`const s = document.getElementById("stage").getBoundingClientRect(); const at = %s.map(r => map.toScreen(state.positions[2*r], state.positions[2*r+1]));
		const xs = at.map(p => p[0] + s.left), ys = at.map(p => p[1] + s.top); return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)]`, jsonOf(rows)), &box)
	l, u, r, d := box[0]-12, box[1]-12, box[2]+12, box[3]+12
	return [][2]float64{{l, u}, {(l + r) / 2, u - 3}, {r, u}, {r, d}, {(l + r) / 2, d + 3}, {l, d}, {l, u + 2}}
}

// rowsOf are the rows of some classes.
func rowsOf(classes []string, of ...string) (rows []int) {
	for row, class := range classes {
		if slices.Contains(of, class) {
			rows = append(rows, row)
		}
	}
	return rows
}

func (p *tab) expect(what string, want []int) {
	p.tb.Helper()
	if got := p.chosen(); !slices.Equal(got, want) {
		p.tb.Errorf("%s: %v are selected, want %v", what, got, want)
	}
}

// Lasso and box select the rows that lie in them, and no others; with keys held they add and remove.
func TestPageLasso(t *testing.T) {
	dir, classes := corners(t)
	p := browse(t, start(t, Options{Dir: dir}), software)
	p.flat()
	p.drag(input.ModifierShift, p.around(rowsOf(classes, "a"))...)
	p.expect("a lasso", rowsOf(classes, "a"))
	p.drag(input.ModifierShift, p.around(rowsOf(classes, "d"))...)
	p.expect("a second one adds", rowsOf(classes, "a", "d"))
	box := p.around(rowsOf(classes, "b"))
	p.drag(input.ModifierAlt, box[0], box[3])
	p.expect("a box adds", rowsOf(classes, "a", "b", "d"))
	p.drag(input.ModifierShift|input.ModifierCtrl, p.around(rowsOf(classes, "a"))...)
	p.expect("ctrl removes", rowsOf(classes, "b", "d"))
	p.click("#tool-lasso", 0)
	p.drag(0, p.around(rowsOf(classes, "c"))...)
	p.expect("the tool selects anew", rowsOf(classes, "c"))
	// A loop around everything whose inner part is cut out by going around it the other way.
	all, inner := p.around(rowsOf(classes, "a", "b", "c", "d")), p.around(rowsOf(classes, "b"))
	slices.Reverse(inner)
	p.drag(0, append(append(append([][2]float64{}, all...), all[0]), append(inner, inner[0], all[0])...)...)
	p.expect("a loop with a hole", rowsOf(classes, "a", "c", "d"))
	p.click("#tool-pan", 0)
	p.click("#clear", 0)
	p.expect("cleared", nil)
	p.drag(0, [2]float64{300, 300}, [2]float64{330, 340})
	p.expect("moving selects nothing", nil)
	// The keyboard alone does as well.
	p.eval(`document.getElementById("field").focus()`, nil)
	p.press("0", 0)
	p.press("a", 0)
	p.expect("all in view", rowsOf(classes, "a", "b", "c", "d"))
	p.press("\x1b", 0)
	p.expect("escape clears", nil)
}

// The index of places finds what a search of all of them finds.
func TestPagePlaces(t *testing.T) {
	dir, _ := corners(t)
	p := browse(t, start(t, Options{Dir: dir}), software)
	random := rand.New(rand.NewPCG(5, 6))
	points, polygon := make([]float32, 6000), make([][2]float64, 9)
	for i := range points {
		points[i] = float32(random.NormFloat64())
	}
	for round := range 20 {
		for i := range polygon {
			polygon[i] = [2]float64{random.NormFloat64() * 2, random.NormFloat64() * 2}
		}
		x, y := random.NormFloat64(), random.NormFloat64()
		var got struct {
			Enclosed []int
			Nearest  int
		}
		p.eval(fmt.Sprintf(`const {Places} = await import("/places.js"); const at = new Float32Array(%s), all = new Uint8Array(3000).fill(1), places = new Places(at);
			return {Enclosed: places.enclosed(%s, all), Nearest: places.nearest(%v, %v, 0.5, all)}`, jsonOf(points), jsonOf(polygon), x, y), &got)
		var want []int
		nearest, least := -1, 0.25
		for row := range 3000 {
			px, py := float64(points[2*row]), float64(points[2*row+1])
			if winds(polygon, px, py) {
				want = append(want, row)
			}
			if d := (px-x)*(px-x) + (py-y)*(py-y); d < least {
				nearest, least = row, d
			}
		}
		if !slices.Equal(got.Enclosed, want) || got.Nearest != nearest {
			t.Errorf("round %d: %d rows are in the polygon, want %d; row %d is nearest, want %d", round, len(got.Enclosed), len(want), got.Nearest, nearest)
		}
	}
}

// winds says whether an odd number of the polygon's sides lies to the right of a point, by their angles: another way than the
// page's.
func winds(polygon [][2]float64, x, y float64) bool {
	crossings := 0
	for i, a := range polygon {
		b := polygon[(i+1)%len(polygon)]
		if (a[1] > y) == (b[1] > y) {
			continue
		}
		side := (b[0]-a[0])*(y-a[1]) - (b[1]-a[1])*(x-a[0]) // positive where the point is to the left of a->b
		if (b[1] > a[1]) == (side > 0) {
			crossings++
		}
	}
	return crossings%2 == 1
}

// The legend filters what is shown and what can be selected; the search finds paths and labels.
func TestPageFind(t *testing.T) {
	dir, classes := corners(t)
	p := browse(t, start(t, Options{Dir: dir}), software)
	visible := func() (rows []int) {
		p.eval(`return [...state.visible.keys()].filter(row => state.visible[row])`, &rows)
		return rows
	}
	entry := func(i int) string { return fmt.Sprintf(`#legend [data-category="%d"]`, i) }
	p.click(entry(1), 0)
	if got, want := visible(), rowsOf(classes, "a", "c", "d"); !slices.Equal(got, want) {
		t.Errorf("without b, %v are shown, want %v", got, want)
	}
	var count string
	p.eval(`return document.getElementById("count").textContent`, &count)
	if count != "75 rows shown" {
		t.Errorf("the grid has %q", count)
	}
	p.click("#select-view", 0)
	p.expect("what is hidden is not selected", rowsOf(classes, "a", "c", "d"))
	p.click("#clear", 0)
	p.click(entry(2), input.ModifierShift)
	if got, want := visible(), rowsOf(classes, "c"); !slices.Equal(got, want) {
		t.Errorf("c alone: %v are shown, want %v", got, want)
	}
	p.eval(`document.getElementById("colour").value = "split"; document.getElementById("colour").onchange()`, nil)
	p.click(entry(0), 0)
	if got := visible(); len(got) == 0 || len(got) >= 25 {
		t.Errorf("c without a split: %v are shown", got)
	}
	p.click("#show-all", 0)
	if got := visible(); len(got) != 100 {
		t.Errorf("all: %v are shown", got)
	}
	p.press("/", 0)
	p.press("00004", 0)
	p.wait(`!document.getElementById("found").hidden`)
	var found []string
	p.eval(`return [...document.querySelectorAll("#found button")].map(b => b.textContent)`, &found)
	if len(found) != 9 || found[0] != "Select 10 matches" || found[1] != "a/000040.jpg · a" {
		t.Errorf("the search finds %q", found)
	}
	var covered int
	p.eval(`const found = document.getElementById("found"), box = found.getBoundingClientRect();
		return [...document.querySelectorAll("#plot button")].map(b => b.getBoundingClientRect()).map(b => [b.x + b.width / 2, b.y + b.height / 2])
			.filter(([x, y]) => x > box.left && x < box.right && y > box.top && y < box.bottom && !found.contains(document.elementFromPoint(x, y))).length`, &covered)
	if covered > 0 {
		t.Errorf("%d buttons lie over what the search found", covered)
	}
	p.press("\r", 0)
	p.wait(`state.selection.length > 0`)
	p.expect("the search", []int{40, 41, 42, 43, 44, 45, 46, 47, 48, 49})
	p.eval(`document.getElementById("query").value = ""`, nil)
	p.press("B/", 0)
	p.press("\r", 0)
	p.wait(`state.selection.length === 25`)
	p.expect("a label", rowsOf(classes, "b"))
}

// The map of 100,000 rows keeps its frames short while it is moved and zoomed, drawn by software.
func TestPageFrames(t *testing.T) {
	umap := layouts[mapUMAP]
	t.Cleanup(func() { layouts[mapUMAP] = umap })
	layouts[mapUMAP] = func(context.Context, *table, []float32, uint64, func(float64)) ([]float32, error) {
		return nil, errNoMap
	} // which would take the processor
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 100_000, 2, nil)
	p := browse(t, start(t, Options{Dir: dir}), software)
	p.wait(`performance.getEntriesByName("map drawn").length`)
	p.do(chromedp.Reload()) // which waits: until then the old page would answer, or break off
	p.wait(`performance.getEntriesByName("map drawn").length`)
	var first float64
	p.eval(`return performance.getEntriesByName("map drawn")[0].startTime`, &first)
	t.Logf("100,000 rows: the map is drawn %.0f ms after the page is asked for", first)
	p.wait(`state.columns.suspect`)
	p.settle()
	best := math.Inf(1)
	for range 3 { // what else the machine does comes and goes
		var seen struct{ Empty, Frames, Work []float64 }
		p.eval(moveAbout, &seen)
		at := func(v []float64, part float64) float64 {
			sort.Float64s(v)
			return v[int(part*float64(len(v)-1))]
		}
		drawing := at(seen.Work, 0.5)
		t.Logf("100,000 points drawn by software: drawing takes %.1f ms in the median, %.1f ms at the 95th percentile; from frame to frame %.1f and %.1f ms, while nothing happens %.1f ms",
			drawing, at(seen.Work, 0.95), at(seen.Frames, 0.5), at(seen.Frames, 0.95), at(seen.Empty, 0.5))
		if best = min(best, drawing); best <= 33 {
			break
		}
	}
	if best > 33 {
		t.Errorf("drawing a frame takes %.1f ms, want at most 33", best)
	}
	var webgl float64
	p.eval(`const {WebGL} = await import("/webgl.js"); const canvas = document.createElement("canvas"); document.getElementById("field").append(canvas);
		const drawing = new WebGL(canvas, () => {}), times = []; drawing.move(state.positions, state.positions); drawing.colour(new Uint8Array(4 * state.dataset.rows).fill(200), []);
		for (let i = 0; i < 9; i++) {
			const begin = performance.now();
			drawing.draw({view: {x: i / 100, y: 0, unit: 300}, way: 1, size: 2.3, ratio: 1, ring: [0, 0, 0]});
			drawing.gl.readPixels(0, 0, 1, 1, drawing.gl.RGBA, drawing.gl.UNSIGNED_BYTE, new Uint8Array(4));
			times.push(performance.now() - begin);
		}
		canvas.remove(); return times.sort((a, b) => a - b)[4]`, &webgl)
	t.Logf("WebGL by the processor (SwiftShader), which the page does not use for so many points: %.1f ms", webgl)
}

// moveAbout drags and zooms the map for 90 frames. It returns the times from frame to frame, and how long each was drawn.
const moveAbout = `const field = document.getElementById("field"), s = field.getBoundingClientRect(), frames = [], work = [], empty = [];
	const send = (type, x, y) => field.dispatchEvent(new PointerEvent(type, {pointerId: 1, pointerType: "mouse", button: 0, buttons: 1, clientX: s.left + x, clientY: s.top + y, bubbles: true}));
	field.setPointerCapture = () => {};
	let last = 0;
	for (let i = 0; i < 60; i++) {
		const now = await new Promise(done => requestAnimationFrame(done));
		if (last) empty.push(now - last);
		last = now;
	}
	send("pointerdown", 400, 400);
	last = 0;
	for (let i = 0; i < 90; i++) {
		let begin;
		requestAnimationFrame(() => begin = performance.now());
		if (i % 3 === 2) field.dispatchEvent(new WheelEvent("wheel", {deltaY: i < 45 ? -60 : 60, clientX: s.left + 400, clientY: s.top + 400, cancelable: true}));
		else send("pointermove", 400 + 90 * Math.sin(i / 5), 400 + 90 * Math.cos(i / 7));
		const now = await new Promise(done => requestAnimationFrame(done));
		work.push(performance.now() - begin);
		if (last) frames.push(now - last);
		last = now;
	}
	send("pointerup", 400, 400);
	return {Frames: frames, Work: work, Empty: empty}`
