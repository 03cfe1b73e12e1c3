package finetuning

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fovea/featurestore"
	"fovea/recipe"
)

// oneLayer is a layer of 16 values.
var oneLayer = recipe.Layer{Name: "pool5", Shape: []int{16}, Layout: recipe.LayoutC}

// cloudRows are rows of classes that overlap little. Of each multiple of wrong, the label is another's.
func cloudRows(n, wrong int, classes ...string) []featurestore.Row {
	random := rand.New(rand.NewPCG(7, 7))
	rows := make([]featurestore.Row, n)
	for i := range rows {
		c := i % len(classes)
		values := make([]float32, 16)
		for j := range values {
			values[j] = float32(random.NormFloat64()) + 3
			if j%len(classes) == c {
				values[j] += 2
			}
		}
		rows[i] = featurestore.Row{Path: fmt.Sprintf("%03d.jpg", i), Label: classes[c], Features: [][]float32{values}}
		if wrong > 0 && i%wrong == 0 {
			rows[i].Label = classes[(c+1)%len(classes)]
		}
	}
	return rows
}

func TestFindSuspects(t *testing.T) {
	const n, each = 400, 20
	for _, classes := range [][]string{{"cat", "dog"}, {"cat", "dog", "owl", "yak"}} {
		source := datasetOf(t, recipeOf(oneLayer), featurestore.StatusComplete, cloudRows(n, each, classes...)...)
		s, err := FindSuspects(t.Context(), SuspectsOptions{Source: source, Seed: 1, NearDuplicates: 0.9999})
		if err != nil {
			t.Fatal(err)
		}
		source.Memory = 1 // in files
		if again, err := FindSuspects(t.Context(), SuspectsOptions{Source: source, Seed: 1, NearDuplicates: 0.9999}); err != nil || !slices.Equal(again.Suspects, s.Suspects) {
			t.Errorf("%d classes: in files, the suspects are others, or %v", len(classes), err)
		}
		found := 0
		for _, r := range s.Suspects[:n/each] {
			if i, err := strconv.Atoi(strings.TrimSuffix(r.Path, ".jpg")); err == nil && i%each == 0 {
				found++
			}
		}
		if found < n/each*9/10 || len(s.Suspects) != n {
			t.Errorf("%d classes: %d of %d wrong labels are among as many first suspects of %d", len(classes), found, n/each, len(s.Suspects))
		}
		if s.EstimatedErrors < 10 || s.EstimatedErrors > 30 || s.Likely < 10 || s.Likely > 30 {
			t.Errorf("%d classes: %g errors estimated, %d likely, there are %d", len(classes), s.EstimatedErrors, s.Likely, n/each)
		}
		for i, r := range s.Suspects {
			if r.Rank != i+1 || r.Label == r.Suggested || i > 0 && r.Margin < s.Suspects[i-1].Margin || r.Likely != (i < s.Likely) {
				t.Fatalf("suspect %d is %+v", i, r)
			}
		}
	}
}

// Images are not judged by copies of them, which would have the same wrong label.
func TestSuspectsOfCopies(t *testing.T) {
	rows := cloudRows(200, 0, "cat", "dog")
	for i := range 5 {
		rows[2*i].Features, rows[2*i].SHA256, rows[2*i].Label = rows[0].Features, fmt.Sprintf("%064d", 0), "dog"
	}
	s, err := FindSuspects(t.Context(), SuspectsOptions{Source: datasetOf(t, recipeOf(oneLayer), featurestore.StatusComplete, rows...), Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Suspects[:5] {
		if r.Path > "008.jpg" || r.Suggested != "cat" || !r.Likely {
			t.Errorf("among the first suspects is %+v", r)
		}
	}
}

func TestSuspectsRefuses(t *testing.T) {
	same := cloudRows(20, 0, "cat", "dog")
	for i := range same {
		same[i].Features = same[0].Features
	}
	unlabelled := cloudRows(20, 0, "")
	two := datasetOf(t, recipeOf(twoLayers...), featurestore.StatusComplete, fewRows()...)
	for name, c := range map[string]struct {
		source Source
		near   float64
		want   string
	}{
		"no labels":   {datasetOf(t, recipeOf(oneLayer), featurestore.StatusComplete, unlabelled...), 0, "have no labels: extract them with --labels"},
		"one class":   {datasetOf(t, recipeOf(oneLayer), featurestore.StatusComplete, cloudRows(20, 0, "cat")...), 0, `all 20 images have the label "cat": wrong labels are found by what tells classes apart`},
		"two layers":  {two, 0, "pool5, fc7: choose one or more with --layers"},
		"all equal":   {datasetOf(t, recipeOf(oneLayer), featurestore.StatusComplete, same...), 0, "all rows are equal: there is nothing to learn from"},
		"all alike":   {datasetOf(t, recipeOf(oneLayer), featurestore.StatusComplete, cloudRows(20, 0, "cat", "dog")...), 0.01, "no fold can be made: use more images, or keep fewer together; --near-duplicates 0 keeps only identical files together"},
		"no dataset":  {Source{Dir: filepath.Join(t.TempDir(), "gone")}, 0, "gone"},
		"not a store": {Source{Dir: "s4://bucket/features"}, 0, "s4"},
	} {
		_, err := FindSuspects(t.Context(), SuspectsOptions{Source: c.source, NearDuplicates: c.near, OwnNear: true})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if name == "two layers" && !errors.Is(err, ErrLayers) {
			t.Errorf("%s: it is not ErrLayers", name)
		}
		if _, err := RunAudit(t.Context(), AuditOptions{Source: c.source}); err == nil != (name == "all equal" || name == "all alike") {
			t.Errorf("an audit with %s: %v", name, err)
		}
	}
}

// A table has all suspects, in the format that its name ends in; strange names come through as datasets spell them.
func TestSaveSuspects(t *testing.T) {
	rows := cloudRows(40, 10, "cat, \"tom\"", "dog\xff")
	rows[0].Path, rows[0].Split = "a\xfe, \"b\".jpg", "test"
	s, err := FindSuspects(t.Context(), SuspectsOptions{Source: datasetOf(t, recipeOf(oneLayer), featurestore.StatusComplete, rows...), Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	read := func(name string) []byte {
		name = filepath.Join(dir, name)
		_, err := s.Save(name, PageOptions{})
		if err := errors.Join(CheckTable(name), err); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	records, err := csv.NewReader(bytes.NewReader(read("all.csv"))).ReadAll()
	if err != nil || len(records) != 41 || strings.Join(records[0], ",") != "path,label,suggested,split,rank,likely,self_confidence,suggested_probability,neighbours,margin" {
		t.Fatalf("%d records, %v, %v", len(records), records[0], err)
	}
	for i, r := range s.Suspects {
		if records[i+1][0] != r.Path || records[i+1][1] != r.Label || records[i+1][4] != strconv.Itoa(i+1) || records[i+1][3] != r.Split {
			t.Errorf("record %d is %q, want %+v", i+1, records[i+1], r)
		}
		if r.Path == `a%FE, "b".jpg` && r.Split != "test" || !strings.HasPrefix(r.Label, "cat") && r.Label != "dog%FF" {
			t.Errorf("a suspect is %+v", r)
		}
	}
	var back Suspects
	if err := json.Unmarshal(read("all.JSON"), &back); err != nil || len(back.Suspects) != 40 || back.Suspects[3] != s.Suspects[3] {
		t.Errorf("JSON: %v", err)
	}
	if parquet := read("all.parquet"); !bytes.HasPrefix(parquet, []byte("PAR1")) {
		t.Error("no Parquet file was written")
	}
	for _, wrong := range []string{"all.xlsx", "all", "gone/all.csv"} {
		if err := CheckTable(filepath.Join(dir, wrong)); err == nil {
			t.Errorf("%s is no error", wrong)
		}
	}
	// A table does not go with another page: it stays where there is none.
	before := read("all.csv")
	s.Suspects[0].Rank = 99
	if _, err := s.Save(filepath.Join(dir, "all.csv"), PageOptions{Out: filepath.Join(dir, "all.csv", "page.html"), Most: 7}); err == nil {
		t.Error("a page in a file is no error")
	}
	if now, err := os.ReadFile(filepath.Join(dir, "all.csv")); err != nil || !bytes.Equal(now, before) {
		t.Errorf("without its page the table is another one, %v", err)
	}
	page, err := s.Save("", PageOptions{Out: filepath.Join(dir, "pages") + "/", Images: dir, Most: 7})
	if err != nil || page != filepath.Join(dir, "pages", "suspects.html") {
		t.Fatal(page, err)
	}
	if text, err := os.ReadFile(page); err != nil || strings.Count(string(text), "data-path=") != 7 {
		t.Errorf("the page: %v\n%s", err, text)
	}
}
