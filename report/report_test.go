package report

import (
	"bytes"
	"encoding/base64"
	"html"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fovea/head"
)

// sample is a report on three classes, one of which has a name with HTML in it.
func sample(t *testing.T) Data {
	t.Helper()
	classes := []string{"<b>cat</b>", "dog", "newt & co"}
	var probabilities [][]float64
	var labels []string
	for i := range 60 {
		p := []float64{0.2, 0.2, 0.2}
		p[i%3] += 0.4
		labels = append(labels, classes[(i+i/50)%3]) // the last ten are wrong
		probabilities = append(probabilities, p)
	}
	m, err := head.Evaluate(probabilities, labels, classes)
	if err != nil {
		t.Fatal(err)
	}
	var thumbnail bytes.Buffer
	if err := jpeg.Encode(&thumbnail, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		t.Fatal(err)
	}
	return Data{
		Title: "Cats & dogs", Metrics: m,
		Facts:    []Fact{{"trained on", "100 images"}},
		Settings: []Fact{{"--seed", "7"}},
		Training: head.Report{
			Lambda: 0.1, Path: []head.PathPoint{{Lambda: 1, LogLoss: 0.5, Accuracy: 0.8}, {Lambda: 0.1, LogLoss: 0.4, Accuracy: 0.9}},
			Epochs: []head.Epoch{{Epoch: 1, TrainLoss: 0.9, LogLoss: 0.8}, {Epoch: 2, TrainLoss: 0.5, LogLoss: 0.6}}, BestEpoch: 2,
		},
		ROC:      []Curve{{0, head.ROC(probabilities, labels, classes, 0)}, {2, head.ROC(probabilities, labels, classes, 2)}},
		Learning: []head.CurvePoint{{Rows: 10, Accuracy: 0.7, Low: 0.6, High: 0.8}, {Rows: 100, Accuracy: 0.9, Low: 0.9, High: 0.9}},
		Mistakes: []Mistake{{"deep/<i>.jpg", classes[0], "dog", 0.6, thumbnail.Bytes()}, {"gone.jpg", "dog", "newt & co", 0.55, nil}},
	}
}

func TestWrite(t *testing.T) {
	if testing.Short() {
		t.Skip("draws pages, one after the other")
	}
	dir, data := filepath.Join(t.TempDir(), "new", "report"), sample(t)
	files, err := Write(dir, data)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, filepath.Base(f))
	}
	want := []string{"learning-curve.png", "roc.png", "calibration.png", "regularization.png", "epochs.png", "report.html"}
	if d := cmp.Diff(want, names); d != "" {
		t.Errorf("files: %s", d)
	}
	for _, f := range files[:len(files)-1] {
		file, err := os.Open(f)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(file)
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		// Only the data are drawn in blue.
		blue := 0
		for y := range img.Bounds().Dy() {
			for x := range img.Bounds().Dx() {
				if r, _, b, _ := img.At(x, y).RGBA(); b > r+0x4000 {
					blue++
				}
			}
		}
		if blue < 50 {
			t.Errorf("%s has %d points of the line's colour", f, blue)
		}
	}
	raw, err := os.ReadFile(files[len(files)-1])
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	for _, part := range []string{"83.33 %", "60 test images", "Cats &amp; dogs", "predicted &lt;b&gt;cat&lt;/b&gt;", "newt &amp; co", "deep/&lt;i&gt;.jpg", "100 images", "--seed"} {
		if !strings.Contains(page, part) {
			t.Errorf("the page lacks %q", part)
		}
	}
	if n := strings.Count(page, "<svg"); n != 5 {
		t.Errorf("%d plots in the page", n)
	}
	if strings.Contains(page, "<b>cat</b>") || strings.Contains(page, "<?xml") || strings.Contains(page, "ZgotmplZ") {
		t.Error("the page has unescaped names, a second document type or values that the template refused")
	}
	// The page loads nothing.
	for _, reference := range regexp.MustCompile(`(?:src|href)="([^"]*)"|url\(`).FindAllStringSubmatch(page, -1) {
		if strings.HasPrefix(reference[0], `href="#`) {
			continue // within the page
		}
		if !strings.HasPrefix(reference[1], "data:image/jpeg;base64,") {
			t.Errorf("the page refers to %q", reference[0])
			continue
		}
		decoded, err := base64.StdEncoding.DecodeString(html.UnescapeString(strings.TrimPrefix(reference[1], "data:image/jpeg;base64,")))
		if err != nil || !bytes.Equal(decoded, data.Mistakes[0].Thumbnail) {
			t.Errorf("the thumbnail came out changed: %v", err)
		}
	}
}

func TestWriteLeavesOutWhatIsNotThere(t *testing.T) {
	if testing.Short() {
		t.Skip("draws pages, one after the other")
	}
	data := sample(t)
	files, err := Write(t.TempDir(), Data{Title: "x", Metrics: data.Metrics})
	if err != nil || len(files) != 2 {
		t.Fatalf("%v, %v", files, err)
	}
	page, err := os.ReadFile(files[1])
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(page), "Worst mistakes") || strings.Contains(string(page), "Settings") {
		t.Error("empty parts have headings")
	}
}

func TestWriteRefuses(t *testing.T) {
	if testing.Short() {
		t.Skip("draws pages, one after the other")
	}
	if _, err := Write(t.TempDir(), Data{}); err == nil || !strings.Contains(err.Error(), "no metrics") {
		t.Errorf("no metrics give %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Write(file, sample(t)); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file as the directory gives %v", err)
	}
}

func TestWholeTicks(t *testing.T) {
	var labels []string
	for _, tick := range (wholeTicks{}).Ticks(1, 37) {
		labels = append(labels, tick.Label)
	}
	if d := cmp.Diff([]string{"1", "5", "9", "13", "17", "21", "25", "29", "33", "37"}, labels); d != "" {
		t.Error(d)
	}
}

// What names hide is shown on every page, and stays as it is where scripts save it.
func TestHiddenNames(t *testing.T) {
	if testing.Short() {
		t.Skip("draws pages, one after the other")
	}
	const name = "x\u202ey\u200b\x1bz"
	data := sample(t)
	for i := range data.Metrics.Classes {
		data.Metrics.Classes[i] += name
		data.Metrics.PerClass[i].Class += name
	}
	data.Title, data.Facts, data.Settings = name, []Fact{{name, name}}, []Fact{{name, name}}
	for i := range data.Mistakes {
		data.Mistakes[i] = Mistake{Path: name, Truth: name, Taken: name}
	}
	data.Examples = []Example{{Class: 0, Taken: 1, Path: name}}
	files, err := Write(t.TempDir(), data)
	if err != nil {
		t.Fatal(err)
	}
	audit, err := WriteAudit(t.TempDir(), AuditPage{Title: name, Verdict: name, Passed: []string{name}, Sections: []AuditSection{
		{Title: name, Do: name, Details: []string{name}, Rows: []AuditImage{{Path: name, Label: name, Split: name, Note: name, Size: name}}}}})
	if err != nil {
		t.Fatal(err)
	}
	labels, err := writeLabels(t.TempDir(), LabelPage{Title: name, Facts: []Fact{{name, name}}, Classes: []string{name},
		Rows: []LabelRow{{Path: name, Label: name, Split: name, Suggested: name, Note: name}}})
	if err != nil {
		t.Fatal(err)
	}
	saved := regexp.MustCompile(` data-(path|label|suggested|split|real)="[^"]*"`)
	for _, file := range []string{files[len(files)-1], audit, labels} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		page := saved.ReplaceAllString(string(raw), "")
		if at := strings.IndexAny(page, "\u202e\u200b\x1b"); at >= 0 {
			t.Errorf("%s: hidden at %q", filepath.Base(file), page[max(0, at-80):at+20])
		}
		if !strings.Contains(page, `x\u202ey\u200b\x1bz`) {
			t.Errorf("%s does not show the name", filepath.Base(file))
		}
		// The real ones are in JSON.
		if n := strings.Count(string(raw), "x\u202ey\u200b\\u001bz"); file == labels && n != 5 {
			t.Errorf("the page of labels has %d real names, want 5", n)
		}
	}
}
