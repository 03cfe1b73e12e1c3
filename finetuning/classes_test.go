package finetuning

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fovea/featurestore"
	"fovea/head"
	"fovea/report"
)

// rareClasses has two classes of 12 images, one of 3, and three of one.
func rareClasses(t *testing.T) Source {
	t.Helper()
	labels := map[string]int{"ant": 12, "bee": 12, "cow": 3, "dog": 1, "emu": 1, "fox": 1}
	s := classesDataset(t, []string{"ant", "bee"}, 15, 3)
	f, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return relabelled(t, f, labels)
}

func TestMinClass(t *testing.T) {
	s := rareClasses(t)
	_, err := Train(t.Context(), TrainOptions{Source: s, Lambda: 0.1})
	if want := "3 classes (dog, emu, fox) have only one image, and training needs two: add images, or leave such classes out with --min-class 2"; err == nil || err.Error() != want {
		t.Errorf("classes of one image: %v", err)
	}
	for least, want := range map[int]struct {
		classes []string
		left    []head.ClassCount
	}{
		2: {[]string{"ant", "bee", "cow"}, []head.ClassCount{{Class: "dog", N: 1}, {Class: "emu", N: 1}, {Class: "fox", N: 1}}},
		4: {[]string{"ant", "bee"}, []head.ClassCount{{Class: "cow", N: 3}, {Class: "dog", N: 1}, {Class: "emu", N: 1}, {Class: "fox", N: 1}}},
	} {
		warned := logged(t)
		r, err := Train(t.Context(), TrainOptions{Source: s, Lambda: 0.1, MinClass: least, TestFraction: 0.3, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want.classes, r.Head.Classes) + cmp.Diff(want.left, r.Head.Notes.LeftOut); d != "" || r.Head.Notes.Settings["min-class"] != fmt.Sprint(least) {
			t.Errorf("at least %d: %s, %v", least, d, r.Head.Notes.Settings)
		}
		if !warned(fmt.Sprintf("leaving out %d classes with fewer than %d images (", len(want.left), least)) {
			t.Error("no warning")
		}
		e, err := Evaluate(t.Context(), EvaluateOptions{Head: r.Head, Source: s, IgnoreUnknown: true})
		if err != nil || cmp.Diff(want.left, e.Unknown) != "" {
			t.Errorf("without the unknown: %+v, %v", e, err)
		}
		_, err = Evaluate(t.Context(), EvaluateOptions{Head: r.Head, Source: s})
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d of which training left out by --min-class %d: --ignore-unknown-classes counts them apart", len(want.left), least)) {
			t.Errorf("with the unknown: %v", err)
		}
		// The learning curve trains on what the head knows.
		if _, err := Report(t.Context(), ReportOptions{Head: r.Head, Source: s, IgnoreUnknown: true, Repeats: 1}); err != nil {
			t.Errorf("a report: %v", err)
		}
	}
	if _, err := Train(t.Context(), TrainOptions{Source: s, Lambda: 0.1, MinClass: 13}); err == nil || !strings.Contains(err.Error(), "0 of the 6 classes have 13 images or more") {
		t.Errorf("no class is left: %v", err)
	}
}

// Of many classes, the ROC curves of those are drawn that are told apart worst; the report says so.
func TestCurves(t *testing.T) {
	m := head.Metrics{}
	area := func(c int) *float64 { v := 1 - float64(c*7%10)/100; return &v }
	for c := range 10 {
		m.Classes = append(m.Classes, fmt.Sprint(c))
		m.PerClass = append(m.PerClass, head.ClassMetrics{Class: fmt.Sprint(c), ROCAUC: area(c)})
	}
	m.PerClass[7].ROCAUC = nil // without images; it would have had the smallest but one
	classes, note := curves(m)
	// 7c mod 10: 0 7 4 1 8 5 2 - 6 3
	if d := cmp.Diff([]int{1, 2, 4, 5, 6, 8, 9}, classes); d != "" || note != "Of the 9 classes with test images, the 7 with the smallest areas under their curves are drawn." {
		t.Errorf("%q: %s", note, d)
	}
	few := head.Metrics{Classes: m.Classes[:report.MostCurves], PerClass: m.PerClass[:report.MostCurves]}
	if classes, note := curves(few); len(classes) != report.MostCurves || note != "" {
		t.Errorf("of seven: %v, %q", classes, note)
	}
	two := head.Metrics{Classes: m.Classes[:2], PerClass: m.PerClass[:2]}
	if classes, note := curves(two); len(classes) != 1 || classes[0] != 1 || note != "" {
		t.Errorf("of two: %v, %q", classes, note)
	}
}

// relabelled writes features with other labels, so many of each.
func relabelled(t *testing.T, f Features, counts map[string]int) Source {
	t.Helper()
	var rows []featurestore.Row
	for _, label := range slices.Sorted(maps.Keys(counts)) {
		for range counts[label] {
			rows = append(rows, featurestore.Row{Path: f.Paths[len(rows)], Label: label, Features: [][]float32{f.X.Row(len(rows))}})
		}
	}
	return datasetOf(t, f.Recipe, featurestore.StatusComplete, rows...)
}
