package finetuning

import (
	"fmt"
	"testing"

	"fovea/head"
	"fovea/report"
)

// Examples are of their cells: of the wrong ones the most certain, of the right ones the least certain, as many as asked
// for or as there are, and of every cell with images.
func TestReportExamples(t *testing.T) {
	classes := []string{"ant", "bee", "cow"}
	source := classesDataset(t, classes, 60, 0.8) // hard to tell apart
	trained, err := Train(t.Context(), TrainOptions{Source: source, TestFraction: 0.5, Lambda: 0.1, Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	h := trained.Head
	test, probabilities := heldOut(t, h, source)
	type image struct {
		class, taken int
		probability  float64
	}
	images := map[string]image{}
	place := map[string]int{"ant": 0, "bee": 1, "cow": 2}
	for i, p := range probabilities {
		taken := place[h.Predict(p)]
		images[test.Paths[i]] = image{place[test.Labels[i]], taken, p[taken]}
	}
	for _, most := range []int{0, 2, 1000} {
		r, err := Report(t.Context(), ReportOptions{Head: h, Source: source, Examples: most})
		if err != nil {
			t.Fatal(err)
		}
		cells := map[[2]int][]report.Example{}
		for _, e := range r.Data.Examples {
			if want := (image{e.Class, e.Taken, e.Probability}); images[e.Path] != want || e.Thumbnail != nil {
				t.Errorf("%s is shown as %+v, but is %+v", e.Path, want, images[e.Path])
			}
			at := [2]int{e.Class, e.Taken}
			cells[at] = append(cells[at], e)
		}
		for i, row := range r.Data.Metrics.Confusion {
			for j, n := range row {
				shown := cells[[2]int{i, j}]
				if len(shown) != min(most, n) {
					t.Errorf("at most %d: %d of %d are shown of %s, predicted %s", most, len(shown), n, classes[i], classes[j])
				}
				for path, m := range images {
					if k := len(shown); k > 0 && k < n && m.class == i && m.taken == j {
						last := shown[k-1].Probability
						if isShown := path == shown[0].Path || path == shown[k-1].Path; !isShown && (i == j && m.probability < last || i != j && m.probability > last) {
							t.Errorf("%s with %g is not shown, but %v is", path, m.probability, shown)
						}
					}
				}
			}
		}
	}
}

// All cells together have a bounded number of examples, and each has its first before one has its second.
func TestExamplesAreShared(t *testing.T) {
	var labels []string
	var classes []string
	for c := range 20 {
		classes = append(classes, fmt.Sprintf("class %02d", c))
	}
	var probabilities [][]float64
	var paths []string
	for i := range 20 {
		for j := range 20 {
			for k := range 3 {
				p := make([]float64, 20)
				p[j] = 0.5 + float64(k)/10
				probabilities, labels, paths = append(probabilities, p), append(labels, classes[i]), append(paths, fmt.Sprint(i, "-", j, "-", k))
			}
		}
	}
	m, err := head.Evaluate(probabilities, labels, classes)
	if err != nil {
		t.Fatal(err)
	}
	o := ReportOptions{Head: &head.Head{Classes: classes}, Examples: 3}
	shown := o.examples(Features{Labels: labels, Paths: paths}, probabilities, m)
	cells := map[[2]int]int{}
	for _, e := range shown {
		cells[[2]int{e.Class, e.Taken}]++
		if e.Class == e.Taken || e.Probability != 0.7 {
			t.Errorf("%+v is shown before a wrong one", e)
		}
	}
	if len(shown) != mostExamples || len(cells) != mostExamples {
		t.Errorf("%d examples of %d cells", len(shown), len(cells))
	}
}
