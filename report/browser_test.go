package report

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browsers are the names that Chromium goes by; Debian's package chromium-headless-shell, which
// is enough, has the first.
var browsers = []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "headless_shell"}

// browser is Chromium's program: FOVEA_CHROMIUM, or what is in the path.
func browser(t *testing.T) string {
	t.Helper()
	if named := os.Getenv("FOVEA_CHROMIUM"); named != "" {
		return named
	}
	for _, name := range browsers {
		if file, err := exec.LookPath(name); err == nil {
			return file
		}
	}
	t.Skipf("there is no Chromium to look at the page with: install %s, or name one in FOVEA_CHROMIUM", browsers[0])
	return ""
}

// layout describes a page once it is drawn.
type layout struct {
	// Overflow is by how many pixels the page is wider than the window.
	Overflow float64
	// Plots and Images count those that are drawn, Broken the images that are not.
	Plots, Images, Broken int
	// Narrow is the width of the narrowest plot.
	Narrow float64
	// Outside are texts that extend beyond their plot, Cut texts that are wider than their cell of a
	// table.
	Outside, Cut []string
	// Accuracy is the text in the largest letters.
	Accuracy string
}

const lookAtLayout = `(() => {
	const svgs = [...document.querySelectorAll("svg")], images = [...document.images];
	const boxes = svgs.map(s => s.getBoundingClientRect());
	return {
		Overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
		Plots: boxes.filter(b => b.width > 0 && b.height > 0).length,
		Images: images.filter(i => i.complete && i.naturalWidth > 0).length,
		Broken: images.filter(i => !i.complete || i.naturalWidth == 0).length,
		Narrow: Math.min(...boxes.map(b => b.width)),
		Outside: svgs.flatMap((s, i) => [...s.querySelectorAll("text")].filter(x => {
			const b = x.getBoundingClientRect();
			return b.left < boxes[i].left - 1 || b.right > boxes[i].right + 1 || b.top < boxes[i].top - 1 || b.bottom > boxes[i].bottom + 1;
		}).map(x => x.textContent)),
		Cut: [...document.querySelectorAll("td, th, figcaption, h1, h2")].filter(x => x.scrollWidth > x.clientWidth + 1).map(x => x.textContent),
		Accuracy: document.querySelector(".big").textContent,
	};
})()`

// A real browser draws the page in a window for desks and in one for telephones, with nothing cut off,
// nothing loaded and no complaint. FOVEA_SCREENSHOTS names a directory for screenshots.
func TestPageInBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	program := browser(t)
	dir := t.TempDir()
	if _, err := Write(dir, long(t)); err != nil {
		t.Fatal(err)
	}
	// The rest of the switches, and a profile of its own, are chromedp's.
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	defer chromedp.Cancel(ctx) // which waits for the browser's end
	page := "file://" + filepath.Join(dir, "report.html")
	var mutex sync.Mutex // guards complaints
	var complaints []string
	complain := func(text string) {
		mutex.Lock()
		complaints = append(complaints, text)
		mutex.Unlock()
	}
	chromedp.ListenTarget(ctx, func(event any) {
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			if e.Request.URL != page && !strings.HasPrefix(e.Request.URL, "data:") {
				complain("loads " + e.Request.URL)
			}
		case *runtime.EventExceptionThrown:
			complain(e.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			complain("the console says " + string(e.Type))
		}
	})
	for _, window := range []struct {
		name          string
		width, height int64
		least         float64 // width of a plot
	}{{"desk", 1280, 900, 340}, {"telephone", 390, 800, 300}} {
		var seen layout
		var picture []byte
		err := chromedp.Run(ctx, network.Enable(), emulation.SetDeviceMetricsOverride(window.width, window.height, 1, window.width < 500),
			chromedp.Navigate(page), chromedp.WaitReady("body"), chromedp.Evaluate(lookAtLayout, &seen), chromedp.FullScreenshot(&picture, 100))
		if err != nil {
			t.Fatalf("%s: %v", program, err)
		}
		if seen.Overflow > 0 || seen.Plots != 5 || seen.Images != 7 || seen.Broken > 0 || seen.Narrow < window.least || seen.Accuracy != "83.33 %" {
			t.Errorf("%s: the page is laid out as %+v", window.name, seen)
		}
		if len(seen.Outside)+len(seen.Cut) > 0 {
			t.Errorf("%s: texts are cut off: %q in plots, %q in the page", window.name, seen.Outside, seen.Cut)
		}
		if to := os.Getenv("FOVEA_SCREENSHOTS"); to != "" {
			if err := os.WriteFile(filepath.Join(to, window.name+".png"), picture, 0o644); err != nil {
				t.Error(err)
			}
		}
	}
	mutex.Lock()
	defer mutex.Unlock()
	if len(complaints) > 0 {
		t.Errorf("the page %q", complaints)
	}
}

// long is the sample with what makes pages wide: long names and many images.
func long(t *testing.T) Data {
	data := sample(t)
	data.Facts = append(data.Facts, Fact{"features", "pool5 of vgg16, 25088 values (pooling none)"}, Fact{"model input", "224x224, squash, bilinear, caffe"})
	data.Settings = append(data.Settings, Fact{"columns", "104 of 512 of block4_pool, 113 of 512 of pool5 have a weight; the largest: pool5[12], pool5[400]"})
	for range 6 {
		data.Mistakes = append(data.Mistakes, Mistake{
			"a-directory/of-photos-with-a-rather-long-name/IMG_20240601_123456789_burst_01.jpg", data.Metrics.Classes[0], "dog", 0.6, data.Mistakes[0].Thumbnail,
		})
	}
	return data
}
