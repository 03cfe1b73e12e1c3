package contactsheet

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// start starts Chromium: FOVEA_CHROMIUM, or what is in the path.
func start(t *testing.T) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a browser")
	}
	program := os.Getenv("FOVEA_CHROMIUM")
	for _, name := range []string{"chromium-headless-shell", "chromium"} {
		if found, err := exec.LookPath(name); err == nil && program == "" {
			program = found
		}
	}
	if program == "" {
		t.Skip("there is no Chromium to look at the page with: install chromium-headless-shell, or name one in FOVEA_CHROMIUM")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) }) // which waits for the browser's end
	return ctx
}

// sheetFile writes a sheet of groups of pictures with long names, and one that is missing.
func sheetFile(t *testing.T, download *Download) string {
	t.Helper()
	sheet := Sheet{Title: "2 groups of duplicates", Notes: []string{"a note"}, Download: download}
	for g := range 2 {
		group := Group{Title: fmt.Sprintf("%d: 9 images, near", g+1), Mark: "labels conflict"}
		for range 9 {
			group.Pictures = append(group.Pictures, Picture{
				File: "missing.jpg", Name: "a-directory/of-photos-with-a-rather-long-name/IMG_20240601_123456789_burst_01.jpg",
				Note: "1.0000 a-label-with-a-rather-long-name-without-any-space", Details: "253x399, 18.9 kB", Mark: "largest",
			})
		}
		sheet.Groups = append(sheet.Groups, group)
	}
	var out bytes.Buffer
	if err := Write(t.Context(), &out, sheet); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "sheet.html")
	if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// A sheet fits into a desk's window and a telephone's, and is dark where the reader's other pages are.
func TestSheetInBrowser(t *testing.T) {
	ctx := start(t)
	if err := chromedp.Run(ctx, chromedp.Navigate("file://"+sheetFile(t, nil)), chromedp.WaitReady("body")); err != nil {
		t.Fatal(err)
	}
	for _, width := range []int64{1200, 400} {
		for scheme, paper := range map[string]string{"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 27)"} {
			var seen struct {
				Overflow, Narrow float64
				Paper            string
			}
			err := chromedp.Run(ctx, emulation.SetDeviceMetricsOverride(width, 900, 1, width < 500),
				emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
				chromedp.Evaluate(`({
					Overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
					Narrow: Math.min(...[...document.querySelectorAll("figure")].map(x => x.offsetWidth)),
					Paper: getComputedStyle(document.body).backgroundColor,
				})`, &seen))
			if err != nil || seen.Overflow > 0 || seen.Narrow < 100 || seen.Paper != paper {
				t.Errorf("%d pixels, %s: %+v, %v", width, scheme, seen, err)
			}
		}
	}
}

// The browser saves the list byte for byte, however long a link may hold.
func TestDownload(t *testing.T) {
	for _, content := range []string{"path,keep\n\"a, \"\"b\"\".jpg\",ä%FF.jpg\n", strings.Repeat("0123456789abcde\n", MostDownload/16)} {
		ctx, dir := start(t), t.TempDir()
		done := make(chan string, 1)
		chromedp.ListenTarget(ctx, func(event any) {
			if e, ok := event.(*browser.EventDownloadProgress); ok && e.State != browser.DownloadProgressStateInProgress {
				done <- e.State.String()
			}
		})
		page := sheetFile(t, &Download{File: "copies.csv", Label: "Download the list", Note: "all but the largest", Content: []byte(content)})
		err := chromedp.Run(ctx, chromedp.Navigate("file://"+page), browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllow).WithDownloadPath(dir).WithEventsEnabled(true), chromedp.Click("a[download]"))
		if err != nil {
			t.Fatal(err)
		}
		select {
		case state := <-done:
			saved, err := os.ReadFile(filepath.Join(dir, "copies.csv"))
			if err != nil || state != "completed" || string(saved) != content {
				t.Errorf("%s: %d bytes of %d, %v", state, len(saved), len(content), err)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("no list of %d bytes is saved", len(content))
		}
	}
	if err := Write(t.Context(), &bytes.Buffer{}, Sheet{Download: &Download{Content: make([]byte, MostDownload+1)}}); err == nil || !strings.Contains(err.Error(), "too long for a link") {
		t.Errorf("a list that is too long: %v", err)
	}
}
