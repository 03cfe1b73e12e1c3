package finetuning

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sirupsen/logrus"

	"fovea/head"
	"fovea/internal/text"
)

// TrainResult is a trained head. What is known about its training, including the metrics on the test
// set, is in Head.Notes.
type TrainResult struct {
	Head *head.Head
	// Elapsed is the time that it took, loading and testing included.
	Elapsed time.Duration
}

// Train fits a head to the labelled rows of a dataset and tests it on the rows held out, none of which
// has a copy in the training set. The same options and dataset give the same head. If the options name
// a file, the head is written to it. Invalid options are an OptionError, invalid layers ErrLayers.
func Train(ctx context.Context, o TrainOptions) (*TrainResult, error) {
	start := time.Now()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if err := checkFile(o.Out); err != nil { // before the work
		return nil, err
	}
	all, err := o.Source.Load(ctx, o.Layers...)
	if err != nil {
		return nil, err
	}
	h, err := o.train(ctx, all)
	if err != nil {
		return nil, err
	}
	if o.Out != "" {
		if err := h.Save(o.Out); err != nil {
			return nil, err
		}
	}
	return &TrainResult{Head: h, Elapsed: time.Since(start)}, nil
}

// checkFile refuses names that no file can be written to.
func checkFile(name string) error {
	if name == "" {
		return nil
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return fmt.Errorf("%s is a directory: name a file", name)
	}
	if info, err := os.Stat(filepath.Dir(name)); err != nil || !info.IsDir() {
		return fmt.Errorf("write to %s: there is no directory %s: make it first", name, filepath.Dir(name))
	}
	return nil
}

// train splits features, which it frees, fits a head and tests it.
func (o *TrainOptions) train(ctx context.Context, all Features) (*head.Head, error) {
	all, rare, err := o.leaveOutRare(all)
	if err != nil {
		return nil, err
	}
	classes, err := head.Classes(all.Labels)
	if err != nil {
		return nil, err
	}
	warnOfAlike(classes)
	duplicates, err := o.Group(ctx, all)
	if err != nil {
		return nil, err
	}
	split, err := o.Split(all, duplicates)
	if err != nil {
		return nil, err
	}
	learn, test, err := all.divide(split)
	if err != nil {
		return nil, err
	}
	logrus.Infof("training on %s of %s (%s), %d held out", text.Plural(learn.X.Rows, "row"), text.Plural(learn.X.Cols, "value"), LayerNames(learn.Layers), test.X.Rows)
	h, report, err := o.Fit(ctx, learn, split.trained(duplicates.Together))
	if err != nil {
		return nil, o.indivisible(err, learn.Groups)
	}
	warnOfNoWeight(h)
	h.Recipe, h.Layers = learn.Recipe, learn.Layers
	if h.Novelty, err = o.novelty(ctx, learn, split.trained(duplicates.Groups)); err != nil {
		return nil, err
	}
	h.Notes = head.Notes{
		ToolVersion: o.ToolVersion, Seed: o.Seed, TrainedOn: learn.X.Rows, Settings: o.Settings(),
		Copies: duplicates.Equal, NearCopies: duplicates.Alike, Crowded: duplicates.Crowded, LeftOut: rare, Report: report, Seen: shortHashes(learn.Hashes),
	}
	if err := noteHeldOut(h, test); err != nil {
		return nil, err
	}
	return h, nil
}

// warnOfNoWeight tells of a head that looks at no feature.
func warnOfNoWeight(h *head.Head) {
	if h.Hidden == nil && len(h.UsedColumns()) == 0 {
		logrus.Warn("no feature has a weight, so that the head gives all images the same class and probabilities: the penalty is too strong (use a smaller --lambda), or the features do not tell the classes apart")
	}
}

// noteHeldOut measures a head on the rows that were held out, if there are any, and notes the result.
func noteHeldOut(h *head.Head, test Features) error {
	if test.X.Rows == 0 {
		return nil
	}
	metrics, err := measure(h, test)
	if err != nil {
		return err
	}
	h.Notes.HeldOut = &metrics
	h.Notes.Novelty, err = h.NoveltyOf(test.X)
	return err
}

// divide copies the rows of both sets and frees all of them; without a test set, all are trained on.
func (f Features) divide(split Split) (learn, test Features, err error) {
	if len(split.Test) == 0 {
		return f, Features{}, nil
	}
	if test, err = f.Choose(split.Test); err != nil {
		return learn, test, err
	}
	if learn, err = f.Choose(split.Train); err != nil {
		return learn, test, err
	}
	f.Free()
	return learn, test, nil
}

// trained are the groups of the rows that are trained on: all of them without a test set.
func (s Split) trained(groups []string) []string {
	if len(s.Test) == 0 {
		return groups
	}
	return pick(groups, s.Train)
}
