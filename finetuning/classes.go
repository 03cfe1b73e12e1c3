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

// leaveOutRare leaves out classes of fewer than MinClass rows to train on, which it names, test rows included. Classes
// of a single row, or of none but test rows, are an error otherwise. Where rows are left out, it frees the features that
// it was given.
func (o *TrainOptions) leaveOutRare(f Features) (Features, []head.ClassCount, error) {
	c, err := o.countClasses(f)
	if err != nil {
		return Features{}, nil, err
	}
	rare := fewerThan(c.learn, max(2, o.MinClass))
	refused := slices.DeleteFunc(slices.Clone(rare), func(r head.ClassCount) bool { return r.N < o.MinClass })
	switch {
	case len(rare) == 0 || len(refused) > 0 && len(c.learn) == 1: // of a single class the next step says more
		return f, nil, nil
	case len(refused) > 0:
		return Features{}, nil, c.refuse(refused)
	case len(c.learn)-len(rare) < 2:
		return Features{}, nil, fmt.Errorf("%d of the %d classes have %d images or more%s, and a classifier needs two: use a smaller --min-class", len(c.learn)-len(rare), len(c.learn), o.MinClass, c.toTrainOn())
	}
	kept := func(label string) bool { return c.learn[label] >= o.MinClass }
	if c.marked() && !slices.ContainsFunc(c.split.Test, func(i int) bool { return kept(f.Labels[i]) }) {
		return Features{}, nil, fmt.Errorf("all %d test images are of classes with fewer than %d images to train on (%s): use a smaller --min-class, or split at random with --test-fraction", len(c.split.Test), o.MinClass, c.describe(rare))
	}
	left := 0
	for _, r := range rare {
		left += c.all[r.Class]
	}
	logrus.Warnf("leaving out %s with fewer than %s%s (%s), %s in all", text.Count(len(rare), "class", "classes"), text.Plural(o.MinClass, "image"), c.toTrainOn(), c.describe(rare), text.Plural(left, "image"))
	chosen, err := f.chooseLabels(kept)
	if err == nil {
		f.Free()
	}
	return chosen, rare, err
}

// classCounts are the numbers of rows of each class: all of them, and those to train on.
type classCounts struct {
	all, learn map[string]int
	split      Split // the dataset's own, if it is used
}

// countClasses counts rows before a split is drawn at random, which leaves two of each class to train on, but after the
// dataset's own, which may leave none.
func (o *TrainOptions) countClasses(f Features) (c classCounts, err error) {
	if !o.OwnFraction {
		if c.split, _, err = markedSplit(f.Splits); err != nil {
			return c, fmt.Errorf("the dataset's split: %w", err)
		}
	}
	return c, c.count(f.Labels)
}

func (c *classCounts) count(labels []string) error {
	c.all, c.learn = map[string]int{}, map[string]int{}
	for _, l := range labels {
		c.all[l]++
		c.learn[l] = 0
	}
	learn := labels
	if c.marked() {
		if len(c.split.Train) == 0 {
			return errNothingToTrainOn
		}
		learn = pick(labels, c.split.Train)
	}
	for _, l := range learn {
		c.learn[l]++
	}
	return nil
}

func (c *classCounts) marked() bool { return len(c.split.Test) > 0 }

func (c *classCounts) toTrainOn() string {
	if c.marked() {
		return " to train on"
	}
	return ""
}

// describe names classes with their numbers of rows.
func (c *classCounts) describe(classes []head.ClassCount) string {
	var all []string
	for _, r := range classes {
		s := fmt.Sprintf("%s: %d", r.Class, r.N)
		if c.marked() {
			s += fmt.Sprintf(" of %d", c.all[r.Class])
		}
		all = append(all, s)
	}
	return text.Some(all)
}

// refuse is the error of classes with too few rows to learn from.
func (c *classCounts) refuse(few []head.ClassCount) error {
	if c.marked() {
		have := "classes have"
		if len(few) == 1 {
			have = "class has"
		}
		return fmt.Errorf("%d %s fewer than two images to train on (%s; the others are marked test or validation): mark more of them train, or leave such classes out with --min-class 2", len(few), have, c.describe(few))
	}
	return fmt.Errorf("%s one image, and training needs two: add images, or leave such classes out with --min-class 2", only(few))
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
