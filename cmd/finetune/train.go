package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fovea/app/cli"
	"fovea/finetuning"
	"fovea/head"
)

type trainOptions struct {
	finetuning.TrainOptions
	features featureSource
	out      string
	layers   string
	// unfreeze names the block from which on the network itself is trained, "" for none;
	// changed are the names of the flags that were given.
	unfreeze string
	changed  func(flag string) bool
	log      *cli.LogOptions
}

func newTrain(log *cli.LogOptions) *cobra.Command {
	o := trainOptions{log: log}
	command := &cobra.Command{
		Use:   "train --features DIR --out HEAD [flags]",
		Short: "Train a head on a dataset of features",
		Long: `Train fits a softmax regression to the labelled rows of a dataset. The strength of its
regularization is chosen by cross-validation; with --penalty l1 or elasticnet, values that do
not help get no weight. With --model svm it fits linear support vector machines. With --model
mlp it fits a hidden layer of rectified units with dropout instead, by Adam, and ends when a
part of the rows that is not trained on is no longer predicted better.

With --unfreeze block5 the network's last block is trained together with the head, from the
frozen head's solution on, by Adam with a small learning rate, on a dataset of block4_pool:
docs/training.md has an example.

A part of the rows, --test-fraction, is kept out of all that and measures the result; when
the dataset's split column says "test" somewhere, those rows are kept out instead. Copies of
one image, and images whose features are nearly the same, never stand on both finetuning.Split.`,
		Example: "  finetune train --features features --out cats-vs-dogs.head",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.OwnFraction = c.Flags().Changed("test-fraction")
			o.OwnNear = c.Flags().Changed("near-duplicates")
			o.changed = c.Flags().Changed
			o.Settings = settingsOf(c.LocalFlags(), o.Model)
			return o.run(c.Context())
		},
	}
	command.Flags().SortFlags = false
	command.Flags().SetNormalizeFunc(formerName)
	command.Flags().AddFlagSet(o.flags())
	return command
}

// flags are the command's own.
func (o *trainOptions) flags() *pflag.FlagSet {
	f := pflag.NewFlagSet("train", pflag.ContinueOnError)
	f.SortFlags = false
	f.SetNormalizeFunc(formerName)
	o.features.add(f)
	cli.PathVar(f, &o.out, "out", "", "the `FILE` to write the head to (required)")
	f.StringVar(&o.layers, "layers", "", "the `LAYERS` to train on, by comma, each scaled apart (needed where the dataset has several)")
	f.StringVar(&o.Model, "model", "softmax", "the kind of head: softmax, svm or mlp")
	f.StringVar(&o.unfreeze, "unfreeze", "", "train the network itself from `BLOCK` on (block5), on features of the pooling before it (block4_pool, whole); --out is then a directory")
	f.StringVar(&o.Penalty, "penalty", "l2", "of the weights of softmax: l2 (their squares), l1 (their absolute values, which leaves values out) or elasticnet (both)")
	f.Float64Var(&o.L1Ratio, "l1-ratio", 0.5, "part of l1 in elasticnet")
	f.StringVar(&o.Scaling, "scaling", string(head.ScaleCommon), "of the features: common (one factor for all columns), columns (each by its own deviation) or l2 (each image to length 1, then common)")
	f.StringVar(&o.ClassWeights, "class-weights", string(head.WeighRows), "none, or balanced: rare classes count as much as frequent ones")
	f.BoolVar(&o.Calibrate, "calibrate", false, "scale the scores so that probabilities fit images that were not trained on")
	f.Float64Var(&o.Lambda, "lambda", 0, "strength of the regularization of softmax and svm (default: chosen by cross-validation)")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of the split and of the cross-validation")
	f.Float64Var(&o.TestFraction, "test-fraction", 0.2, "part of the rows kept out to measure the head, 0 for none")
	f.Float64Var(&o.NearDuplicates, "near-duplicates", 0.98, "`COSINE` of two images' features from which they count as one, 0 for equal files only")
	f.IntVar(&o.MLP.Units, "units", 256, "hidden units of mlp")
	f.Float64Var(&o.MLP.Dropout, "dropout", 0.5, "part of the hidden units left out of each step of mlp")
	f.Float64Var(&o.MLP.Rate, "rate", 0, "learning rate of mlp (default: 1e-3, less for more than 512 values; of --unfreeze: 1e-5)")
	f.IntVar(&o.MLP.Batch, "batch", 32, "images in a step of mlp (of --unfreeze: 8)")
	f.IntVar(&o.MLP.Epochs, "epochs", 100, "most passes of mlp over the images (of --unfreeze: 10)")
	f.IntVar(&o.MLP.Patience, "patience", 8, "passes of mlp without a better validation loss before it ends (of --unfreeze: 3)")
	return f
}

// formerName understands --layer, of earlier versions and the heads that they have trained.
func formerName(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	if name == "layer" {
		name = "layers"
	}
	return pflag.NormalizedName(name)
}

// settingsOf records the flags that steer the kind of head that is trained, without the names
// of files.
func settingsOf(flags *pflag.FlagSet, model string) map[string]string {
	others := []string{"features", "memory", "out", "help", "unfreeze", "units", "dropout", "rate", "batch", "epochs", "patience"}
	if model == "mlp" {
		others = []string{"features", "memory", "out", "help", "unfreeze", "lambda", "penalty", "l1-ratio"}
	}
	all := map[string]string{}
	flags.VisitAll(func(f *pflag.Flag) {
		if !slices.Contains(others, f.Name) && f.Value.String() != "" {
			all[f.Name] = f.Value.String()
		}
	})
	return all
}

func (o *trainOptions) validate() error {
	if err := o.features.validate(); err != nil {
		return err
	}
	switch {
	case o.out == "":
		return cli.Usagef("--out HEAD is required")
	case !slices.Contains([]string{"softmax", "svm", "mlp"}, o.Model):
		return cli.Usagef("unknown --model %q: use softmax, svm or mlp", o.Model)
	case !slices.Contains([]string{"l2", "l1", "elasticnet"}, o.Penalty):
		return cli.Usagef("unknown --penalty %q: use l2, l1 or elasticnet", o.Penalty)
	case o.Penalty != "l2" && o.Model != "softmax":
		return cli.Usagef("--penalty %s is for --model softmax", o.Penalty)
	case !(o.L1Ratio > 0 && o.L1Ratio < 1):
		return cli.Usagef("--l1-ratio %g: use a part between 0 and 1; --penalty l1 and l2 are the ends", o.L1Ratio)
	case !slices.Contains([]head.Scaling{head.ScaleCommon, head.ScaleColumns, head.ScaleUnit}, head.Scaling(o.Scaling)):
		return cli.Usagef("unknown --scaling %q: use common, columns or l2", o.Scaling)
	case o.ClassWeights != string(head.WeighRows) && o.ClassWeights != string(head.WeighClasses):
		return cli.Usagef("unknown --class-weights %q: use none or balanced", o.ClassWeights)
	case !(o.Lambda >= 0) || math.IsInf(o.Lambda, 0):
		return cli.Usagef("--lambda %g: use a positive number", o.Lambda)
	case o.Lambda > 0 && o.Model == "mlp":
		return cli.Usagef("--lambda is for --model softmax and svm: mlp is regularized by --dropout")
	case o.Lambda > 0 && o.Calibrate:
		return cli.Usagef("--calibrate needs the cross-validation that --lambda leaves out")
	case !(o.NearDuplicates >= 0 && o.NearDuplicates <= 1):
		return cli.Usagef("--near-duplicates %g: use a cosine above 0 and at most 1, or 0 for equal files only", o.NearDuplicates)
	case o.MLP.Units < 1 || o.MLP.Batch < 1 || o.MLP.Epochs < 1 || o.MLP.Patience < 1:
		return cli.Usagef("--units, --batch, --epochs and --patience must be positive")
	case !(o.MLP.Rate >= 0 && o.MLP.Rate <= 1) || !(o.MLP.Dropout >= 0 && o.MLP.Dropout < 1):
		return cli.Usagef("--rate %g, --dropout %g: use a rate up to 1, and a dropout from 0 to below 1", o.MLP.Rate, o.MLP.Dropout)
	case !(o.TestFraction >= 0 && o.TestFraction < 1):
		return cli.Usagef("--test-fraction %g: use 0, or a fraction below 1", o.TestFraction)
	}
	return nil
}

func (o *trainOptions) run(ctx context.Context) error {
	if err := o.validate(); err != nil {
		return err
	}
	var done func()
	o.Progress, done = o.log.StepProgress("cross-validation", "strengths")
	defer done()
	if o.unfreeze != "" {
		return o.runUnfreeze(ctx)
	}
	if info, err := os.Stat(o.out); err == nil && info.IsDir() {
		return fmt.Errorf("--out %s is a directory: name a file", o.out)
	}
	if info, err := os.Stat(filepath.Dir(o.out)); err != nil || !info.IsDir() {
		return fmt.Errorf("--out %s: there is no directory %s: make it first", o.out, filepath.Dir(o.out))
	}
	start := time.Now()
	all, err := o.features.load(ctx, strings.Split(o.layers, ",")...)
	if err != nil {
		return err
	}
	classes, err := head.Classes(all.Labels)
	if err != nil {
		return err
	}
	finetuning.WarnOfAlike(classes)
	duplicates, err := o.Group(ctx, all)
	if err != nil {
		return err
	}
	split, err := o.Split(all, duplicates.Groups)
	if err != nil {
		return err
	}
	learn, test, groups := all, finetuning.Features{}, duplicates.Groups
	if len(split.Test) > 0 {
		if test, err = all.Choose(split.Test); err != nil {
			return err
		}
		if learn, err = all.Choose(split.Train); err != nil {
			return err
		}
		groups = finetuning.Pick(groups, split.Train)
		all.Free()
	}
	logrus.Infof("training on %d rows of %d values (%s), %d kept out", learn.X.Rows, learn.X.Cols, finetuning.LayerNames(learn.Layers), len(split.Test))
	h, report, err := o.Fit(ctx, learn, groups)
	if err != nil {
		return err
	}
	h.Recipe, h.Layers = all.Recipe, all.Layers
	h.Notes = head.Notes{ToolVersion: cli.Version(), Seed: o.Seed, TrainedOn: learn.X.Rows, Settings: o.Settings, Copies: duplicates.Equal, NearCopies: duplicates.Alike, Report: report}
	for _, hash := range learn.Hashes {
		h.Notes.Seen = append(h.Notes.Seen, finetuning.ShortHash(hash))
	}
	slices.Sort(h.Notes.Seen)
	h.Notes.Seen = slices.Compact(h.Notes.Seen)
	if len(split.Test) > 0 {
		metrics, err := measure(h, test)
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

func (o *trainOptions) summarize(h *head.Head, took time.Duration) {
	report := h.Notes.Report
	fmt.Printf("head         %s\n", o.out)
	fmt.Printf("classes      %s\n", joinClasses(h.Classes))
	fmt.Printf("trained on   %d images, %s of %s, %d values each\n", h.Notes.TrainedOn, finetuning.LayerNames(h.Layers), h.Recipe.Model, h.Columns())
	best := slices.IndexFunc(report.Path, func(p head.PathPoint) bool { return p.Lambda == report.Lambda })
	if best >= 0 {
		fmt.Printf("lambda       %g, by cross-validation (%d folds, %d images): accuracy %.2f %%, log loss %.4f\n",
			report.Lambda, report.Folds, report.Tested, 100*report.Path[best].Accuracy, report.Path[best].LogLoss)
	}
	if report.BestEpoch > 0 {
		e := report.Epochs[report.BestEpoch-1]
		fmt.Printf("epochs       %d, the best is %d: accuracy %.2f %%, log loss %.4f on %d validation images\n",
			len(report.Epochs), e.Epoch, 100*e.Accuracy, e.LogLoss, report.Tested)
	}
	if report.Temperature > 0 {
		fmt.Printf("temperature  %.3f\n", report.Temperature)
	}
	if report.Columns > 0 {
		fmt.Printf("columns      %s\n", describeColumns(h))
	}
	if n := h.Standardization.Constant(); n > 0 {
		fmt.Printf("constant     %d of %d values are the same in all these images: nothing is learned from them\n", n, h.Columns())
	}
	if report.AtEdge {
		logrus.Warnf("the best lambda, %g, is at the edge of those tried", report.Lambda)
	}
	fmt.Printf("time         %s\n", took.Round(10*time.Millisecond))
	if h.Notes.HeldOut != nil {
		fmt.Printf("\non %d images kept out of the training:\n", h.Notes.HeldOut.N)
		printMetrics(os.Stdout, *h.Notes.HeldOut)
	}
}

// strongest is the number of columns that are named.
const strongest = 5

// describeColumns says how many values of each layer have a weight, and which the largest ones.
func describeColumns(h *head.Head) string {
	used := h.UsedColumns()
	counts := map[string]int{}
	var first, parts []string
	for i, column := range used {
		layer, within := finetuning.ColumnOf(h.Layers, column)
		counts[layer.Name]++
		if i < strongest {
			first = append(first, fmt.Sprintf("%s[%d]", layer.Name, within))
		}
	}
	for _, l := range h.Layers {
		parts = append(parts, fmt.Sprintf("%d of %d of %s", counts[l.Name], l.Size(), l.Name))
	}
	return strings.Join(parts, ", ") + " have a weight; the largest: " + strings.Join(first, ", ")
}
