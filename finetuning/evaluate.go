package finetuning

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/featurestore/remote"
	"fovea/head"
	"fovea/internal/text"
	"fovea/recipe"
)

// EvaluateOptions say what head is measured on what.
type EvaluateOptions struct {
	Head   *head.Head
	Source Source
	// HeldOut leaves out the images that the head was trained on.
	HeldOut bool
	// IgnoreUnknown counts images of classes that the head does not know apart, which are an ErrUnknownClass otherwise.
	IgnoreUnknown bool
	// Row, if set, is called for each image that was measured, in the order of the dataset.
	Row func(EvaluatedRow) error
}

// EvaluatedRow is an image of a dataset with what a head says of it.
type EvaluatedRow struct {
	Path, Label, Split string
	// Probabilities are in the order of the head's classes.
	Probabilities []float64
	// Novelty is nil for a head that cannot tell.
	Novelty *float64
	// Seen says that the head was trained on the image.
	Seen bool
}

// Evaluation are the metrics of a head on a dataset.
type Evaluation struct {
	head.Metrics
	// SeenInTraining is the number of the rows whose images the head was trained on.
	SeenInTraining int `json:"seen_in_training"`
	// Unknown are classes of the dataset that the head does not know, whose images were not measured.
	Unknown []head.ClassCount `json:"unknown_classes,omitempty"`
	// Novelty is nil for a head without a novelty model.
	Novelty *head.NoveltyShare `json:"novelty,omitempty"`
}

// Evaluate measures a head on the labelled rows of a dataset. Features made differently from those
// it was trained on are head.ErrMismatch; images that it was trained on are counted, with a warning,
// or left out.
func Evaluate(ctx context.Context, o EvaluateOptions) (*Evaluation, error) {
	f, unknown, err := loadFor(ctx, o.Head, o.Source, o.IgnoreUnknown)
	if err != nil {
		return nil, err
	}
	seen, unseen := f.Seen(o.Head)
	unseen = o.leaveOutGroups(f.Groups, seen, unseen)
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
	probabilities, err := f.probabilities(o.Head)
	if err != nil {
		return nil, err
	}
	metrics, err := head.Evaluate(probabilities, f.Labels, o.Head.Classes)
	if err != nil {
		return nil, err
	}
	novelties, err := o.Head.Novelties(f.X)
	if err != nil {
		return nil, err
	}
	return &Evaluation{metrics, len(seen), unknown, o.Head.NoveltyShare(novelties)}, o.writeRows(f, probabilities, novelties, seen)
}

// leaveOutGroups returns the rows that the head was not trained on without those of groups of which it was trained on
// others, if they are to be left out and any remain.
func (o *EvaluateOptions) leaveOutGroups(groups []string, seen, unseen []int) []int {
	known, rest := groupsTrained(groups, seen, unseen)
	images := text.Plural(len(known), "image")
	switch {
	case len(known) == 0:
	case !o.HeldOut:
		logrus.Warnf("%s that the head was not trained on are of groups of which it was trained on others, so the metrics are too optimistic: --held-out leaves them out", images)
	case len(rest) == 0:
		logrus.Warnf("%s, all that the head was not trained on, are of groups of which it was trained on others: the metrics are too optimistic", images)
	default:
		logrus.Infof("leaving out %s more, of groups of which the head was trained on others", images)
		return rest
	}
	return unseen
}

// writeRows hands out the rows that were measured.
func (o *EvaluateOptions) writeRows(f Features, probabilities [][]float64, novelties []float64, seen []int) error {
	if o.Row == nil {
		return nil
	}
	for i, p := range probabilities {
		_, trained := slices.BinarySearch(seen, i)
		row := EvaluatedRow{Path: f.Paths[i], Label: f.Labels[i], Split: f.Splits[i], Probabilities: p, Seen: trained}
		if novelties != nil {
			row.Novelty = &novelties[i]
		}
		if err := o.Row(row); err != nil {
			return err
		}
	}
	return nil
}

func allSeen(s Source, images int) error {
	return fmt.Errorf("the head was trained on all %d images of %s: use another dataset, or train with --test-fraction", images, s.name())
}

// measure evaluates a head on rows of features that fit it.
func measure(h *head.Head, f Features) (head.Metrics, error) {
	probabilities, err := f.probabilities(h)
	if err != nil {
		return head.Metrics{}, err
	}
	return head.Evaluate(probabilities, f.Labels, h.Classes)
}

// loadFor loads the features that a head takes, of the classes that it knows; see leaveOutUnknown.
func loadFor(ctx context.Context, h *head.Head, source Source, ignoreUnknown bool) (f Features, unknown []head.ClassCount, err error) {
	local, done, err := source.Fetch(ctx)
	if err != nil {
		return Features{}, nil, err
	}
	defer done()
	if f, err = local.Load(ctx, h.LayerNames()...); err != nil {
		return Features{}, nil, remote.Located(mismatchFirst(h, local, err), local.Dir, source.Dir)
	}
	if err := checkRecipe(h, f.Recipe); err != nil {
		return Features{}, nil, err
	}
	return leaveOutUnknown(h, source, f, ignoreUnknown)
}

// checkRecipe compares the recipe of features with the head's.
func checkRecipe(h *head.Head, r recipe.Recipe) error {
	warnings, err := h.Check(r)
	for _, w := range warnings {
		logrus.Warnf("%s: %s in the head, %s in the features; results may differ by rounding", w.Field, w.Have, w.Got)
	}
	return err
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
