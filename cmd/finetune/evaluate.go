package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/featurestore"
	"fovea/featurestore/remote"
	"fovea/finetuning"
	"fovea/head"
)

type evaluateOptions struct {
	head     string
	features featureSource
	json     bool
	heldOut  bool
}

func newEvaluate() *cobra.Command {
	var o evaluateOptions
	command := &cobra.Command{
		Use:     "evaluate --head HEAD --features DIR [flags]",
		Short:   "Measure a head on a dataset of features",
		Example: "  finetune evaluate --head cats-vs-dogs.head --features other-features --json",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	f := command.Flags()
	f.SortFlags = false
	cli.PathVar(f, &o.head, "head", "", "the head's `FILE` (required)")
	o.features.add(f)
	f.BoolVar(&o.json, "json", false, "print the metrics as JSON")
	f.BoolVar(&o.heldOut, "held-out", false, "leave out the images that the head was trained on")
	return command
}

// evaluation is what is printed as JSON.
type evaluation struct {
	head.Metrics
	// SeenInTraining is the number of the rows whose pictures the head was trained on.
	SeenInTraining int `json:"seen_in_training"`
}

func (o *evaluateOptions) run(ctx context.Context) error {
	switch {
	case o.head == "":
		return cli.Usagef("--head HEAD is required")
	}
	if err := o.features.validate(); err != nil {
		return err
	}
	h, f, err := loadBoth(ctx, o.head, o.features)
	if err != nil {
		return err
	}
	known, unseen := f.Seen(h)
	seen := len(known)
	switch {
	case o.heldOut && len(unseen) == 0:
		return fmt.Errorf("the head was trained on all %d images of %s: give another dataset, or train with --test-fraction", seen, o.features.dir)
	case o.heldOut:
		seen = 0
		if f, err = f.Choose(unseen); err != nil {
			return err
		}
	case seen > 0:
		logrus.Warnf("the head was trained on %d of these %d images, which flatters the numbers: --held-out leaves them out", seen, len(f.Hashes))
	}
	metrics, err := measure(h, f)
	if err != nil {
		return err
	}
	if o.json {
		return cli.PrintJSON(os.Stdout, evaluation{metrics, seen})
	}
	printMetrics(os.Stdout, metrics)
	return nil
}

// check refuses features that the head was not trained for, and warns of small differences.
func check(h *head.Head, f finetuning.Features) error {
	warnings, err := h.Check(f.Recipe)
	for _, w := range warnings {
		logrus.Warnf("%s: %s in the head, %s in the features; results may differ by rounding", w.Field, w.Have, w.Got)
	}
	return err
}

// loadBoth loads a head and the features of a dataset that it is to be measured on, and
// refuses a dataset made in another way than the one it was trained on.
func loadBoth(ctx context.Context, file string, source featureSource) (*head.Head, finetuning.Features, error) {
	h, err := head.Load(file)
	if err != nil {
		return nil, finetuning.Features{}, err
	}
	local, done, err := source.fetched(ctx)
	if err != nil {
		return nil, finetuning.Features{}, err
	}
	defer done()
	f, err := local.load(ctx, h.LayerNames()...)
	if err != nil {
		return nil, finetuning.Features{}, remote.Located(checkFirst(h, local.dir, err), local.dir, source.dir)
	}
	return h, f, check(h, f)
}

// checkFirst prefers the head's account of features that do not fit it to the complaint
// that its layer is not there.
func checkFirst(h *head.Head, dir string, err error) error {
	if errors.Is(err, featurestore.ErrReplaced) { // by one that this is not about
		return err
	}
	if r, openErr := datasetRecipe(dir); openErr == nil {
		if _, checkErr := h.Check(r); checkErr != nil {
			return checkErr
		}
	}
	return err
}
