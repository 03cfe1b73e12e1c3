package cmd_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"

	"fovea/featurestore"
)

// TestFromMessyFolder goes the whole way of docs/messy-folder.md: a folder with wrong labels, copies and broken files is
// extracted and trained on; a person corrects the labels on the page of suspects, in a browser; what the page downloads
// is what relabel reads; then the folder itself is tidied up. The colour of each picture says what it really is.
func TestFromMessyFolder(t *testing.T) {
	t.Parallel()
	l := &loop{T: t, dir: t.TempDir(), really: map[string]string{}, random: rand.New(rand.NewPCG(3, 3))}
	wrong := l.mess()
	l.run(3, "extract", l.extraction()...)
	messy := l.train()

	page := filepath.Join(l.dir, "suspects.html")
	l.run(0, "finetune", "suspects", "-q", "--features", "pets", "--images", "photos", "--page", page, "--top", "30")
	table, command := l.correct(page)
	records := l.records(table)
	if len(records) != len(wrong)+1 || strings.Join(records[0], ",") != "path,label" {
		t.Errorf("the page gives %q, want a header and %d corrections", records, len(wrong))
	}
	corrected := map[string]string{}
	for _, r := range records[1:] {
		corrected[r[0]] = r[1]
	}
	if !maps.Equal(corrected, wrong) {
		t.Errorf("corrected are %q, want %q", corrected, wrong)
	}

	words := strings.Fields(strings.NewReplacer("labels.csv", table, "DIR", "pets").Replace(command))
	said := l.run(0, words[0], words[1:]...)
	if want := fmt.Sprintf("%d of %d rows and 0 failures changed", len(wrong), len(l.really)); !strings.Contains(said, want) {
		t.Errorf("relabel says %s, want %s", said, want)
	}
	l.labelsAre(func(path string) string { return l.really[path] })
	tidy := l.train()
	if tidy.accuracy <= messy.accuracy || tidy.loss >= messy.loss {
		t.Errorf("accuracy by cross-validation is %.3f, and was %.3f; log loss %.3f, and was %.3f", tidy.accuracy, messy.accuracy, tidy.loss, messy.loss)
	}
	t.Logf("cross-validated accuracy %.3f, log loss %.3f; after %d corrections %.3f and %.3f", messy.accuracy, messy.loss, len(wrong), tidy.accuracy, tidy.loss)

	l.tidy(wrong)
	said = l.run(0, "extract", append(l.extraction(), "--sync", "--json")...)
	var synced struct {
		Rows int
		Sync struct{ Kept, Moved, Relabelled, Copied, New, Removed, Dropped int }
	}
	check(t, json.Unmarshal([]byte(said), &synced))
	if s := synced.Sync; s.Moved != len(wrong) || s.New != 2 || s.Removed != 2 || s.Relabelled+s.Copied != 0 || synced.Rows != len(l.really) || s.Kept != len(l.really)-len(wrong)-2 {
		t.Errorf("synchronized: %+v, with %d pictures there", synced, len(l.really))
	}
	l.labelsAre(path.Dir)
	l.labelsAre(func(path string) string { return l.really[path] })
	said = l.run(0, "finetune", "evaluate", "-q", "--head", "pets.head", "--features", "pets", "--json")
	var evaluated struct {
		N        int
		Accuracy float64
	}
	check(t, json.Unmarshal([]byte(said), &evaluated))
	if evaluated.N != len(l.really) || evaluated.Accuracy < 0.97 {
		t.Errorf("the accuracy in the end is %+v of %d pictures", evaluated, len(l.really))
	}
}

// loop is a folder of pictures on its way to a classifier.
type loop struct {
	*testing.T
	dir string
	// really are the colours of the pictures, by their paths in photos.
	really map[string]string
	random *rand.Rand
}

var loopColours = map[string]color.RGBA{"red": {180, 80, 80, 255}, "green": {80, 180, 80, 255}, "blue": {80, 80, 180, 255}}

// picture makes a noisy picture of a colour.
func (l *loop) picture(at, of string) {
	l.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 16, 16))
	c := loopColours[of]
	for i := range img.Pix {
		base := []uint8{c.R, c.G, c.B, 255}[i%4]
		img.Pix[i] = 255
		if i%4 < 3 {
			img.Pix[i] = uint8(min(255, max(0, int(base)+l.random.IntN(141)-70)))
		}
	}
	name := filepath.Join(l.dir, "photos", filepath.FromSlash(at))
	check(l.T, os.MkdirAll(filepath.Dir(name), 0o755))
	f, err := os.Create(name)
	check(l.T, err)
	check(l.T, png.Encode(f, img))
	check(l.T, f.Close())
	l.really[at] = of
}

// mess makes the folder, and returns the pictures in wrong folders with what they really are.
func (l *loop) mess() map[string]string {
	l.Helper()
	wrong := map[string]string{}
	colours := slices.Sorted(maps.Keys(loopColours))
	for n, of := range colours {
		for i := range 24 {
			name, folder := fmt.Sprintf("%s-%d.png", of, i), of
			switch i {
			case 3, 11:
				folder = colours[(n+1)%3]
			case 17:
				name, folder = fmt.Sprintf("the \"%s\", größer, %d.png", of, i), colours[(n+2)%3]
			}
			at := folder + "/" + name
			if l.picture(at, of); folder != of {
				wrong[at] = of
			}
		}
	}
	for name, text := range map[string]string{"red/broken.png": "no picture", "notes.txt": "to do", "blue/.hidden.png": "x", "red/Thumbs.db": "x"} {
		check(l.T, os.WriteFile(filepath.Join(l.dir, "photos", name), []byte(text), 0o644))
	}
	return wrong
}

// tidy moves the pictures into their folders, adds and deletes some.
func (l *loop) tidy(wrong map[string]string) {
	l.Helper()
	at := func(name string) string { return filepath.Join(l.dir, "photos", filepath.FromSlash(name)) }
	for old, of := range wrong {
		now := of + "/" + path.Base(old)
		check(l.T, os.Rename(at(old), at(now)))
		delete(l.really, old)
		l.really[now] = of
	}
	for _, gone := range []string{"red/red-0.png", "blue/blue-5.png"} {
		check(l.T, os.Remove(at(gone)))
		delete(l.really, gone)
	}
	check(l.T, os.Remove(at("red/broken.png")))
	l.picture("green/new.png", "green")
	l.picture("blue/new/deep.png", "blue")
	check(l.T, os.Rename(at("blue/new/deep.png"), at("blue/deep.png")))
	delete(l.really, "blue/new/deep.png")
	l.really["blue/deep.png"] = "blue"
}

func (l *loop) extraction() []string {
	model, err := filepath.Abs(smallModel)
	check(l.T, err)
	return []string{"-q", "--out", "pets", "--model", model, "--preprocessing", "none", "--layers", "small/conv1/Conv2D", "--pool", "avg", "--labels", "dir", "photos"}
}

// run runs a program, which must end with a status, and returns its standard output.
func (l *loop) run(status int, program string, arguments ...string) string {
	l.Helper()
	command := exec.Command(filepath.Join(binaries, program), arguments...)
	command.Dir = l.dir
	var errors strings.Builder
	command.Stderr = &errors
	said, err := command.Output()
	if command.ProcessState == nil || command.ProcessState.ExitCode() != status {
		l.Fatalf("%s: %v, want status %d: %s%s", command, err, status, said, &errors)
	}
	return string(said)
}

// crossValidated is what the chosen kind of head has reached in cross-validation.
type crossValidated struct{ accuracy, loss float64 }

func (l *loop) train() crossValidated {
	l.Helper()
	said := l.run(0, "finetune", "train", "-q", "--features", "pets", "--out", "pets.head", "--near-duplicates", "0", "--json")
	var result struct {
		Training struct {
			Candidates []struct {
				Accuracy float64
				LogLoss  float64 `json:"log_loss"`
				WorseBy  float64 `json:"worse_by"`
			}
		}
	}
	check(l.T, json.Unmarshal([]byte(said), &result))
	for _, c := range result.Training.Candidates {
		if c.WorseBy == 0 {
			return crossValidated{c.Accuracy, c.LogLoss}
		}
	}
	l.Fatalf("no kind of head is the best: %s", said)
	return crossValidated{}
}

// labelsAre compares the labels of all rows, by their paths.
func (l *loop) labelsAre(want func(path string) string) {
	l.Helper()
	d, err := featurestore.Open(filepath.Join(l.dir, "pets"))
	check(l.T, err)
	rows, err := d.Index(context.Background())
	check(l.T, err)
	if rows.Rows != len(l.really) {
		l.Errorf("there are %d rows, want %d", rows.Rows, len(l.really))
	}
	for i, path := range rows.Paths {
		if rows.Labels[i] != want(path) {
			l.Errorf("%s has the label %q, want %q", path, rows.Labels[i], want(path))
		}
	}
}

// correct does what a person does on the page, who sees the pictures, and returns the file that the browser saves, and the
// command that the page names.
func (l *loop) correct(page string) (table, command string) {
	l.Helper()
	ctx := l.browse()
	saved := filepath.Join(l.dir, "downloads")
	var paths []string
	err := chromedp.Run(ctx, browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllow).WithDownloadPath(saved).WithEventsEnabled(true),
		chromedp.Navigate("file://"+page), chromedp.WaitReady("#save"), chromedp.Text("p code", &command),
		chromedp.Evaluate(`[...document.querySelectorAll(".card")].map(card => JSON.parse(card.dataset.path))`, &paths))
	check(l.T, err)
	for i, path := range paths {
		of, known := l.really[path]
		if !known {
			l.Errorf("the page shows %s", path)
		}
		if strings.HasPrefix(path, of+"/") {
			continue
		}
		field := fmt.Sprintf(".card:nth-child(%d) input", i+1)
		check(l.T, chromedp.Run(ctx, chromedp.Click(field), chromedp.SendKeys(field, of))) // a click selects what is there
	}
	// By the script: the headless shell never acknowledges a click of the mouse that starts a download.
	check(l.T, chromedp.Run(ctx, chromedp.Evaluate(`document.querySelector("#save").click()`, nil)))
	table = filepath.Join(saved, "labels.csv")
	for range 300 {
		if _, err := os.Stat(table); err == nil {
			return table, command
		}
		time.Sleep(100 * time.Millisecond)
	}
	_ = chromedp.Run(ctx, chromedp.Evaluate(`document.querySelector("#none").click()`, nil)) // else the page asks whether to leave it
	l.Fatal("the browser has saved nothing")
	return "", ""
}

// browse starts a browser.
func (l *loop) browse() context.Context {
	l.Helper()
	if testing.Short() {
		l.Skip("starts a browser")
	}
	program := os.Getenv("FOVEA_CHROMIUM")
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil && program == "" {
			program = found
		}
	}
	if program == "" {
		l.Skip("there is no Chromium to correct labels in: install chromium, or name one in FOVEA_CHROMIUM")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	l.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.WSURLReadTimeout(time.Minute))...)
	l.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	l.Cleanup(cancel)
	l.Cleanup(func() { _ = chromedp.Cancel(ctx) }) // which waits for the browser's end
	return ctx
}

func (l *loop) records(file string) [][]string {
	l.Helper()
	f, err := os.Open(file)
	check(l.T, err)
	defer f.Close() // read-only
	records, err := csv.NewReader(f).ReadAll()
	check(l.T, err)
	return records
}
