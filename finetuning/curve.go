package finetuning

import (
	"cmp"
	"context"
	"slices"

	"github.com/sirupsen/logrus"

	"fovea/head"
	"fovea/internal/text"
)

// learningCurve trains heads as h was trained on parts of the rows it has seen, and tests them on those
// it has not. Where that is impossible it logs why, and the curve is empty.
func learningCurve(ctx context.Context, h *head.Head, f Features, seen, unseen []int, repeats int) ([]head.CurvePoint, error) {
	if repeats == 0 {
		return nil, nil
	}
	options, err := optionsOf(h)
	if err != nil {
		logrus.Warnf("no learning curve: %v", err)
		return nil, nil
	}
	options.Scaling = cmp.Or(options.Scaling, string(h.Notes.Report.Scaling)) // of auto: what it chose, to save time
	options.OwnNear = h.Notes.NearCopies > 0 && len(h.Notes.Crowded) == 0     // then the training kept all together
	duplicates, err := options.Group(ctx, f)
	if err != nil {
		return nil, err
	}
	apart := withoutGroupsOf(seen, unseen, duplicates.Together)
	if n := len(seen) - len(apart); n > 0 {
		logrus.Infof("learning curve: leaving out %s with copies, or others of the same group, in the test set", text.Plural(n, "training image"))
	}
	if _, err := head.Classes(pick(f.Labels, apart)); err != nil {
		logrus.Warn("no learning curve: the images that the head was trained on are not in the dataset")
		return nil, nil
	}
	learn, err := f.Choose(apart)
	if err != nil {
		return nil, err
	}
	test, err := f.Choose(unseen)
	if err != nil {
		return nil, err
	}
	fit := func(ctx context.Context, x head.Matrix, labels, groups []string) (*head.Head, error) {
		trained, _, err := options.Fit(ctx, Features{X: x, Labels: labels}, groups)
		return trained, err
	}
	progress, skipped := curveLoggers()
	return head.LearningCurve(ctx, learn.X, learn.Labels, test.X, test.Labels, fit, head.CurveOptions{
		Seed: h.Notes.Seed, Repeats: repeats, Groups: pick(duplicates.Together, apart), Progress: progress, Skipped: skipped,
	})
}

// curveLoggers log each number of rows once, and once that no head can be trained on some choice of so many.
func curveLoggers() (progress func(rows int), skipped func(rows int, why error)) {
	trained, without := 0, 0
	progress = func(rows int) {
		if rows != trained {
			logrus.Infof("learning curve: trained on %s", text.Plural(rows, "image"))
			trained = rows
		}
	}
	skipped = func(rows int, why error) {
		if rows != without {
			logrus.Warnf("learning curve: leaving out a choice of %s, on which no head can be trained: %v", text.Plural(rows, "image"), why)
			without = rows
		}
	}
	return progress, skipped
}

// withoutGroupsOf returns the rows that share no group with the others.
func withoutGroupsOf(rows, others []int, groups []string) []int {
	taken := map[string]bool{}
	for _, i := range others {
		taken[groups[i]] = true
	}
	return slices.DeleteFunc(slices.Clone(rows), func(i int) bool { return taken[groups[i]] })
}
