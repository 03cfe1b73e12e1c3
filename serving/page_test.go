package serving

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"fovea/internal/web"
)

// browser is a page in a real browser, with what it complains of and loads.
type browser struct {
	context.Context
	mutex      sync.Mutex // guards what follows
	complaints []string
	loaded     []string
}

// browse starts Chromium for a test.
func browse(t *testing.T) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a browser")
	}
	program := os.Getenv("FOVEA_CHROMIUM")
	for _, name := range []string{"chromium-headless-shell", "chromium", "google-chrome"} {
		if found, err := exec.LookPath(name); program == "" && err == nil {
			program = found
		}
	}
	if program == "" {
		t.Skip("there is no Chromium to look at the page with: name one in FOVEA_CHROMIUM, see scripts/browser.sh")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) }) // waits for the browser's end
	b := &browser{Context: ctx}
	chromedp.ListenTarget(ctx, b.listen)
	b.run(t, network.Enable(), runtime.Enable(), log.Enable())
	return b
}

func (b *browser) listen(event any) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.loaded = append(b.loaded, e.Request.URL)
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		b.complaints = append(b.complaints, "the console says "+string(e.Type))
	case *log.EventEntryAdded: // also of what the policy forbids
		refusal := e.Entry.Source == log.SourceNetwork && strings.Contains(e.Entry.URL, "/predict") // which the page shows
		if !refusal && !strings.HasPrefix(e.Entry.Text, "Canvas2D: Multiple readback") {            // which is how the test looks
			b.complaints = append(b.complaints, e.Entry.Text)
		}
	}
}

func (b *browser) run(t *testing.T, actions ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(b, actions...); err != nil {
		t.Fatal(err)
	}
}

// quiet holds the page to loading from its own server alone, without complaint.
func (b *browser) quiet(t *testing.T, url string) {
	t.Helper()
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if len(b.complaints) > 0 {
		t.Errorf("the page complains: %q", b.complaints)
	}
	for _, from := range b.loaded {
		if !strings.HasPrefix(from, url+"/") {
			t.Errorf("the page loads %s", from)
		}
	}
}

// shown is what the page shows of a photo.
type shown struct {
	Name, Label, Kind, Novelty string
	Bars                       []string
	Widths                     []float64 // of the bars, in percent
	Painted                    bool      // the preview
	Again                      bool
}

const lookAtPhotos = `[...document.querySelectorAll(".photo")].map(p => {
	const canvas = p.querySelector("canvas");
	return {
		Name: p.querySelector("figcaption").textContent, Label: p.querySelector(".label").textContent, Kind: p.querySelector(".label").className,
		Novelty: p.querySelector(".novelty").textContent, Bars: [...p.querySelectorAll(".bars li")].map(b => b.textContent),
		Widths: [...p.querySelectorAll(".track div")].map(f => 100 * f.getBoundingClientRect().width / f.parentElement.getBoundingClientRect().width),
		Painted: canvas != null && canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some(v => v != 0 && v != 255),
		Again: !p.querySelector(".again").hidden,
	};
})`

const overflow = `document.documentElement.scrollWidth - document.documentElement.clientWidth`

// photos waits until so many photos are done, and returns what the page shows.
func (b *browser) photos(t *testing.T, done string) (all []shown) {
	t.Helper()
	b.run(t, chromedp.Poll(`document.getElementById("status").textContent == "`+done+`"`, nil), chromedp.Evaluate(lookAtPhotos, &all))
	return all
}

// screenshot writes a picture of the page to the directory FOVEA_SCREENSHOTS, if that is set.
func (b *browser) screenshot(t *testing.T, name string) {
	t.Helper()
	to := os.Getenv("FOVEA_SCREENSHOTS")
	if to == "" {
		return
	}
	var picture []byte
	b.run(t, chromedp.FullScreenshot(&picture, 100))
	if err := os.WriteFile(filepath.Join(to, name+".png"), picture, 0o644); err != nil {
		t.Error(err)
	}
}

// Photos that are put on the page are shown with what the server says of them, on desks and telephones.
func TestPageInBrowser(t *testing.T) {
	b := browse(t)
	h, o := novelHead(t)
	o.Batch, o.AnyBatch = 4, true
	p := open(t, h, o)
	s, err := NewServer(p, ServerOptions{Name: "cats-vs-dogs"})
	if err != nil {
		t.Fatal(err)
	}
	url, _ := start(t, s)
	broken := filepath.Join(t.TempDir(), "broken.jpg")
	if err := os.WriteFile(broken, []byte("no image"), 0o644); err != nil {
		t.Fatal(err)
	}
	files := append(absolute(t, photoFiles(t)[:4]), broken)
	b.run(t, chromedp.Navigate(url+"/"), chromedp.SetUploadFiles("#files", files, chromedp.ByQuery))
	photos := b.photos(t, "5 of 5 done")
	for i, file := range files[:4] {
		outcome, err := p.Predict(read(t, file))
		if err != nil {
			t.Fatal(err)
		}
		best := rank(outcome.Probabilities, h.Classes, 1)[0]
		got := photos[i]
		if got.Name != filepath.Base(file) || got.Label != best.Label || !got.Painted || len(got.Bars) != 2 || !strings.HasPrefix(got.Bars[0], best.Label) || got.Again {
			t.Errorf("%s is shown as %+v, want %+v", file, got, best)
			continue
		}
		if d := got.Widths[0] - 100*best.Probability; d < -1.5 || d > 1.5 {
			t.Errorf("%s has a bar of %.1f %%, want %.1f %%", file, got.Widths[0], 100*best.Probability)
		}
		if !strings.HasPrefix(got.Novelty, "novelty ") || strings.Contains(got.Novelty, "unlike") != (*outcome.Novelty > 1) {
			t.Errorf("%s has the %q, want %g", file, got.Novelty, *outcome.Novelty)
		}
	}
	if got := photos[4]; got.Painted || !strings.Contains(got.Label, "image: header") || got.Kind != "label bad" {
		t.Errorf("what is no image is shown as %+v", got)
	}
	for _, scheme := range []string{"light", "dark"} {
		for name, width := range map[string]int64{"desk": 1200, "telephone": 400} {
			var wider float64
			b.run(t, emulation.SetDeviceMetricsOverride(width, 800, 1, width < 500), emulation.SetTouchEmulationEnabled(width < 500),
				emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}), chromedp.Evaluate(overflow, &wider))
			if wider > 0 {
				t.Errorf("%s: the page is %g pixels too wide", name, wider)
			}
			b.screenshot(t, "serve-"+name+"-"+scheme)
		}
	}
	b.run(t, chromedp.Click("#clear", chromedp.ByQuery))
	if left := b.photos(t, ""); len(left) > 0 {
		t.Errorf("cleared, the page shows %+v", left)
	}
	b.quiet(t, url)
}

// What names hide is shown, as in the reports.
func TestPageShowsHiddenNames(t *testing.T) {
	b := browse(t)
	p := redPredictor(&redness{})
	p.head.Classes = []string{"da\u202erk", "r\u200bed"}
	url, _ := start(t, redServer(t, p, ServerOptions{Name: "a\u2066b", MaxBytes: 1 << 20, Timeout: 10 * time.Second}))
	file := filepath.Join(t.TempDir(), "x\u202egpj.png")
	if err := os.WriteFile(file, read(t, absolute(t, photoFiles(t)[:1])[0]), 0o644); err != nil {
		t.Fatal(err)
	}
	b.run(t, chromedp.Navigate(url+"/"), chromedp.SetUploadFiles("#files", []string{file}, chromedp.ByQuery))
	got := b.photos(t, "1 of 1 done")[0]
	var heading, whole, painted string
	b.run(t, chromedp.Text("header", &heading), chromedp.Text("body", &whole), chromedp.AttributeValue("canvas", "aria-label", &painted, nil))
	if strings.ContainsAny(whole+painted, "\u202e\u200b\u2066") || !strings.Contains(heading, `a\u2066b`) || !strings.Contains(heading, `da\u202erk, r\u200bed`) ||
		got.Name != `x\u202egpj.png` || painted != got.Name || len(got.Bars) != 2 || !strings.Contains(strings.Join(got.Bars, " "), `r\u200bed`) {
		t.Errorf("the page shows %q, %q, %+v", heading, painted, got)
	}
	b.quiet(t, url)
}

// absolute are the names of files for a program with another working directory.
func absolute(t *testing.T, files []string) (all []string) {
	t.Helper()
	for _, file := range files {
		name, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, name)
	}
	return all
}

// Where the server wants a token, the page asks for it, says when it is wrong, and goes on with the photos.
func TestPageAsksForToken(t *testing.T) {
	b := browse(t)
	file := filepath.Join(t.TempDir(), "tokens")
	const token = "0123456789abcdef0123456789abcdef"
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	site, err := web.Options{TokenFile: file}.Open()
	if err != nil {
		t.Fatal(err)
	}
	h, o := smallHead(t)
	s, err := NewServer(open(t, h, o), ServerOptions{Site: site})
	if err != nil {
		t.Fatal(err)
	}
	url, _ := start(t, s)
	if _, body := get(t, url+"/"); strings.Contains(body, h.Classes[0]) {
		t.Error("the page tells the classes without a token")
	}
	b.run(t, chromedp.Navigate(url+"/"), chromedp.SetUploadFiles("#files", absolute(t, photoFiles(t)[:2]), chromedp.ByQuery))
	if photos := b.photos(t, "2 of 2 done"); photos[0].Label != "needs an access token" || !photos[0].Again {
		t.Errorf("without a token, the page shows %+v", photos)
	}
	b.run(t, chromedp.SendKeys("#token", "a wrong one\r", chromedp.ByQuery), chromedp.Poll(`document.getElementById("refusal").textContent != ""`, nil))
	b.photos(t, "2 of 2 done")
	b.screenshot(t, "serve-token")
	var beside float64
	b.run(t, chromedp.EmulateViewport(1400, 900), chromedp.Evaluate(`(() => {
		const middle = (id) => (({ left, right }) => (left + right) / 2)(document.getElementById(id).getBoundingClientRect());
		return Math.abs(middle("choose") - middle("drop"));
	})()`, &beside))
	if beside > 2 {
		t.Errorf("on a wide page, the button is %g pixels beside the middle", beside)
	}
	b.run(t, chromedp.Evaluate(`document.getElementById("token").value = ""`, nil), chromedp.SendKeys("#token", token+"\r", chromedp.ByQuery),
		chromedp.Poll(`document.querySelectorAll(".bars li").length == 4`, nil))
	for _, photo := range b.photos(t, "2 of 2 done") {
		if photo.Label != "cat" && photo.Label != "dog" || photo.Again {
			t.Errorf("with the token, the page shows %+v", photo)
		}
	}
	b.quiet(t, url)
}

// The page may run its own code alone.
func TestPagePolicy(t *testing.T) {
	url, _ := start(t, redServer(t, redPredictor(&redness{}), ServerOptions{Name: "a<b>&c"}))
	r, err := http.Get(url + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close() // only its header matters
	if got := r.Header.Get("Content-Security-Policy"); got != pagePolicy || strings.Contains(got, "unsafe") {
		t.Errorf("the policy is %s", got)
	}
	_, body := get(t, url+"/")
	if !strings.Contains(body, "<h1>a&lt;b&gt;&amp;c</h1>") || strings.Contains(body, "style=") || strings.Count(body, "<script") != 1 {
		t.Errorf("the page is %s", body)
	}
	for name, kind := range map[string]string{"page.js": "text/javascript; charset=utf-8", "shown.js": "text/javascript; charset=utf-8", "page.css": "text/css; charset=utf-8", "look.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"} {
		r, err := http.Get(url + "/page/" + name)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != 200 || r.Header.Get("Content-Type") != kind {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.Header.Get("Content-Type"))
		}
	}
}
