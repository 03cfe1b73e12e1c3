package explorer

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"fovea/featurestore"
)

// stored are the labels in the dataset's files, by path.
func stored(t testing.TB, dir string) map[string]string {
	t.Helper()
	d, err := featurestore.Open(dir)
	must(t, err)
	index, err := d.Index(context.Background())
	must(t, err)
	labels := map[string]string{}
	for i, path := range index.Paths {
		labels[path] = index.Labels[i]
	}
	return labels
}

// awaits waits until the labels in the dataset's files are such.
func awaits(t testing.TB, what, dir string, want map[string]string) {
	t.Helper()
	var got map[string]string
	for range 200 {
		if got = stored(t, dir); maps.Equal(got, want) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	for path, label := range want {
		if got[path] != label {
			t.Errorf("%s: the label of %s is %q, want %q", what, path, got[path], label)
		}
	}
}

// changed is a copy of labels with others for some paths.
func changed(labels map[string]string, to string, paths ...string) map[string]string {
	labels = maps.Clone(labels)
	for _, path := range paths {
		labels[path] = to
	}
	return labels
}

const cell = `#cell-%d`

// Labels that the keys of the grid change are in the Parquet files afterwards; undo and redo, too, and the accuracy moves.
func TestPageLabels(t *testing.T) {
	dir, _ := corners(t)
	before := stored(t, dir)
	p := browse(t, start(t, Options{Dir: dir}), software)
	p.wait(`!document.getElementById("accuracy").hidden`)
	p.click(fmt.Sprintf(cell, 0), 0)
	p.click(fmt.Sprintf(cell, 4), input.ModifierShift)
	p.press("2", 0)
	first := changed(before, "b", "a/000000.jpg", "b/000001.jpg", "c/000002.jpg", "d/000003.jpg", "a/000004.jpg")
	awaits(t, "a range", dir, first)
	p.wait(`document.getElementById("accuracy").textContent.includes("→")`)
	var accuracy string
	p.eval(`return document.getElementById("accuracy").textContent`, &accuracy)
	if !strings.Contains(accuracy, "100.0 % → ") || !strings.Contains(accuracy, "−") {
		t.Errorf("after four wrong labels the accuracy is %q", accuracy)
	}
	p.press("z", input.ModifierCtrl)
	awaits(t, "undo", dir, before)
	p.press("Z", input.ModifierCtrl|input.ModifierShift)
	awaits(t, "redo", dir, first)
	// Without marks, a key labels the picture at the cursor and goes on to the next.
	p.click(fmt.Sprintf(cell, 8), 0)
	p.press("0", 0)
	p.press("3", 0)
	second := changed(changed(first, "", "a/000008.jpg"), "c", "b/000009.jpg")
	awaits(t, "one after the other", dir, second)
	p.eval(`document.getElementById("new-class").focus()`, nil)
	p.press("zebra", 0)
	p.press("\r", 0)
	awaits(t, "a new class", dir, changed(second, "zebra", "c/000010.jpg"))
	p.wait(`[...document.querySelectorAll("#legend .name")].some(n => n.textContent === "zebra")`)
	p.wait(`document.getElementById("written").textContent === "all labels are written"`)
	var label string
	p.eval(`return document.querySelector("#cell-10 .caption .name").textContent`, &label)
	if label != "zebra" {
		t.Errorf("the cell of the new class says %q", label)
	}
	// The only row of a class has nothing to be compared with: nothing is said of how suspect its label is.
	p.eval(`const order = document.getElementById("order"); order.value = "suspect"; order.dispatchEvent(new Event("change"))`, nil)
	p.wait(`document.getElementById("count").textContent.includes("most suspect first")`)
	p.click(fmt.Sprintf(cell, 0), 0)
	p.eval(`document.getElementById("new-class").focus()`, nil)
	p.press("yak", 0)
	p.press("\r", 0)
	p.wait(`[...document.querySelectorAll("#grid .caption .name")].some(n => n.textContent === "yak")`)
	p.wait(`(() => {
		const yak = state.dataset.classes.indexOf("yak"), row = state.columns.label.indexOf(yak);
		return yak >= 0 && row >= 0 && Number.isNaN(state.columns.suspect[row]);
	})()`)
	p.settle()
	var captions []string
	p.eval(`return [...document.querySelectorAll("#grid .caption")].map(c => c.textContent)`, &captions)
	if all := strings.Join(captions, "; "); strings.Contains(all, "NaN") || !strings.Contains(all, "yak") || !strings.Contains(all, " %") {
		t.Errorf("the cells say %s", all)
	}
}

// Classes that differ by a blank stay two, also where their names are typed.
func TestPageBlanks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 20, 4, func(i int, r *featurestore.Row) {
		if i%4 == 1 {
			r.Label = "a "
		}
	})
	want := changed(stored(t, dir), "a ", "a/000000.jpg")
	p := browse(t, start(t, Options{Dir: dir}), software)
	p.click(fmt.Sprintf(cell, 0), 0)
	p.eval(`document.getElementById("new-class").focus()`, nil)
	p.press("a ", 0)
	p.press("\r", 0)
	awaits(t, "the class that was typed", dir, want)
}

// Two pages see each other's labels, and what the server exports is the selection.
func TestPageTogether(t *testing.T) {
	dir, _ := corners(t)
	before := stored(t, dir)
	r := start(t, Options{Dir: dir})
	one, two := browse(t, r, software), browse(t, r, software)
	one.click(fmt.Sprintf(cell, 1), 0)
	one.press("1", 0)
	two.wait(`document.querySelector("#cell-1 .caption .name")?.textContent === "a"`)
	two.press("z", input.ModifierCtrl)
	one.wait(`document.querySelector("#cell-1 .caption .name")?.textContent === "b"`)
	awaits(t, "the other's undo", dir, before)
	to := t.TempDir()
	one.do(browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllow).WithDownloadPath(to).WithEventsEnabled(true))
	one.eval(`select([5, 3, 8])`, nil)
	one.wait(`document.getElementById("count").textContent === "3 rows selected"`)
	one.click("#export-csv", 0)
	var rows [][]string
	for range 100 {
		files, err := filepath.Glob(filepath.Join(to, "*.csv"))
		must(t, err)
		if len(files) == 1 {
			data, err := os.ReadFile(files[0])
			must(t, err)
			if rows, err = csv.NewReader(bytes.NewReader(data)).ReadAll(); err == nil && len(rows) == 4 {
				break
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	if len(rows) != 4 || rows[0][0] != "path" || rows[1][0] != "d/000003.jpg" || rows[2][0] != "b/000005.jpg" || rows[3][0] != "a/000008.jpg" {
		t.Errorf("the selection is exported as %q", rows)
	}
}

// When another program replaces the dataset, the page offers to show it, and what was labelled meanwhile is not lost.
func TestPageReplaced(t *testing.T) {
	dir, _ := corners(t)
	r := start(t, Options{Dir: dir})
	p := browse(t, r, software, "status of 409")
	p.eval(`document.getElementById("grid").focus()`, nil)
	p.wait(`state.paths.get(3) === "d/000003.jpg"`)
	makeRows(t, dir, 60, 2, func(i int, r *featurestore.Row) { // with other rows in other places
		r.Path = fmt.Sprintf("%c/%06d.jpg", 'a'+(59-i)%4, 59-i)
		r.Label = r.Path[:1]
		r.SHA256 = fmt.Sprintf("%064x", 59-i)
	})
	before := stored(t, dir)
	p.wait(`!document.getElementById("banner").hidden`)
	p.click(fmt.Sprintf(cell, 3), 0)
	p.press("1", 0)
	p.eval(`await new Promise(done => setTimeout(done, 300))`, nil)
	if got := stored(t, dir); !maps.Equal(got, before) {
		t.Error("a label for the earlier rows was written to the later")
	}
	p.click("#banner button", 0)
	p.wait(`state.dataset.rows === 60 && document.getElementById("banner").hidden`)
	awaits(t, "after showing it", dir, changed(before, "a", "d/000003.jpg"))
	var count string
	p.eval(`return document.getElementById("count").textContent`, &count)
	if count != "All 60 rows" {
		t.Errorf("the grid has %q", count)
	}
}

// The orders of the grid put first what they should.
func TestPageOrders(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	makeRows(t, dir, 100, 64, func(i int, r *featurestore.Row) {
		if i == 17 {
			r.Label = "d" // though it lies among b
		}
		if i == 42 {
			r.SHA256 = fmt.Sprintf("%064x", 40) // a copy of a row of another class
		}
	})
	p := browse(t, start(t, Options{Dir: dir}), software)
	p.wait(`state.columns.suspect`)
	choose := func(order string) (shown []int) {
		p.eval(fmt.Sprintf(`const lists = await import("/list.js"); document.getElementById("order").value = %q; await lists.refresh(); return lists.list.rows`, order), &shown)
		return shown
	}
	if rows := choose("suspect"); len(rows) == 0 || rows[0] != 17 {
		t.Errorf("the most suspect rows are %v, want 17 first", rows)
	}
	if rows := choose("conflicts"); !slices.Equal(rows, []int{40, 42}) {
		t.Errorf("conflicting copies are %v, want 40 and 42", rows)
	}
	if rows := choose("uncertain"); len(rows) == 0 {
		t.Error("no row is uncertain")
	}
	p.eval(`document.getElementById("order").value = "suspect"; select([3, 17, 40])`, nil)
	p.wait(`document.getElementById("count").textContent.startsWith("3 rows")`)
	var first string
	p.eval(`return document.querySelector("#cell-0").title`, &first)
	if first != "b/000017.jpg" {
		t.Errorf("the most suspect of the selection is %s", first)
	}
	p.do(chromedp.KeyEvent("?"))
	p.wait(`document.getElementById("help").open`)
}
