package finetuning

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/featurestore"
)

// audited audits rows.
func audited(t *testing.T, o AuditOptions, rows ...featurestore.Row) *Audit {
	t.Helper()
	o.Source = datasetOf(t, recipeOf(oneLayer), featurestore.StatusComplete, rows...)
	a, err := RunAudit(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *Audit) finding(kind string) *Finding {
	for i := range a.Findings {
		if a.Findings[i].Kind == kind {
			return &a.Findings[i]
		}
	}
	return nil
}

// paths are those of a finding's images, by their groups.
func (f *Finding) paths() string {
	var all []string
	for _, r := range f.Rows {
		all = append(all, fmt.Sprintf("%d:%s", r.Group, r.Path))
	}
	return strings.Join(all, " ")
}

// Each fault is found, with its images; without it, nothing is.
func TestAudit(t *testing.T) {
	const n = 200
	copyOf := func(rows []featurestore.Row, to, from int) { // the same pixels in another file
		rows[to].Features = [][]float32{slices.Clone(rows[from].Features[0])}
	}
	for kind, c := range map[string]struct {
		spoil   func(rows []featurestore.Row)
		count   int
		paths   string // "" for any
		details string // "" for none
	}{
		FoundConflicts: {func(rows []featurestore.Row) {
			copyOf(rows, 1, 0)
			rows[0].SHA256, rows[1].SHA256 = fmt.Sprintf("%064d", 7), fmt.Sprintf("%064d", 7)
		}, 1, "1:000.jpg 1:001.jpg", ""},
		FoundNearConflicts: {func(rows []featurestore.Row) { copyOf(rows, 3, 2); rows[3].Features[0][0] += 0.001 }, 1, "1:002.jpg 1:003.jpg", ""},
		FoundLeaks: {func(rows []featurestore.Row) {
			for i := range rows {
				rows[i].Split = map[bool]string{true: "Train", false: "test"}[i%5 > 0]
			}
			copyOf(rows, 7, 5)  // of train and test
			copyOf(rows, 3, 1)  // both of train
			rows[9].Split = " " // is train
		}, 1, "1:005.jpg 1:007.jpg", ""},
		FoundAlone:     {func(rows []featurestore.Row) { rows[4].Label = "dog"; copyOf(rows, 4, 6); rows[4].Features[0][1]-- }, 1, "0:004.jpg", ""},
		FoundIdentical: {func(rows []featurestore.Row) { copyOf(rows, 12, 10); copyOf(rows, 14, 10) }, 1, "1:010.jpg 1:012.jpg 1:014.jpg", ""},
		FoundUniform: {func(rows []featurestore.Row) {
			for i := 4; i < n; i += 2 {
				copyOf(rows, i, 2)
				rows[i].Features[0][0] += float32(i) * 1e-5
			}
		}, 1, "", "cat: 100 pictures, 2 of them different"},
		FoundAlikeClasses: {func(rows []featurestore.Row) {
			for i := 0; i < n; i += 4 {
				rows[i].Label = "cat "
			}
		}, 1, "", `cat and cat\x20: `},
		FoundAlikeNames: {func(rows []featurestore.Row) {
			for i := 0; i < 20; i += 2 {
				rows[i].Label = "Cat"
			}
		}, 1, "", `"Cat"`},
		FoundTelltale: {func(rows []featurestore.Row) {
			for i := 0; i < n; i += 2 {
				rows[i].Width += 300
			}
		}, 1, "", "cat: pictures are wider, median "},
		FoundOutliers: {func(rows []featurestore.Row) {
			for i := 0; i < n; i++ { // all others are close to one of two centres
				for j := range rows[i].Features[0] {
					rows[i].Features[0][j] = float32(j%2+i%2)*float32(1-2*(i%2)) + rows[i].Features[0][j]/20
				}
			}
			for j := range rows[20].Features[0] {
				rows[20].Features[0][j] = float32(j)*0.3 - 2
			}
		}, 1, "0:020.jpg", ""},
		FoundRareClasses: {func(rows []featurestore.Row) { rows[0].Label, rows[1].Label = "yak ", "yak " }, 1, "0:000.jpg 0:001.jpg", `yak\x20: 2 images`},
		FoundConstantValues: {func(rows []featurestore.Row) {
			for i := range rows {
				rows[i].Features[0][3], rows[i].Features[0][5] = 0, 7
			}
		}, 2, "", "pool5: 2 of 16"},
	} {
		rows := cloudRows(n, 0, "cat", "dog")
		for i := range rows { // sizes that say nothing
			rows[i].Width, rows[i].Height = int32(300+i*37%200), int32(300+i*53%200)
		}
		o := AuditOptions{NearDuplicates: 0.9999}
		clean := audited(t, o, rows...)
		if f := clean.finding(kind); f != nil {
			t.Errorf("%s: found where there is none: %+v", kind, f)
			continue
		}
		c.spoil(rows)
		a := audited(t, o, rows...)
		f := a.finding(kind)
		if f == nil || f.Count != c.count || c.paths != "" && f.paths() != c.paths || !strings.Contains(strings.Join(f.Details, "\n"), c.details) || f.Do == "" {
			t.Errorf("%s: found %+v", kind, f)
		}
		if slices.Contains(a.Passed, kind) || len(a.Passed)+len(a.Findings)+len(a.Skipped) != 12 {
			t.Errorf("%s: %d findings, passed are %v, skipped %v", kind, len(a.Findings), a.Passed, a.Skipped)
		}
		var out bytes.Buffer
		if err := a.WriteText(&out, 3); err != nil || !strings.Contains(out.String(), f.What) {
			t.Errorf("%s: the text is\n%s", kind, out.String())
		}
	}
}

// Groups whose labels conflict come first, and the page marks them and says how large each copy is.
func TestAuditOfConflictingCopies(t *testing.T) {
	rows := cloudRows(60, 0, "cat", "dog")
	for i := range rows {
		rows[i].Width, rows[i].Height = int32(300+i), 200
	}
	for _, pair := range [][2]int{{2, 4}, {6, 9}, {10, 12}} { // 6 is a cat and 9 a dog
		rows[pair[1]].Features = [][]float32{slices.Clone(rows[pair[0]].Features[0])}
	}
	a := audited(t, AuditOptions{NearDuplicates: 0.9999}, rows...)
	f := a.finding(FoundIdentical)
	if f == nil || f.paths() != "1:006.jpg 1:009.jpg 2:002.jpg 2:004.jpg 3:010.jpg 3:012.jpg" || f.Rows[1].Width != 309 || f.Rows[1].Height != 200 {
		t.Fatalf("found %+v", f)
	}
	images := t.TempDir()
	if err := os.WriteFile(filepath.Join(images, "009.jpg"), make([]byte, 1234), 0o644); err != nil {
		t.Fatal(err)
	}
	file, err := a.SavePage(PageOptions{Out: t.TempDir(), Images: images, Most: 50})
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// The pair is among identical features and among near duplicates with conflicting labels.
	if marks, sizes := strings.Count(string(page), "labels conflict"), strings.Count(string(page), "309x200, 1.2\u00a0kB"); marks != 2 || sizes != 2 || strings.Count(string(page), "<br>306x200<") != 2 {
		t.Errorf("%d groups are marked, the size of a copy is there %d times", marks, sizes)
	}
}

// filmed makes rows images of a class that are all nearly the same picture.
func filmed(rows []featurestore.Row, of, to int, label string, of16 func(j int) float32) {
	for i := of; i < to; i++ {
		v := make([]float32, 16)
		for j := range v {
			v[j] = of16(j) + float32((i*7+j*3)%11)*1e-4
		}
		rows[i].Label, rows[i].Features = label, [][]float32{v}
	}
}

// Near duplicates are no neighbours of each other, so that the labels of classes of hardly anything else are not judged by
// neighbours.
func TestAuditOfUniformClasses(t *testing.T) {
	scene := func(at int) func(j int) float32 {
		return func(j int) float32 { return []float32{-2, 6}[map[bool]int{true: 1}[j%4 == at]] }
	}
	frames := cloudRows(200, 0, "cat", "dog")
	filmed(frames, 0, 40, "frames", scene(0))
	scenes := cloudRows(200, 0, "cat", "dog") // two scenes, and a picture of something else
	filmed(scenes, 0, 20, "frames", scene(0))
	filmed(scenes, 20, 40, "frames", scene(1))
	scenes[40].Label = "frames"
	copies := cloudRows(80, 0, "cat", "dog")
	filmed(copies, 0, 40, "cat", scene(0))
	filmed(copies, 40, 80, "dog", scene(1))
	for name, c := range map[string]struct {
		rows    []featurestore.Row
		uniform string
		skipped bool
	}{
		"frames of a scene": {frames, "frames: 40 pictures, 1 of them different", false},
		"of two scenes":     {scenes, "frames: 41 pictures, 3 of them different", false},
		"two pictures":      {copies, "cat: 40 pictures, 1 of them different", true},
	} {
		a := audited(t, AuditOptions{NearDuplicates: 0.999, OwnNear: true}, c.rows...)
		if f := a.finding(FoundUniform); f == nil || f.Details[0] != c.uniform {
			t.Errorf("%s: the uniform classes are %+v", name, f)
		}
		for _, kind := range []string{FoundAlone, FoundAlikeClasses} {
			if f := a.finding(kind); f != nil {
				t.Errorf("%s: %+v", name, f)
			}
			if _, skipped := a.Skipped[kind]; skipped != c.skipped || slices.Contains(a.Passed, kind) == skipped {
				t.Errorf("%s: passed %v, skipped %v", name, a.Passed, a.Skipped)
			}
		}
	}
	// A wrong label among different images is found beside a uniform class; so are classes that are one.
	frames[50].Label, frames[50].Features = "dog", [][]float32{slices.Clone(frames[52].Features[0])}
	frames[50].Features[0][1]--
	a := audited(t, AuditOptions{NearDuplicates: 0.999, OwnNear: true}, frames...)
	if f := a.finding(FoundAlone); f == nil || f.paths() != "0:050.jpg" {
		t.Errorf("a wrong label: %+v", f)
	}
	for i := 42; i < 200; i += 4 {
		frames[i].Label = "kitten"
	}
	a = audited(t, AuditOptions{NearDuplicates: 0.999, OwnNear: true}, frames...)
	if f := a.finding(FoundAlikeClasses); f == nil || f.Count != 1 || !strings.Contains(f.Details[0], "cat and kitten: ") {
		t.Errorf("classes that are one: %+v", f)
	}
}

// Without findings, the list of them is empty in JSON, not null.
func TestAuditWithoutFindings(t *testing.T) {
	rows := cloudRows(100, 0, "cat", "dog")
	a := audited(t, AuditOptions{}, rows...)
	text, err := json.Marshal(a)
	if err != nil || len(a.Findings) > 0 || !strings.Contains(string(text), `"findings":[]`) {
		t.Errorf("the audit is %s, %v", text, err)
	}
}

// The most urgent comes first.
func TestAuditOrder(t *testing.T) {
	rows := cloudRows(100, 0, "cat", "dog")
	for i := range rows {
		rows[i].Features[0][3] = 0
	}
	rows[0].SHA256, rows[1].SHA256 = fmt.Sprintf("%064d", 7), fmt.Sprintf("%064d", 7)
	a := audited(t, AuditOptions{}, rows...)
	if a.Findings[0].Kind != FoundConflicts || a.Skipped[FoundNearConflicts] == "" || a.Skipped[FoundLeaks] == "" {
		t.Errorf("the audit is %+v", a)
	}
	page, err := a.SavePage(PageOptions{Out: t.TempDir(), Most: 5})
	if text, _ := os.ReadFile(page); err != nil || !strings.Contains(string(text), "the same file under different labels") {
		t.Errorf("the page: %v\n%s", err, text)
	}
}

// Exposures are looked at where the images are, as far as they are there.
func TestAuditExposures(t *testing.T) {
	dir := t.TempDir()
	rows := cloudRows(40, 0, "cat", "dog")
	for i := range rows[:38] {
		img := image.NewGray(image.Rect(0, 0, 20, 10))
		for p := range img.Pix {
			img.Pix[p] = color.Gray{Y: uint8(40 + i + 100*(i%2))}.Y
		}
		file, err := os.Create(filepath.Join(dir, rows[i].Path))
		if err != nil {
			t.Fatal(err)
		}
		if err := png.Encode(file, img); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	warned := logged(t)
	a := audited(t, AuditOptions{Images: dir}, rows...)
	f := a.finding(FoundTelltale)
	if f == nil || !strings.Contains(f.Details[0], "cat: pictures are darker, median 58 of 255 against 159 of 255 (area under the ROC curve of exposure alone: 1.000)") {
		t.Errorf("found %+v", f)
	}
	if !warned("the exposure of 2 images is unknown") {
		t.Error("missing images are not mentioned")
	}
	_, err := RunAudit(t.Context(), AuditOptions{Images: t.TempDir(), Source: datasetOf(t, recipeOf(oneLayer), featurestore.StatusComplete, rows...)})
	if err == nil || !strings.Contains(err.Error(), "has none of the 40 images, such as 000.jpg") {
		t.Errorf("another directory: %v", err)
	}
}

// The area under the ROC curve, from scikit-learn 1.9.1: roc_auc_score([0]*5+[1]*4, outside+inside).
func TestRankArea(t *testing.T) {
	if area := rankArea([]float64{2, 3, 3, 9}, []float64{1, 3, 4, 2, 2}); math.Abs(area-0.7) > 1e-12 {
		t.Errorf("the area is %g, want 0.7", area)
	}
}
