package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/finetuning"
	"fovea/internal/text"
	"fovea/training"
)

type scratchOptions struct {
	log               *cli.LogOptions
	training          trainingFlags
	epochs            int
	resume, overwrite bool
}

func newScratch(log *cli.LogOptions) *cobra.Command {
	o := scratchOptions{log: log}
	command := &cobra.Command{
		Use:   "scratch --images DIR --out DIR [flags]",
		Short: "Train a VGG from random weights",
		Long: `Scratch trains one of the paper's configurations on images, starting from random weights, by
stochastic gradient descent or Adam. After each epoch it measures the network on images that are
held out. This takes far more images and time than a head on frozen features: see finetune compare.

Images may be files, directories, tar and zip archives, Parquet tables of images, or URLs of any of
these in an object store.

The directory --out gets metrics.csv and metrics.jsonl (a row for each epoch), errors.csv (the
images that could not be read), checkpoint/ (after each epoch, and at Ctrl-C), and at the end
model/, a SavedModel for extract --model, and head.json, with which
finetune predict --head OUT/head.json --model OUT/model classifies new images.`,
		Example: "  finetune scratch --images photos/ --labels dir --config vgg-a --size 64 --out scratch",
		Args:    cli.NoArguments,
		RunE:    func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	f := command.Flags()
	o.training.add(f)
	f.IntVar(&o.epochs, "epochs", 10, "`N` passes over the training images")
	f.BoolVar(&o.resume, "resume", false, "continue from the checkpoint in --out")
	f.BoolVar(&o.overwrite, "overwrite", false, "replace what an earlier training left in --out")
	return command
}

func (o *scratchOptions) validate() error {
	switch {
	case o.epochs < 1:
		return cli.Usagef("--epochs %d: use a positive number", o.epochs)
	case o.resume && o.overwrite:
		return cli.Usagef("--resume and --overwrite are mutually exclusive")
	}
	return o.training.validate()
}

func (o *scratchOptions) run(ctx context.Context) error {
	if err := o.validate(); err != nil {
		return err
	}
	progress, done := readingProgress(o.log)
	defer done()
	t := &o.training
	t.images.Progress, t.images.MaxMemory = progress, cli.MaxMemory(ctx)
	result, err := finetuning.Scratch(ctx, finetuning.ScratchOptions{
		Images: t.images, Network: t.network, Out: t.out, Seed: t.seed, ToolVersion: cli.Version(),
		Epochs: o.epochs, Resume: o.resume, Overwrite: o.overwrite,
	})
	var interruption cli.Interruption
	if errors.As(err, &interruption) {
		logrus.Info("interrupted: the same command with --resume continues from here")
	}
	if err != nil {
		return explainTraining(err)
	}
	if err := t.result.Print(result, func(w io.Writer) error { return printScratch(w, result) }); err != nil {
		return err
	}
	return partly(result.FailedImages, result.Errors)
}

func printScratch(out io.Writer, r *finetuning.ScratchResult) error {
	if err := printHistory(out, r.Epochs); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nmodel  %s\nhead   %s\n", r.Model, r.Head)
	return err
}

// explainTraining adds the flags that help to an error.
func explainTraining(err error) error {
	switch {
	case errors.Is(err, finetuning.ErrTrained):
		return fmt.Errorf("%w: continue it with --resume, or replace it with --overwrite", err)
	case errors.Is(err, finetuning.ErrLabels):
		return fmt.Errorf("%w. --labels prefix takes file names up to their first dot, dir the names of directories or the labels in an archive or table, csv:FILE those in a table", err)
	case errors.Is(err, finetuning.ErrBudget):
		return fmt.Errorf("%w: allow more time with --budget", err)
	}
	return err
}

// partly reports images that could not be read, if there are any; file lists them.
func partly(failed int, file string) error {
	if failed == 0 {
		return nil
	}
	logrus.Warnf("%s could not be read: see %s", text.Plural(failed, "image"), file)
	return cli.ErrPartly
}

func printHistory(out io.Writer, history []training.Epoch) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "epoch\tloss\taccuracy\theld-out loss\theld-out accuracy\tseconds\t")
	for _, e := range history {
		loss, accuracy := "-", "-"
		if e.ValidationLoss != nil {
			loss, accuracy = fmt.Sprintf("%.4f", *e.ValidationLoss), fmt.Sprintf("%.2f %%", 100**e.ValidationAccuracy)
		}
		fmt.Fprintf(w, "%d\t%.4f\t%.2f %%\t%s\t%s\t%.1f\t\n", e.Epoch, e.Loss, 100*e.Accuracy, loss, accuracy, e.Seconds)
	}
	return w.Flush()
}
