package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long a page may stand still before it is given up. A busy machine only makes it slower.
const patience = 3 * time.Minute

// watching counts in a page whatever changes: elements, texts, pictures that arrive, and what the server tells.
const watching = `window.changes = 0;
	const changed = () => window.changes++;
	new MutationObserver(changed).observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
	addEventListener("load", changed, true);
	const Source = EventSource;
	EventSource = function (...given) {
		const source = new Source(...given), listen = source.addEventListener.bind(source);
		source.addEventListener = (name, listener) => listen(name, (event) => { changed(); listener(event); });
		return source;
	};`

// stages are what a person would do before the picture is taken, one after the other, each once the page is ready for it.
// Pauses are for what moves on the page.
var stages = []struct {
	what, ready string
	pause       time.Duration
	do          string
}{
	{"the map and the suspect labels", `state.map === "umap" && state.columns.suspect`, 1500 * time.Millisecond, `
		const order = document.getElementById("order");
		order.value = "suspect";
		order.onchange();`},
	{"the order", `document.querySelectorAll("#grid .cell").length > 0`, 1500 * time.Millisecond, `
		const grid = document.getElementById("grid");
		grid.focus();
		grid.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", bubbles: true}));`},
	{"the nearest neighbours", `document.querySelectorAll("#panel .near img").length > 5`, 0, `
		document.getElementById("map-pca").click(); // on which so few rows lie less tightly`},
	{"the pictures", `[...document.querySelectorAll("#grid img")].every((image) => image.complete)`, 1500 * time.Millisecond, ``},
}

func shoot(ctx context.Context, url, out string) error {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(os.Getenv("FOVEA_CHROMIUM")), chromedp.NoSandbox,
		chromedp.Flag("use-angle", "swiftshader"), chromedp.Flag("enable-unsafe-swiftshader", true), chromedp.WSURLReadTimeout(patience))
	ctx, cancel := chromedp.NewExecAllocator(ctx, options...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	if err := chromedp.Run(ctx); err != nil { // starts the browser, which lives as long as this context
		return fmt.Errorf("start the browser: %w", err)
	}
	err := within(ctx, "open the page", emulation.SetDeviceMetricsOverride(1400, 900, 1, false), chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(watching).Do(ctx)
		return err
	}), chromedp.Navigate(url))
	if err != nil {
		return err
	}
	for _, s := range stages {
		if err := await(ctx, s.what, patience, func(ctx context.Context) (bool, int, error) { return look(ctx, s.ready) }); err != nil {
			return err
		}
		time.Sleep(s.pause)
		if err := within(ctx, "go on from "+s.what, evaluate(s.do, nil)); err != nil {
			return err
		}
	}
	var picture []byte
	if err := within(ctx, "photograph the page", chromedp.CaptureScreenshot(&picture)); err != nil {
		return err
	}
	return os.WriteFile(out, picture, 0o644)
}

// within runs actions, each of which the browser answers by itself.
func within(ctx context.Context, what string, actions ...chromedp.Action) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// evaluate runs the body of an asynchronous function that knows the page's state.
func evaluate(body string, result any) chromedp.Action {
	return chromedp.Evaluate(`(async () => { const {state} = await import("/state.js"); `+body+`
	})()`, result,
		func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) })
}

// look asks the page whether it is ready, and how often it has changed so far.
func look(ctx context.Context, ready string) (done bool, changes int, err error) {
	var now struct {
		Done    bool
		Changes int
	}
	err = within(ctx, "look at the page", evaluate("return {Done: !!("+ready+"), Changes: window.changes}", &now))
	return now.Done, now.Changes, err
}

// await looks again and again until what is awaited is there, as long as something changes: only after so much patience
// without a change it gives up.
func await(ctx context.Context, what string, patience time.Duration, look func(context.Context) (done bool, changes int, err error)) error {
	before, since := -1, time.Now()
	for {
		done, changes, err := look(ctx)
		if err != nil || done {
			return err
		}
		if changes != before {
			before, since = changes, time.Now()
		}
		if time.Since(since) > patience {
			return fmt.Errorf("wait for %s: the page has not changed for %v", what, patience)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(min(100*time.Millisecond, patience/4)):
		}
	}
}
