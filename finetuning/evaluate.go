package finetuning

import (
	"context"
	"errors"
	"fmt"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/featurestore/remote"
	"fovea/head"
	"fovea/internal/text"
)

// EvaluateOptions say what head is measured on what.
type EvaluateOptions struct {
	Head   *head.Head
	Source Source
	// HeldOut leaves out the images that the head was trained on.
	HeldOut bool
}

// Evaluation are the metrics of a head on a dataset.
type Evaluation struct {
	head.Metrics
	// SeenInTraining is the number of the rows whose images the head was trained on.
	SeenInTraining int `json:"seen_in_training"`
	// Novelty is nil for a head without a novelty model.
	Novelty *head.NoveltyShare `json:"novelty,omitempty"`
}

// Evaluate measures a head on the labelled rows of a dataset. Features made differently from those
// it was trained on are head.ErrMismatch; images that it was trained on are counted, with a warning,
// or left out.
func Evaluate(ctx context.Context, o EvaluateOptions) (*Evaluation, error) {
	f, err := loadFor(ctx, o.Head, o.Source)
	if err != nil {
		return nil, err
	}
	seen, unseen := f.Seen(o.Head)
	switch {
	case o.HeldOut && len(unseen) == 0:
		return nil, allSeen(o.Source, len(seen))
	case o.HeldOut:
		seen = nil
		if f, err = f.Choose(unseen); err != nil {
			return nil, err
		}
	case len(seen) > 0:
		logrus.Warnf("the head was trained on %d of these %d images, so the metrics are too optimistic: --held-out leaves them out", len(seen), len(f.Hashes))
	}
	if crowded := o.Head.Notes.Crowded; len(crowded) > 0 {
		logrus.Warnf("most images of %s were alike when the head was trained: images of these classes that are near duplicates of training images make the metrics too optimistic", text.Some(crowded))
	}
	metrics, err := Measure(o.Head, f)
	if err != nil {
		return nil, err
	}
	novelty, err := o.Head.NoveltyOf(f.X)
	if err != nil {
		return nil, err
	}
	return &Evaluation{metrics, len(seen), novelty}, nil
}

func allSeen(s Source, images int) error {
	return fmt.Errorf("the head was trained on all %d images of %s: use another dataset, or train with --test-fraction", images, s.name())
}

// Measure evaluates a head on rows of features that fit it.
func Measure(h *head.Head, f Features) (head.Metrics, error) {
	probabilities, err := h.Probabilities(f.X)
	if err != nil {
		return head.Metrics{}, err
	}
	return head.Evaluate(probabilities, f.Labels, h.Classes)
}

// loadFor loads the features that a head takes.
func loadFor(ctx context.Context, h *head.Head, source Source) (Features, error) {
	local, done, err := source.Fetch(ctx)
	if err != nil {
		return Features{}, err
	}
	defer done()
	f, err := local.Load(ctx, h.LayerNames()...)
	if err != nil {
		return Features{}, remote.Located(mismatchFirst(h, local, err), local.Dir, source.Dir)
	}
	warnings, err := h.Check(f.Recipe)
	for _, w := range warnings {
		logrus.Warnf("%s: %s in the head, %s in the features; results may differ by rounding", w.Field, w.Have, w.Got)
	}
	return f, err
}

// mismatchFirst prefers a mismatch between head and dataset to a less telling error, such as that
// its layer is missing.
func mismatchFirst(h *head.Head, local Source, err error) error {
	if errors.Is(err, featurestore.ErrReplaced) { // what is there now is not what failed
		return err
	}
	dataset, openErr := local.open()
	if openErr != nil {
		return err
	}
	if _, mismatch := h.Check(dataset.Recipe()); mismatch != nil {
		return mismatch
	}
	return err
}
