package report

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"fovea/internal/output"
)

// labelPage has what makes pages wide and tables of corrections wrong.
func labelPage(t *testing.T) LabelPage {
	thumbnail := sample(t).Mistakes[0].Thumbnail
	p := LabelPage{
		Title: "4 images whose labels to check", Classes: []string{"cat", "dog", `a "b", c`},
		Facts: []Fact{{"images", "1234"}, {"labelled cat, really dog", "about 61"}},
		Rows: []LabelRow{
			{Path: "cat.1.jpg", Label: "cat", Suggested: "dog", Note: "dog 99.0 %, cat 1.0 %", Likely: true, Thumbnail: thumbnail},
			{Path: `a-directory/of "quoted", rather-long-names-of-photos/IMG_20240601_123456789_burst_01<b>.jpg`, Label: "dog", Suggested: `a "b", c`, Likely: true},
			{Path: "cat.3.jpg", Label: "cat", Suggested: "dog", Thumbnail: thumbnail},
			{Path: "cat.4.jpg", Label: "cat", Suggested: "dog", Thumbnail: thumbnail},
		},
	}
	return p
}

// writeLabels writes a page alone.
func writeLabels(dir string, page LabelPage) (string, error) {
	var files output.Files
	defer files.Discard()
	file, err := AddLabels(&files, dir, page)
	return file, errors.Join(err, files.Commit())
}

// openPage opens a page in a browser, which fails the test for what it loads and complains about.
func openPage(t *testing.T, page string) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(browser(t)), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) }) // which waits for the browser's end
	complaints := make(chan string, 100)
	chromedp.ListenTarget(ctx, func(event any) {
		complaint := ""
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			if u := e.Request.URL; u != page && !strings.HasPrefix(u, "data:") && !strings.HasPrefix(u, "blob:") {
				complaint = "loads " + u
			}
		case *runtime.EventExceptionThrown:
			complaint = e.ExceptionDetails.Error()
		case *runtime.EventConsoleAPICalled:
			complaint = "the console says " + string(e.Type)
		}
		if complaint != "" {
			select {
			case complaints <- complaint:
			default:
			}
		}
	})
	t.Cleanup(func() {
		for len(complaints) > 0 {
			t.Errorf("the page %s", <-complaints)
		}
	})
	if err := chromedp.Run(ctx, network.Enable(), chromedp.Navigate(page), chromedp.WaitReady("body")); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// fits says by how much a page is wider than its window and which texts are cut off, at 1,200 and 400 pixels, light and
// dark. FOVEA_SCREENSHOTS names a directory for pictures of them.
func fitsAt(ctx context.Context, t *testing.T, name string) {
	for _, window := range []struct {
		name   string
		width  int64
		scheme string
	}{{"desk", 1200, "light"}, {"desk-dark", 1200, "dark"}, {"telephone", 400, "light"}, {"telephone-dark", 400, "dark"}} {
		var seen struct {
			Overflow float64
			Broken   int
			Cut      []string
			Paper    string
		}
		var picture []byte
		err := chromedp.Run(ctx, emulation.SetDeviceMetricsOverride(window.width, 900, 1, window.width < 500),
			emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: window.scheme}}),
			chromedp.Evaluate(`({
				Overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
				Broken: [...document.images].filter(i => !i.complete || i.naturalWidth == 0).length,
				Cut: [...document.querySelectorAll("td, p, button, figcaption, .path, .why, h1, h2, li")].filter(x => x.scrollWidth > x.clientWidth + 1).map(x => x.textContent),
				Paper: getComputedStyle(document.body).backgroundColor,
			})`, &seen), chromedp.FullScreenshot(&picture, 100))
		if err != nil {
			t.Fatal(err)
		}
		if seen.Overflow > 0 || seen.Broken > 0 || len(seen.Cut) > 0 {
			t.Errorf("%s: the page is laid out as %+v", window.name, seen)
		}
		if paper := map[string]string{"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 27)"}[window.scheme]; seen.Paper != paper {
			t.Errorf("%s: the background is %s, want %s", window.name, seen.Paper, paper)
		}
		if to := os.Getenv("FOVEA_SCREENSHOTS"); to != "" {
			if err := os.WriteFile(filepath.Join(to, name+"-"+window.name+".png"), picture, 0o644); err != nil {
				t.Error(err)
			}
		}
	}
}

// What a page of labels downloads is the table of the changed labels.
func TestLabelPage(t *testing.T) {
	file, err := writeLabels(t.TempDir(), labelPage(t))
	if err != nil || filepath.Base(file) != LabelFile {
		t.Fatal(file, err)
	}
	ctx := openPage(t, "file://"+file)
	fitsAt(ctx, t, "labels")
	state := func() (table, count string, disabled bool) {
		err := chromedp.Run(ctx, chromedp.Evaluate("csv()", &table), chromedp.Text("#count", &count), chromedp.Evaluate(`document.querySelector("#save").disabled`, &disabled))
		if err != nil {
			t.Fatal(err)
		}
		return table, count, disabled
	}
	if table, count, disabled := state(); table != "path,label\n" || count != "nothing changed" || !disabled {
		t.Errorf("before anything was changed: %q, %q, %v", table, count, disabled)
	}
	if err := chromedp.Run(ctx, chromedp.Click("#all"), chromedp.SetValue(".card:nth-child(3) input", ` of, another "kind" `),
		chromedp.Evaluate(`document.querySelector(".card:nth-child(3) input").dispatchEvent(new Event("input"))`, nil)); err != nil {
		t.Fatal(err)
	}
	const want = "path,label\ncat.1.jpg,dog\n" + `"a-directory/of ""quoted"", rather-long-names-of-photos/IMG_20240601_123456789_burst_01<b>.jpg","a ""b"", c"` + "\n" + `cat.3.jpg,"of, another ""kind"""` + "\n"
	if table, count, disabled := state(); table != want || count != "3 labels changed" || disabled {
		t.Errorf("changed: %q, %q, %v", table, count, disabled)
	}
	// The button of a suggestion takes it back, too.
	if err := chromedp.Run(ctx, chromedp.Click(".card:nth-child(1) button"), chromedp.Click(".card:nth-child(4) button")); err != nil {
		t.Fatal(err)
	}
	if table, _, _ := state(); strings.Contains(table, "cat.1.jpg") || !strings.Contains(table, "cat.4.jpg,dog\n") {
		t.Errorf("after one went back and one was taken: %q", table)
	}
	var blob string
	if err := chromedp.Run(ctx, chromedp.Evaluate(`(() => {
		const click = HTMLAnchorElement.prototype.click;
		let name; HTMLAnchorElement.prototype.click = function () { name = this.download; };
		document.querySelector("#save").click(); HTMLAnchorElement.prototype.click = click;
		return name + " " + (saved === csv());
	})()`, &blob)); err != nil || blob != "labels.csv true" {
		t.Errorf("the download is %q, %v", blob, err)
	}
	if err := chromedp.Run(ctx, chromedp.Click("#none")); err != nil {
		t.Fatal(err)
	}
	if table, _, disabled := state(); table != "path,label\n" || !disabled {
		t.Errorf("after all was undone: %q", table)
	}
}

// Where images have splits, the page shows them and puts them into the table.
func TestLabelPageOfSplits(t *testing.T) {
	p := labelPage(t)
	p.Rows[0].Split, p.Rows[2].Split = "train", `a, "b"`
	file, err := writeLabels(t.TempDir(), p)
	if err != nil {
		t.Fatal(err)
	}
	ctx := openPage(t, "file://"+file)
	fitsAt(ctx, t, "splits")
	var table string
	var shown []string
	err = chromedp.Run(ctx, chromedp.Click(".card:nth-child(1) button"), chromedp.Click(".card:nth-child(3) button"), chromedp.Click(".card:nth-child(4) button"),
		chromedp.Evaluate("csv()", &table), chromedp.Evaluate(`[...document.querySelectorAll(".why + .path")].map(x => x.textContent)`, &shown))
	const want = "path,label,split\ncat.1.jpg,dog,train\ncat.3.jpg,dog,\"a, \"\"b\"\"\"\ncat.4.jpg,dog,\n"
	if err != nil || table != want || !slices.Equal(shown, []string{"of train", `of a, "b"`}) {
		t.Errorf("the table is %q, the page shows %q, %v", table, shown, err)
	}
}

// Names are shown with what they hide, and the table has them as they are.
func TestLabelPageOfHiddenNames(t *testing.T) {
	const cat, dog = "ca\u202et", "d\u200bo\rg"
	p := LabelPage{Title: "labels", Classes: []string{cat, dog, `d\u200bog!`}, Rows: []LabelRow{
		{Path: "1\u2066\r.jpg", Label: cat, Suggested: dog, Likely: true}, {Path: "2.jpg", Label: cat, Suggested: dog}, {Path: "3.jpg", Label: dog, Suggested: cat},
	}}
	file, err := writeLabels(t.TempDir(), p)
	if err != nil {
		t.Fatal(err)
	}
	ctx := openPage(t, "file://"+file)
	var table, untouched string
	var shown []string
	err = chromedp.Run(ctx, chromedp.Evaluate("csv()", &untouched), chromedp.Click("#all"),
		chromedp.SetValue(".card:nth-child(2) input", `d\u200bog!`), chromedp.SetValue(".card:nth-child(3) input", `ca\u202et`), chromedp.Evaluate("show()", nil), chromedp.Evaluate("csv()", &table),
		chromedp.Evaluate(`[...document.querySelectorAll(".card:first-child :is(.path, input, button)")].map(x => x.value || x.textContent)`, &shown))
	if err != nil {
		t.Fatal(err)
	}
	if want := "path,label\n\"1\u2066\r.jpg\",\"d\u200bo\rg\"\n2.jpg,d\\u200bog!\n3.jpg,ca\u202et\n"; untouched != "path,label\n" || table != want {
		t.Errorf("the table is %q, then %q, want %q", untouched, table, want)
	}
	if want := []string{`1\u2066\r.jpg`, `d\u200bo\rg`, `back to ca\u202et`}; !slices.Equal(shown, want) {
		t.Errorf("the page shows %q, want %q", shown, want)
	}
}

// Classes that differ by a blank stay two.
func TestLabelPageOfBlanks(t *testing.T) {
	p := LabelPage{Title: "labels", Classes: []string{"cat", "dog", "dog "}, Rows: []LabelRow{
		{Path: "1.jpg", Label: "cat", Suggested: "dog "}, {Path: "2.jpg", Label: "dog ", Suggested: "dog"}, {Path: "3.jpg", Label: "cat", Suggested: "dog"},
		{Path: "4.jpg", Label: "cat", Suggested: "dog"}, {Path: "5.jpg", Label: "dog ", Suggested: "cat"}, {Path: "6.jpg", Label: "cat", Suggested: "dog"},
	}}
	file, err := writeLabels(t.TempDir(), p)
	if err != nil {
		t.Fatal(err)
	}
	ctx := openPage(t, "file://"+file)
	var table string
	err = chromedp.Run(ctx, chromedp.Click(".card:nth-child(1) button"), chromedp.Click(".card:nth-child(2) button"), chromedp.Click(".card:nth-child(3) button"),
		chromedp.SetValue(".card:nth-child(4) input", "dog "), chromedp.SetValue(".card:nth-child(5) input", "dog"), chromedp.SetValue(".card:nth-child(6) input", " dog"),
		chromedp.Evaluate("csv()", &table))
	if want := "path,label\n1.jpg,\"dog \"\n2.jpg,dog\n3.jpg,dog\n4.jpg,\"dog \"\n5.jpg,dog\n6.jpg,dog\n"; err != nil || table != want {
		t.Errorf("the table is %q, %v, want %q", table, err, want)
	}
}

func TestAuditPage(t *testing.T) {
	long := "a-directory/of-photos-with-a-rather-long-name/IMG_20240601_123456789_burst_01.jpg"
	thumbnail := sample(t).Mistakes[0].Thumbnail
	file, err := WriteAudit(filepath.Join(t.TempDir(), "page.html"), AuditPage{
		Title: "Audit of 7 images of 2 classes", Verdict: "2 problems", Passed: []string{"leaks between splits"},
		Sections: []AuditSection{
			{Title: "1 group: the same file", Do: "decide", Rows: []AuditImage{
				{Group: 1, Path: "a.jpg", Label: "cat", Split: "test", Size: "500x374, 27.2 kB", Thumbnail: thumbnail}, {Group: 1, Path: long, Label: "dog", Note: "cosine 1.0"},
				{Group: 2, Path: "<b>.jpg", Label: "cat"}, {Group: 2, Path: "c.jpg", Label: "cat"},
			}, More: 3},
			{Title: "1 class: told by the size", Do: "crop", Details: []string{"cat: pictures are wider"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"and 3 more", "500x374, 27.2 kB", "&lt;b&gt;.jpg", "cat: pictures are wider", "leaks between splits"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if n := strings.Count(string(text), `<div class="group card">`); n != 2 {
		t.Errorf("%d groups, want 2", n)
	}
	if n := strings.Count(string(text), "labels conflict"); n != 1 {
		t.Errorf("%d groups are said to conflict, want 1", n)
	}
	fitsAt(openPage(t, "file://"+file), t, "audit")
}

// Numbers stay whole beside names of any length.
func TestLabelPageOfLongNames(t *testing.T) {
	p := labelPage(t)
	p.Facts = append(p.Facts, Fact{"labelled " + strings.Repeat("x", 300) + ", really dog", "about 21"}, Fact{"wrong labels, estimated", "199 (59.5 %)"})
	file, err := writeLabels(t.TempDir(), p)
	if err != nil {
		t.Fatal(err)
	}
	ctx := openPage(t, "file://"+file)
	fitsAt(ctx, t, "long-names")
	var lines []int
	err = chromedp.Run(ctx, emulation.SetDeviceMetricsOverride(400, 800, 1, false), chromedp.Evaluate(`[...document.querySelectorAll("td:last-child")].map(x => {
		const range = document.createRange();
		range.selectNodeContents(x);
		return range.getClientRects().length;
	})`, &lines))
	if want := slices.Repeat([]int{1}, len(p.Facts)); err != nil || !slices.Equal(lines, want) {
		t.Errorf("the facts have %v lines, %v", lines, err)
	}
}
