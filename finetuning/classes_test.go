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

// Where the dataset has a split, rows to train on count: classes with too few of these are named with both numbers before
// anything is trained, or left out of the test set, too.
func TestMinClassOfSplit(t *testing.T) {
	marked := func(marks map[string][]string) Source { // of two classes that suffice and others
		all, err := classesDataset(t, []string{"ant", "bee"}, 15, 3).Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var rows []featurestore.Row
		add := func(label, split string) {
			i := len(rows)
			rows = append(rows, featurestore.Row{Path: all.Paths[i], Label: label, Split: split, Features: [][]float32{all.X.Row(i)}})
		}
		for range 8 {
			add("ant", "train")
			add("bee", "train")
		}
		for _, label := range slices.Sorted(maps.Keys(marks)) {
			for _, split := range marks[label] {
				add(label, split)
			}
		}
		return datasetOf(t, all.Recipe, featurestore.StatusComplete, rows...)
	}
	usual := map[string][]string{"ant": {"test", "test"}, "bee": {"test"}}
	with := func(label string, splits ...string) map[string][]string {
		m := maps.Clone(usual)
		m[label] = splits
		return m
	}
	for name, c := range map[string]struct {
		marks         map[string][]string
		refused, left string
		n, tested     int
	}{
		"one to train on":     {with("rat", "train", "test", "test"), "1 class has fewer than two images to train on (rat: 1 of 3; ", "(rat: 1 of 3), 3 images in all", 1, 3},
		"only tested":         {with("rat", "test"), "(rat: 0 of 1; ", "(rat: 0 of 1), 1 image in all", 0, 3},
		"only for validation": {with("rat", "val", "val"), "(rat: 0 of 2; ", "(rat: 0 of 2), 2 images in all", 0, 3},
		"no marks of tests":   {map[string][]string{"ant": {"val"}, "rat": {"val", "val"}}, "(rat: 0 of 2; ", "(rat: 0 of 2), 2 images in all", 0, 1},
	} {
		o := TrainOptions{Source: marked(c.marks), Lambda: 0.1, TestFraction: 0.2, Seed: 1}
		if _, err := Train(t.Context(), o); err == nil || !strings.Contains(err.Error(), c.refused) || !strings.Contains(err.Error(), "--min-class 2") {
			t.Errorf("%s: %v", name, err)
		}
		for _, least := range []int{1, 2} {
			if o.MinClass = least; c.n >= least {
				continue // 1 leaves out what has none
			}
			warned := logged(t)
			r, err := Train(t.Context(), o)
			if err != nil || !warned("leaving out 1 class with fewer than "+fmt.Sprint(least)+" image") || !warned("to train on "+c.left) {
				t.Errorf("%s, at least %d: %v", name, least, err)
				continue
			}
			d := cmp.Diff([]string{"ant", "bee"}, r.Head.Classes) + cmp.Diff([]head.ClassCount{{Class: "rat", N: c.n}}, r.Head.Notes.LeftOut)
			if d != "" || r.Head.Notes.HeldOut.N != c.tested || r.Head.Notes.TrainedOn != 16 {
				t.Errorf("%s: %d test images, %d trained on: %s", name, r.Head.Notes.HeldOut.N, r.Head.Notes.TrainedOn, d)
			}
		}
		if o.MinClass = 1; c.n == 1 {
			if _, err := Train(t.Context(), o); err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s, --min-class 1: %v", name, err)
			}
		}
		// A split at random has all rows to draw from.
		o.OwnFraction, o.MinClass = true, 3
		if r, err := Train(t.Context(), o); err != nil || slices.Contains(r.Head.Classes, "rat") != (len(c.marks["rat"]) >= 3) {
			t.Errorf("%s, at random: %v", name, err)
		}
		// Other training by the dataset's split refuses what it does not learn, too.
		f, err := o.Source.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := (&TrainOptions{}).Split(f, apart(f.Hashes)); (err == nil) != (c.n > 0) {
			t.Errorf("%s: a split alone: %v", name, err)
		}
	}
	o := TrainOptions{Source: marked(map[string][]string{"rat": {"test", "test", "train"}}), Lambda: 0.1, TestFraction: 0.2, MinClass: 2}
	if _, err := Train(t.Context(), o); err == nil || !strings.Contains(err.Error(), "all 2 test images are of classes with fewer than 2 images to train on (rat: 1 of 3)") {
		t.Errorf("no test image is left: %v", err)
	}
	o.MinClass = 9
	if _, err := Train(t.Context(), o); err == nil || !strings.Contains(err.Error(), "0 of the 3 classes have 9 images or more to train on") {
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
