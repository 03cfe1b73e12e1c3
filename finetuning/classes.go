package finetuning

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/sirupsen/logrus"

	"fovea/head"
	"fovea/internal/text"
)

// leaveOutRare leaves out classes of fewer than MinClass rows, which it names. Classes of a single row are an error
// otherwise. Where rows are left out, it frees the features that it was given.
func (o *TrainOptions) leaveOutRare(f Features) (Features, []head.ClassCount, error) {
	counts := map[string]int{}
	for _, l := range f.Labels {
		counts[l]++
	}
	rare := fewerThan(counts, max(2, o.MinClass))
	switch {
	case len(rare) == 0:
		return f, nil, nil
	case o.MinClass < 2 && len(counts) > 1: // of a single class the next step says more
		return Features{}, nil, fmt.Errorf("%s one image, and training needs two: add images, or leave such classes out with --min-class 2", only(rare))
	case o.MinClass < 2:
		return f, nil, nil
	case len(counts)-len(rare) < 2:
		return Features{}, nil, fmt.Errorf("%d of the %d classes have %d images or more, and a classifier needs two: use a smaller --min-class", len(counts)-len(rare), len(counts), o.MinClass)
	}
	left := 0
	for _, c := range rare {
		left += c.N
	}
	logrus.Warnf("leaving out %s with fewer than %d images (%s), %s in all", text.Count(len(rare), "class", "classes"), o.MinClass, text.Some(head.NamesOf(rare)), text.Plural(left, "image"))
	kept, err := f.chooseLabels(func(label string) bool { return counts[label] >= o.MinClass })
	if err == nil {
		f.Free()
	}
	return kept, rare, err
}

// only says which classes have only so many images.
func only(rare []head.ClassCount) string {
	if len(rare) == 1 {
		return fmt.Sprintf("class %q has only", rare[0].Class)
	}
	return fmt.Sprintf("%d classes (%s) have only", len(rare), text.Some(head.NamesOf(rare)))
}

// fewerThan are the classes of fewer rows, by name.
func fewerThan(counts map[string]int, least int) []head.ClassCount {
	var few []head.ClassCount
	for _, class := range slices.Sorted(maps.Keys(counts)) {
		if counts[class] < least {
			few = append(few, head.ClassCount{Class: class, N: counts[class]})
		}
	}
	return few
}

// chooseLabels copies the rows whose labels are wanted.
func (f Features) chooseLabels(want func(label string) bool) (Features, error) {
	var rows []int
	for i, l := range f.Labels {
		if want(l) {
			rows = append(rows, i)
		}
	}
	return f.Choose(rows)
}

// ErrUnknownClass marks rows of classes that a head does not know.
var ErrUnknownClass = errors.New("--ignore-unknown-classes counts them apart")

// leaveOutUnknown leaves out rows of classes that the head does not know, which it counts. If they are not to be
// ignored, they are an ErrUnknownClass.
func leaveOutUnknown(h *head.Head, s Source, f Features, ignore bool) (Features, []head.ClassCount, error) {
	counts, images := map[string]int{}, 0
	for _, l := range f.Labels {
		if _, known := slices.BinarySearch(h.Classes, l); !known {
			counts[l]++
			images++
		}
	}
	unknown := fewerThan(counts, len(f.Labels)+1)
	if len(unknown) == 0 {
		return f, nil, nil
	}
	what := fmt.Sprintf("%d of the %d images of %s are of %s that the head does not know (%s)%s", images, len(f.Labels), s.name(), text.Count(len(unknown), "class", "classes"), text.Some(head.NamesOf(unknown)), leftOut(h, unknown))
	switch {
	case images == len(f.Labels):
		return Features{}, nil, fmt.Errorf("%s: use images of its classes, %s", what, text.Some(h.Classes))
	case !ignore:
		return Features{}, nil, fmt.Errorf("%s: %w", what, ErrUnknownClass)
	}
	logrus.Warnf("%s: they are counted apart", what)
	known, err := f.chooseLabels(func(label string) bool { return counts[label] == 0 })
	if err == nil {
		f.Free()
	}
	return known, unknown, err
}

// DescribeUnknown says how many images of which classes were not measured.
func DescribeUnknown(unknown []head.ClassCount) string {
	images := 0
	for _, c := range unknown {
		images += c.N
	}
	return fmt.Sprintf("%s of %s that the head does not know: %s", text.Plural(images, "image"), text.Count(len(unknown), "class", "classes"), text.Some(head.NamesOf(unknown)))
}

// leftOut says how many of the classes training left out.
func leftOut(h *head.Head, unknown []head.ClassCount) string {
	n := 0
	for _, c := range unknown {
		if slices.ContainsFunc(h.Notes.LeftOut, func(l head.ClassCount) bool { return l.Class == c.Class }) {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %d of which training left out by --min-class %s", n, h.Notes.Settings["min-class"])
}
