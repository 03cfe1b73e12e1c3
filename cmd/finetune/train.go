package main

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fovea/app/cli"
	"fovea/finetuning"
	"fovea/head"
)

type trainOptions struct {
	finetuning.TrainOptions
	features featureFlags
	layers   string
	dropout  float64
	// calibrate is the opposite of Uncalibrated.
	calibrate bool
	// unfreeze names the block from which on the network itself is trained, "" for none;
	// changed says whether a flag was given.
	unfreeze string
	changed  func(flag string) bool
	result   cli.ResultFlags
	log      *cli.LogOptions
}

func newTrain(log *cli.LogOptions) *cobra.Command {
	o := trainOptions{log: log}
	command := &cobra.Command{
		Use:   "train --features DIR --out HEAD [flags]",
		Short: "Train a head on a dataset of features",
		Long: `Train fits a classifier, the head, to the labelled rows of a dataset. By default,
cross-validation chooses between softmax regression, linear discriminant analysis and their mean,
the scaling of the features, and the strength of the regularization. --penalty l1 or elasticnet
give no weight to values that do not help. --model svm fits linear support vector machines, and
--model mlp one hidden layer of rectified linear units with dropout, by Adam with early stopping.

--unfreeze block5 trains the network's last block together with the head, starting from the
frozen head's solution, by Adam with a small learning rate. It needs a dataset of block4_pool;
docs/training.md has an example.

The test set measures the result and takes no part in training: it is --test-fraction of the rows,
or the rows that the dataset's split column marks "test". Copies of an image, and images with
nearly the same features, are never in both the training set and the test set.`,
		Example: "  finetune train --features features --out cats-vs-dogs.head",
		Args:    cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			o.changed = c.Flags().Changed
			return o.run(c.Context())
		},
	}
	f := command.Flags()
	f.SortFlags = false
	cli.FormerNames(f, map[string]string{"layer": "layers", "rate": "learning-rate"})
	o.addFlags(f)
	return command
}

func (o *trainOptions) addFlags(f *pflag.FlagSet) {
	o.features.add(f)
	cli.PathVar(f, &o.Out, "out", "", "the `FILE` to write the head to; with --unfreeze, a directory (required)")
	f.StringVar(&o.layers, "layers", "", "the `LAYERS` to train on, separated by commas, each scaled on its own (required where the dataset has several)")
	f.StringVar(&o.Model, "model", finetuning.Auto, "`KIND` of head: auto (softmax, linear discriminant analysis or their mean), softmax, svm or mlp; with --lambda, --penalty or --unfreeze softmax")
	f.StringVar(&o.unfreeze, "unfreeze", "", "train the network itself from `BLOCK` on (block5), on a dataset of the pooling layer before it (block4_pool, --pool none)")
	f.StringVar(&o.Penalty, "penalty", finetuning.L2, "`NAME` of the penalty on the weights of softmax: l2 (squares), l1 (absolute values, which leaves values out) or elasticnet (both)")
	f.Float64Var(&o.L1Ratio, "l1-ratio", 0.5, "fraction `X` of l1 in elasticnet")
	f.StringVar(&o.Scaling, "scaling", "", "`HOW` to scale features: common (one factor for all columns), columns (each by its own deviation), l2 (each image to length 1, then common) or sqrt (square roots, then l2) (default: the best one for auto, otherwise common)")
	f.StringVar(&o.ClassWeights, "class-weights", string(head.WeighRows), "`HOW` to weigh classes: none, or balanced (rare classes count as much as frequent ones)")
	f.BoolVar(&o.calibrate, "calibrate", true, "fit a temperature so that probabilities suit images outside the training set; not with --lambda or --unfreeze")
	f.Float64Var(&o.Lambda, "lambda", 0, "strength `X` of the regularization of softmax and svm (default: chosen by cross-validation)")
	f.Uint64Var(&o.Seed, "seed", 1, "seed `N` of the train/test split, the cross-validation and the first weights of mlp")
	f.Float64Var(&o.TestFraction, "test-fraction", 0.2, "fraction `X` of the rows to hold out for testing, 0 for none")
	f.Float64Var(&o.NearDuplicates, "near-duplicates", finetuning.UsualNear, "keep images together as copies if the cosine of their features is at least `COSINE` (0.99 by default for early layers); 0: only identical files")
	f.IntVar(&o.MinClass, "min-class", 0, "leave out classes with fewer than `N` training images")
	f.Float64Var(&o.NoveltyRate, "novelty-rate", 0.05, "let the head recognize images unlike those it was trained on: the `SHARE` of familiar images that may be above the cutoff; 0: it cannot")
	f.IntVar(&o.MLP.Units, "units", 256, "`N` hidden units of mlp")
	f.Float64Var(&o.dropout, "dropout", 0.5, "fraction `X` of the hidden units dropped in each step of mlp")
	f.Float64Var(&o.MLP.Rate, "learning-rate", 0, "learning rate `X` of mlp (default: 1e-3, less for more than 512 values; with --unfreeze: 1e-5)")
	f.IntVar(&o.MLP.Batch, "batch", 32, "`N` images per step of mlp (with --unfreeze: 8)")
	f.IntVar(&o.MLP.Epochs, "epochs", 100, "at most `N` passes of mlp over the images (with --unfreeze: 10)")
	f.IntVar(&o.MLP.Patience, "patience", 8, "stop mlp after `N` passes without a lower validation loss (with --unfreeze: 3)")
	o.result.Add(f)
}

func (o *trainOptions) validate() error {
	if err := o.features.validate(); err != nil {
		return err
	}
	if o.Out == "" {
		return cli.Usagef("--out HEAD is required")
	}
	if err := o.refuseZeros(); err != nil {
		return err
	}
	o.Source, o.ToolVersion = o.features.Source, cli.Version()
	o.OwnFraction, o.OwnNear = o.changed("test-fraction"), o.changed("near-duplicates")
	if o.layers != "" {
		o.Layers = strings.Split(o.layers, ",")
	}
	o.Uncalibrated = !o.calibrate
	if o.calibrate && o.changed("calibrate") && o.Lambda != 0 {
		return cli.Usagef("--calibrate needs the cross-validation that lambda turns off")
	}
	if !o.changed("model") && (o.unfreeze != "" || o.changed("lambda") || o.changed("penalty") || o.changed("l1-ratio")) {
		o.Model = finetuning.Softmax
	}
	if o.MLP.Dropout = o.dropout; o.dropout == 0 {
		o.MLP.Dropout = -1 // 0 would be the default
	}
	var wrong finetuning.OptionError
	if err := o.Validate(); errors.As(err, &wrong) {
		return cli.Usagef("--%w", wrong)
	}
	return o.refuseUnused()
}

// refuseZeros refuses values that the library would take as "the default", and a negative dropout.
func (o *trainOptions) refuseZeros() error {
	for _, f := range []struct {
		name string
		zero bool
	}{
		{"l1-ratio", o.L1Ratio == 0}, {"lambda", o.Lambda == 0}, {"learning-rate", o.MLP.Rate == 0}, {"units", o.MLP.Units == 0},
		{"batch", o.MLP.Batch == 0}, {"epochs", o.MLP.Epochs == 0}, {"patience", o.MLP.Patience == 0},
	} {
		if f.zero && o.changed(f.name) {
			return cli.Usagef("--%s 0: it must be positive", f.name)
		}
	}
	if !(o.dropout >= 0) {
		return cli.Usagef("--dropout %g: use a dropout from 0 to below 1", o.dropout)
	}
	return nil
}

// refuseUnused refuses flags that the kind of head does not use.
func (o *trainOptions) refuseUnused() error {
	if o.changed("l1-ratio") && o.Penalty != finetuning.ElasticNet {
		return cli.Usagef("--l1-ratio requires --penalty elasticnet")
	}
	if o.unfreeze != "" && o.changed("novelty-rate") {
		return cli.Usagef("--novelty-rate does not apply to --unfreeze: train a head on features of the unfrozen model")
	}
	if o.unfreeze != "" && o.changed("layers") {
		return cli.Usagef("--layers does not apply to --unfreeze, which uses the pooling layer before the block")
	}
	used, what := finetuning.SettingsOf(o.Model), "--model "+o.Model
	if o.unfreeze != "" {
		used, what = append(used, "learning-rate", "batch", "epochs", "patience"), "--unfreeze"
	}
	for _, name := range finetuning.SettingsOf("") {
		if o.changed(name) && !slices.Contains(used, name) {
			return cli.Usagef("--%s does not apply to %s", name, what)
		}
	}
	return nil
}

func (o *trainOptions) run(ctx context.Context) error {
	o.features.MaxMemory = cli.MaxMemory(ctx)
	if err := o.validate(); err != nil {
		return err
	}
	var done func()
	o.Progress, done = o.log.StepProgress("cross-validation", "strengths")
	defer done()
	if o.unfreeze != "" {
		return o.runUnfreeze(ctx, done)
	}
	result, err := finetuning.Train(ctx, o.TrainOptions)
	done() // before the result is printed
	if err != nil {
		return cli.UsageWhen(err, finetuning.ErrLayers)
	}
	return o.result.Print(trainingResult(o.Out, result), func(w io.Writer) error { return printTraining(w, o.Out, result) })
}
