package explorer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// program is Chromium's: FOVEA_CHROMIUM, or what is in the path; see scripts/browser.sh.
func program(tb testing.TB) string {
	tb.Helper()
	if named := os.Getenv("FOVEA_CHROMIUM"); named != "" {
		return named
	}
	names := []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "headless_shell"}
	for _, name := range names {
		if file, err := exec.LookPath(name); err == nil {
			return file
		}
	}
	tb.Skipf("there is no Chromium to look at the page with: install %s, or name one in FOVEA_CHROMIUM", names[0])
	return ""
}

// tab is the explorer's page in a browser. Whatever it loads from elsewhere, and whatever it complains about, fails
// the test.
type tab struct {
	tb  testing.TB
	ctx context.Context
	// allowed are parts of complaints that a test means to cause.
	allowed []string
}

// software lets a browser without a graphics processor draw with WebGL.
var software = []chromedp.ExecAllocatorOption{chromedp.Flag("use-angle", "swiftshader"), chromedp.Flag("enable-unsafe-swiftshader", true)}

// browse opens the page in a window of 1400 x 900 and waits until it has shown its rows.
func browse(tb testing.TB, r *running, flags []chromedp.ExecAllocatorOption, allowed ...string) *tab {
	tb.Helper()
	if testing.Short() {
		tb.Skip("starts a browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program(tb)), chromedp.NoSandbox,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	tb.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, append(options, flags...)...)
	tb.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithErrorf(func(format string, values ...any) {
		if text := fmt.Sprintf(format, values...); !strings.Contains(text, "unhandled node event") { // newer than the library
			fmt.Fprintln(os.Stderr, text)
		}
	}))
	tb.Cleanup(cancel)
	p := &tab{tb: tb, ctx: ctx, allowed: allowed}
	tb.Cleanup(func() { _ = chromedp.Cancel(ctx) }) // which waits for the browser's end
	p.watch(r.base)
	p.do(network.Enable(), log.Enable(), emulation.SetDeviceMetricsOverride(1400, 900, 1, false), chromedp.Navigate(r.base+"/?token="+r.token))
	p.wait(`document.getElementById("count").textContent !== ""`)
	p.settle()
	return p
}

// watch collects what the page should not do, for the end of the test.
func (p *tab) watch(base string) {
	complaints := make(chan string, 100)
	chromedp.ListenTarget(p.ctx, func(event any) {
		complaint := ""
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			if u := e.Request.URL; !strings.HasPrefix(u, base+"/") && !strings.HasPrefix(u, "data:") && !strings.HasPrefix(u, "blob:"+base+"/") {
				complaint = "loads " + u
			}
		case *runtime.EventExceptionThrown:
			complaint = e.ExceptionDetails.Error()
		case *runtime.EventConsoleAPICalled:
			complaint = "the console says " + string(e.Type)
		case *log.EventEntryAdded:
			if e.Entry.Level == log.LevelError {
				complaint = e.Entry.Text + " " + e.Entry.URL
			}
		}
		for _, text := range p.allowed {
			if strings.Contains(complaint, text) {
				complaint = ""
			}
		}
		if complaint != "" {
			select {
			case complaints <- complaint:
			default:
			}
		}
	})
	p.tb.Cleanup(func() {
		for len(complaints) > 0 {
			p.tb.Errorf("the page: %s", <-complaints)
		}
	})
}

func (p *tab) do(actions ...chromedp.Action) {
	p.tb.Helper()
	must(p.tb, chromedp.Run(p.ctx, actions...))
}

// eval runs the body of an asynchronous function in the page. state and the other names of state.js are there.
func (p *tab) eval(body string, result any) {
	p.tb.Helper()
	script := `(async () => { const {state, select, open, emit} = await import("/state.js"), map = await import("/map.js"); ` + body + `})()`
	var raw json.RawMessage
	p.do(chromedp.Evaluate(script, &raw, func(e *runtime.EvaluateParams) *runtime.EvaluateParams { return e.WithAwaitPromise(true) }))
	if result != nil {
		must(p.tb, json.Unmarshal(raw, result))
	}
}

// wait waits until an expression is true.
func (p *tab) wait(expression string) {
	p.tb.Helper()
	var last bool
	for range 600 {
		if p.eval("return !!("+expression+")", &last); last {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	var seen string
	p.eval(`return document.body.innerText`, &seen)
	p.tb.Fatalf("%s never comes true; the page shows %q", expression, seen)
}

// settle waits until the map stands still and has been drawn.
func (p *tab) settle() {
	p.tb.Helper()
	p.eval(`await new Promise(done => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 250))`, nil)
}

// click clicks an element, with keys held.
func (p *tab) click(selector string, held input.Modifier) {
	p.tb.Helper()
	var at struct{ X, Y float64 }
	p.eval(`const b = document.querySelector(`+jsonOf(selector)+`).getBoundingClientRect(); return {X: b.x + b.width / 2, Y: b.y + b.height / 2}`, &at)
	p.do(chromedp.MouseClickXY(at.X, at.Y, chromedp.ButtonModifiers(held)))
}

// press presses keys where the focus is, with others held.
func (p *tab) press(keys string, held input.Modifier) {
	p.tb.Helper()
	p.do(chromedp.KeyEvent(keys, chromedp.KeyModifiers(held)))
}

// drag moves the pointer with its button down through places of the window, with keys held.
func (p *tab) drag(held input.Modifier, places ...[2]float64) {
	p.tb.Helper()
	event := func(kind input.MouseType, at [2]float64) chromedp.Action {
		return input.DispatchMouseEvent(kind, at[0], at[1]).WithButton(input.Left).WithButtons(1).WithClickCount(1).WithModifiers(held)
	}
	p.do(event(input.MousePressed, places[0]))
	for _, at := range places[1:] {
		p.do(event(input.MouseMoved, at))
	}
	p.do(event(input.MouseReleased, places[len(places)-1]))
	p.settle()
}

// show sets the window and the scheme of colours, and returns what the page then looks like. FOVEA_SCREENSHOTS names a
// directory for it.
func (p *tab) show(name string, width int64, scheme string) image.Image {
	p.tb.Helper()
	var data []byte
	p.do(emulation.SetDeviceMetricsOverride(width, 900, 1, width < 500),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
	p.settle()
	p.do(chromedp.CaptureScreenshot(&data))
	if to := os.Getenv("FOVEA_SCREENSHOTS"); to != "" {
		must(p.tb, os.WriteFile(filepath.Join(to, "explorer-"+name+".png"), data, 0o644))
	}
	picture, err := png.Decode(bytes.NewReader(data))
	must(p.tb, err)
	return picture
}

// jsonOf is a value of texts and numbers for a script.
func jsonOf(value any) string {
	data, _ := json.Marshal(value) // never fails for such values
	return string(data)
}
