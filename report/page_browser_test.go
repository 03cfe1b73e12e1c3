package report

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// named gives the classes of a report other names.
func named(d Data, name func(int) string) Data {
	for i := range d.Metrics.Classes {
		d.Metrics.Classes[i] = name(i)
		d.Metrics.PerClass[i].Class = name(i)
	}
	for i := range d.Metrics.MostConfused {
		c := &d.Metrics.MostConfused[i]
		c.Class, c.Predicted = name(2*i), name(2*i+1) // as classes made them
	}
	return d
}

// A report of any number of classes fits into a desk's window and a telephone's, light and dark; only its tables scroll.
func TestReportFits(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	for _, n := range []int{2, 6, 20, 100} {
		d := named(classes(t, n), func(i int) string {
			return fmt.Sprintf("%d %s", i, []string{"cat", "a-class-with-a-rather-long-name-without-any-space", "a class whose name has several words"}[i%3])
		})
		s := long(t)
		d.Facts, d.Settings, d.Training, d.Learning, d.Mistakes = s.Facts, s.Settings, s.Training, s.Learning, s.Mistakes
		d.ROC = []Curve{{0, [][2]float64{{0, 0}, {0, 1}, {1, 1}}}, {1, [][2]float64{{0, 0}, {0.2, 0.9}, {1, 1}}}}
		file, _ := pageOf(t, d)
		fitsAt(openPage(t, "file://"+file), t, fmt.Sprint("report-", n))
	}
}

// Long names of classes take three lines of a table at most, have all of their letters for who points at them or has them
// read aloud, and are whole on paper.
func TestLongNames(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	name := func(i int) string {
		return fmt.Sprintf("%d ", i) + strings.Repeat([]string{"long ", "unbroken"}[i%2], 300/5)[:300]
	}
	for _, n := range []int{4, 30} {
		d := named(classes(t, n), name)
		file, _ := pageOf(t, d)
		ctx := openPage(t, "file://"+file)
		var shown, printed struct {
			Highest float64
			Whole   int
			Names   []string
		}
		const look = `(() => {
			const names = [...document.querySelectorAll("table .name")];
			return {
				Highest: Math.max(...names.map(x => x.getBoundingClientRect().height / parseFloat(getComputedStyle(x).lineHeight))),
				Whole: names.filter(x => x.scrollHeight <= x.clientHeight + 1).length,
				Names: names.filter(x => x.title.includes(x.textContent)).map(x => x.textContent),
			};
		})()`
		var picture []byte
		err := chromedp.Run(ctx, emulation.SetDeviceMetricsOverride(1200, 900, 1, false), chromedp.Evaluate(look, &shown), chromedp.FullScreenshot(&picture, 100),
			emulation.SetEmulatedMedia().WithMedia("print"), chromedp.Evaluate(look, &printed))
		if err != nil {
			t.Fatal(err)
		}
		if to := os.Getenv("FOVEA_SCREENSHOTS"); to != "" {
			if err := os.WriteFile(filepath.Join(to, fmt.Sprintf("report-long-names-%d.png", n)), picture, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want := map[int]int{4: 8, 30: 50}[n]; shown.Highest > 3.1 || shown.Whole > 0 || len(shown.Names) != want || !strings.Contains(shown.Names[0], name(0)[5:]) {
			t.Errorf("%d classes: %d names of up to %.1f lines, %d of them whole; %d have all letters, want %d", n, len(shown.Names), shown.Highest, shown.Whole, len(shown.Names), want)
		}
		if printed.Whole != len(printed.Names) || len(printed.Names) != len(shown.Names) {
			t.Errorf("%d classes: on paper, %d of %d names are whole", n, printed.Whole, len(printed.Names))
		}
	}
}

// Plots have the page's ink in light and in dark.
func TestPlotsFollowDarkMode(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	file, _ := pageOf(t, sample(t))
	ctx := openPage(t, "file://"+file)
	for scheme, want := range map[string][2]string{"light": {"rgb(31, 35, 40)", "rgb(31, 95, 174)"}, "dark": {"rgb(230, 232, 235)", "rgb(125, 180, 245)"}} {
		var seen struct {
			Ink, Text, Line, Backgrounds []string
		}
		err := chromedp.Run(ctx, emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}), chromedp.Evaluate(`(() => {
			const all = (what, of) => [...new Set([...document.querySelectorAll(what)].map(x => getComputedStyle(x)[of]))];
			return {
				Ink: all("body", "color"), Text: all("svg text", "fill"),
				Line: all("figure:first-child svg path", "stroke"),
				Backgrounds: all("svg path", "fill").filter(x => x == "rgb(255, 255, 255)"),
			};
		})()`, &seen))
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(seen.Ink) != "["+want[0]+"]" || fmt.Sprint(seen.Text) != fmt.Sprint(seen.Ink) || !strings.Contains(fmt.Sprint(seen.Line), want[1]) || len(seen.Backgrounds) > 0 {
			t.Errorf("%s: the page's ink is %v, texts are %v, lines %v, white areas %v", scheme, seen.Ink, seen.Text, seen.Line, seen.Backgrounds)
		}
	}
}

// shownExamples are the paths of the examples that are to be seen, and whether the page has scrolled them into sight.
func shownExamples(ctx context.Context, t *testing.T) (paths []string, inSight bool) {
	t.Helper()
	var seen struct {
		Paths   []string
		InSight bool
	}
	err := chromedp.Run(ctx, chromedp.Evaluate(`(() => {
		const open = [...document.querySelectorAll(".examples")].filter(x => x.offsetHeight > 0);
		const top = open.length ? open[0].getBoundingClientRect().top : 0;
		return {Paths: open.flatMap(x => [...x.querySelectorAll("figcaption")].map(f => f.innerText)), InSight: top >= 0 && top < innerHeight};
	})()`, &seen))
	if err != nil {
		t.Fatal(err)
	}
	return seen.Paths, seen.InSight
}

// A cell's number opens its examples, by a click or by the keyboard, and no others; the page has no script.
func TestExamplesOfACell(t *testing.T) {
	if testing.Short() {
		t.Skip("draws pages, one after the other")
	}
	file, text := pageOf(t, classes(t, 4))
	if strings.Contains(text, "<script") || !strings.Contains(text, "script-src &#39;none&#39;") {
		t.Error("the page has a script, or would run one")
	}
	ctx := openPage(t, "file://"+file)
	if paths, _ := shownExamples(ctx, t); len(paths) > 0 {
		t.Errorf("at first %q are shown", paths)
	}
	if err := chromedp.Run(ctx, chromedp.Click(`a[href="#cell-2-3"]`)); err != nil {
		t.Fatal(err)
	}
	if paths, inSight := shownExamples(ctx, t); fmt.Sprintf("%q", paths) != `["75.0 %\nwrong 2.jpg" "0.0 %\nother.jpg"]` || !inSight {
		t.Errorf("a click shows %q, in sight: %v", paths, inSight)
	}
	if err := chromedp.Run(ctx, chromedp.Focus(`a[href="#cell-0-1"]`), chromedp.KeyEvent(kb.Enter)); err != nil {
		t.Fatal(err)
	}
	if paths, inSight := shownExamples(ctx, t); len(paths) != 2 || !strings.Contains(paths[0], "wrong 0.jpg") || !inSight {
		t.Errorf("the keyboard shows %q, in sight: %v", paths, inSight)
	}
	if err := chromedp.Run(ctx, chromedp.Click(`#cell-0-1 a`)); err != nil {
		t.Fatal(err)
	}
	if paths, _ := shownExamples(ctx, t); len(paths) > 0 {
		t.Errorf("after closing %q are shown", paths)
	}
}
