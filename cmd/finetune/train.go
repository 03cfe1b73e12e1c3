package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"fovea/head"
	"fovea/internal/cli"
)

type trainOptions struct {
	features     string
	out          string
	layer        string
	model        string
	scaling      string
	seed         uint64
	testFraction float64
	// ownFraction says that the user has set testFraction.
	ownFraction bool
}

func newTrain() *cobra.Command {
	var o trainOptions
	command := &cobra.Command{
		Use:   "train --features DIR --out HEAD [flags]",
		Short: "Train a head on a dataset of features",
		Long: `Train fits a softmax regression to the labelled rows of a dataset. The strength of its
regularization is chosen by cross-validation. A part of the rows, --test-fraction, is kept
out of all that and measures the result; when the dataset's split column says "test"
somewhere, those rows are kept out instead. Copies of one picture never stand on both sides.`,
		Example: "  finetune train --features features --out cats-vs-dogs.head",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.ownFraction = c.Flags().Changed("test-fraction")
			return o.run(c.Context())
		},
	}
	f := command.Flags()
	f.SortFlags = false
	f.StringVar(&o.features, "features", "", "the directory `DIR` of the dataset (required)")
	f.StringVar(&o.out, "out", "", "the `FILE` to write the head to (required)")
	f.StringVar(&o.layer, "layer", "", "the layer to train on (needed where the dataset has several)")
	f.StringVar(&o.model, "model", "softmax", "the kind of head: softmax")
	f.StringVar(&o.scaling, "scaling", string(head.ScaleCommon), "of the features: common (one factor for all columns) or columns (each by its own deviation)")
	f.Uint64Var(&o.seed, "seed", 1, "seed of the split and of the cross-validation")
	f.Float64Var(&o.testFraction, "test-fraction", 0.2, "part of the rows kept out to measure the head, 0 for none")
	return command
}

func (o *trainOptions) validate() error {
	switch {
	case o.features == "":
		return cli.Usagef("--features DIR is required")
	case o.out == "":
		return cli.Usagef("--out HEAD is required")
	case o.model == "mlp":
		return cli.Usagef("--model mlp does not exist in this version: use softmax")
	case o.model != "softmax":
		return cli.Usagef("unknown --model %q: use softmax", o.model)
	case o.scaling != string(head.ScaleCommon) && o.scaling != string(head.ScaleColumns):
		return cli.Usagef("unknown --scaling %q: use common or columns", o.scaling)
	case !(o.testFraction >= 0 && o.testFraction < 1):
		return cli.Usagef("--test-fraction %g: use 0, or a fraction below 1", o.testFraction)
	}
	return nil
}

func (o *trainOptions) run(ctx context.Context) error {
	if err := o.validate(); err != nil {
		return err
	}
	if info, err := os.Stat(o.out); err == nil && info.IsDir() {
		return fmt.Errorf("--out %s is a directory: name a file", o.out)
	}
	start := time.Now()
	all, err := loadFeatures(ctx, o.features, o.layer)
	if err != nil {
		return err
	}
	if _, err := head.Classes(all.labels); err != nil {
		return err
	}
	train, test, err := o.split(all)
	if err != nil {
		return err
	}
	learn := all
	if len(test) > 0 {
		learn = all.choose(train)
	}
	logrus.Infof("training on %d rows of %d values (layer %s), %d kept out", learn.x.Rows, learn.x.Cols, learn.layer.Name, len(test))
	h, report, err := head.Train(ctx, learn.x, learn.labels, head.TrainOptions{
		Seed: o.seed, Scaling: head.Scaling(o.scaling), Groups: learn.hashes,
		Progress: func(done, of int) { logrus.Debugf("cross-validation: fold %d of %d", done, of) },
	})
	if err != nil {
		return err
	}
	h.Recipe, h.Layer = all.recipe, all.layer
	h.Notes = head.Notes{ToolVersion: cli.Version(), Seed: o.seed, TrainedOn: learn.x.Rows, Report: report}
	for _, hash := range learn.hashes {
		h.Notes.Seen = append(h.Notes.Seen, shortHash(hash))
	}
	slices.Sort(h.Notes.Seen)
	h.Notes.Seen = slices.Compact(h.Notes.Seen)
	if len(test) > 0 {
		metrics, err := measure(h, all.choose(test))
		if err != nil {
			return err
		}
		h.Notes.HeldOut = &metrics
	}
	if err := h.Save(o.out); err != nil {
		return err
	}
	o.summarize(h, time.Since(start))
	return nil
}

// split gives the rows to train on and those to keep out.
func (o *trainOptions) split(all features) (train, test []int, err error) {
	if !o.ownFraction {
		for i, s := range all.splits {
			if s == "test" {
				test = append(test, i)
			} else {
				train = append(train, i)
			}
		}
		if len(test) > 0 {
			logrus.Infof("the dataset's own split is used: %d rows are marked test", len(test))
			return train, test, checkLeak(all, train, test)
		}
	}
	if o.testFraction == 0 {
		return nil, nil, nil
	}
	return head.Split(all.labels, all.hashes, o.testFraction, o.seed)
}

// checkLeak warns of pictures on both sides of a given split.
func checkLeak(all features, train, test []int) error {
	if len(train) == 0 {
		return fmt.Errorf("all rows are marked test: there is nothing to train on")
	}
	trained := map[string]bool{}
	for _, i := range train {
		trained[all.hashes[i]] = true
	}
	copies := 0
	for _, i := range test {
		if trained[all.hashes[i]] {
			copies++
		}
	}
	if copies > 0 {
		logrus.Warnf("%d of the test pictures are copies of training pictures: the accuracy on them flatters", copies)
	}
	return nil
}

func (o *trainOptions) summarize(h *head.Head, took time.Duration) {
	report := h.Notes.Report
	fmt.Printf("head         %s\n", o.out)
	fmt.Printf("classes      %s\n", joinClasses(h.Classes))
	fmt.Printf("trained on   %d pictures, layer %s of %s, %d values each\n", h.Notes.TrainedOn, h.Layer.Name, h.Recipe.Model, h.Columns())
	best := slices.IndexFunc(report.Path, func(p head.PathPoint) bool { return p.Lambda == report.Lambda })
	if best >= 0 {
		fmt.Printf("lambda       %g, by %d-fold cross-validation: accuracy %.2f %%, log loss %.4f\n",
			report.Lambda, report.Folds, 100*report.Path[best].Accuracy, report.Path[best].LogLoss)
	}
	if report.AtEdge {
		logrus.Warnf("the best lambda, %g, is at the edge of those tried", report.Lambda)
	}
	fmt.Printf("time         %s\n", took.Round(10*time.Millisecond))
	if h.Notes.HeldOut != nil {
		fmt.Printf("\non %d pictures kept out of the training:\n", h.Notes.HeldOut.N)
		printMetrics(os.Stdout, *h.Notes.HeldOut)
	}
}

// measure evaluates a head on labelled rows.
func measure(h *head.Head, f features) (head.Metrics, error) {
	probabilities, err := h.Probabilities(f.x)
	if err != nil {
		return head.Metrics{}, err
	}
	m, err := head.Evaluate(probabilities, f.labels, h.Classes)
	if err == nil && math.IsNaN(m.LogLoss) {
		err = fmt.Errorf("the head's probabilities are not numbers: train it again")
	}
	return m, err
}
