package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/finetuning"
	"fovea/internal/text"
	"fovea/report"
)

type compareOptions struct {
	log      *cli.LogOptions
	training trainingFlags
	budget   time.Duration
}

func newCompare(log *cli.LogOptions) *cobra.Command {
	o := compareOptions{log: log}
	command := &cobra.Command{
		Use:   "compare --images DIR --out DIR [flags]",
		Short: "Race training from random weights against a head on frozen features",
		Long: `Compare trains on the same images in two ways: a head (softmax regression) on the averaged
pool5 of the VGG16 that ships, at 224 pixels, and a VGG from random weights, as finetune scratch
does. Both use the same training images and test images, and have the same time, --budget, which
covers setting up, computing features, fitting heads, and training steps, but not testing.
Heads are fitted again and again as features of more images arrive.

The directory --out gets compare.svg and compare.png (accuracy against time), compare.csv,
compare.json, and errors.csv (the images that could not be read).`,
		Example: "  finetune compare --images photos/ --labels dir --size 64 --budget 10m --out compare",
		Args:    cli.NoArguments,
		RunE:    func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	o.training.add(command.Flags())
	command.Flags().DurationVar(&o.budget, "budget", 10*time.Minute, "training `TIME` of each approach, such as 90s or 10m")
	return command
}

func (o *compareOptions) validate() error {
	switch {
	case o.budget <= 0:
		return cli.Usagef("--budget %s: use a time such as 90s or 10m", o.budget)
	case o.training.images.TestFraction == 0:
		return cli.Usagef("--test-fraction 0: a comparison needs test images")
	}
	return o.training.validate()
}

func (o *compareOptions) run(ctx context.Context) error {
	if err := o.validate(); err != nil {
		return err
	}
	progress, done := readingProgress(o.log)
	defer done()
	t := &o.training
	t.images.Progress, t.images.MaxMemory = progress, cli.MaxMemory(ctx)
	result, err := finetuning.Compare(ctx, finetuning.CompareOptions{Images: t.images, Network: t.network, Out: t.out, Seed: t.seed, Budget: o.budget})
	if err != nil {
		return explainTraining(err)
	}
	if err := t.result.Print(result, func(w io.Writer) error { return printComparison(w, result) }); err != nil {
		return err
	}
	return partly(result.FailedImages, filepath.Join(t.out, finetuning.ErrorsFile))
}

// maxRows bounds the rows of the table for each approach.
const maxRows = 12

func printComparison(out io.Writer, c *finetuning.Comparison) error {
	w := text.NewTable(out)
	fmt.Fprintln(w, "approach\tseconds\timages\taccuracy\tlog loss")
	for _, way := range c.Ways {
		step := (len(way.Points) + maxRows - 1) / maxRows
		for i, p := range way.Points {
			if i%step == 0 || i == len(way.Points)-1 {
				fmt.Fprintf(w, "%s\t%.1f\t%d\t%.2f %%\t%.4f\n", way.Name, p.Seconds, p.Images, 100*p.Accuracy, p.LogLoss)
			}
		}
	}
	fmt.Fprintln(w, "\t\t\t\t")
	for _, level := range []float64{0.6, 0.9, 0.95, 0.97} {
		for _, way := range c.Ways {
			fmt.Fprintf(w, "%s\treaches %.0f %%\t%s\t\t\n", way.Name, 100*level, reached(way, level))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nthe most frequent class makes up %.2f %% of the test images\n%s\n", 100*c.Chance, strings.Join(c.Files, "\n"))
	return err
}

// reached says when an accuracy was first reached.
func reached(way report.Way, level float64) string {
	for _, p := range way.Points {
		if p.Accuracy >= level {
			return fmt.Sprintf("after %.1f s", p.Seconds)
		}
	}
	return "never"
}
