package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fovea/app/cli"
	"fovea/finetuning"
	"fovea/head"
	"fovea/report"
	"fovea/serving"
)

type evaluateOptions struct {
	head     string
	features featureFlags
	result   cli.ResultFlags
	heldOut  bool
	ignore   bool
	rows     string
	top      int
	flags    *pflag.FlagSet
}

func newEvaluate() *cobra.Command {
	var o evaluateOptions
	command := &cobra.Command{
		Use:     "evaluate --head HEAD --features DIR [flags]",
		Short:   "Measure a head on a dataset of features",
		Example: "  finetune evaluate --head cats-vs-dogs.head --features other-features --json",
		Args:    cli.NoArguments,
		RunE:    func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	f := command.Flags()
	f.SortFlags = false
	cli.PathVar(f, &o.head, "head", "", "the head's `FILE` (required)")
	o.features.add(f)
	o.result.Add(f)
	f.BoolVar(&o.heldOut, "held-out", false, "leave out the images that the head was trained on")
	ignoreVar(f, &o.ignore)
	cli.PathVar(f, &o.rows, "rows", "", "write a row for each image to `FILE`, as csv, json or parquet by its name: label, prediction, whether it is right")
	addTop(f, &o.top)
	o.flags = f
	return command
}

func (o *evaluateOptions) validate() error {
	switch {
	case o.head == "":
		return cli.Usagef("--head HEAD is required")
	case o.rows != "" && serving.FormatOf(o.rows) == "":
		return cli.Usagef("--rows %s: use a name that ends in .csv, .json or .parquet", o.rows)
	case o.rows != "" && sameFile(o.rows, o.head):
		return cli.Usagef("--rows %s is the head itself: name another file", o.rows)
	case o.rows == "" && o.flags.Changed("top"):
		return cli.Usagef("--top requires --rows")
	case o.top < 0:
		return cli.Usagef("--top %d: use a positive number, or 0 for all classes", o.top)
	}
	return o.features.validate()
}

func (o *evaluateOptions) run(ctx context.Context) error {
	o.features.MaxMemory = cli.MaxMemory(ctx)
	if err := o.validate(); err != nil {
		return err
	}
	h, err := head.ReadOptions{MaxMemory: cli.MaxMemory(ctx)}.Load(o.head)
	if err != nil {
		return err
	}
	usualTop(o.flags, &o.top, h)
	result, err := o.evaluate(ctx, h)
	if result == nil {
		return err
	}
	// What was measured is shown, even if the rows could not be written.
	return errors.Join(err, o.result.Print(result, func(w io.Writer) error {
		if err := report.WriteText(w, result.Metrics); err != nil || len(result.Unknown) == 0 {
			return err
		}
		_, err := fmt.Fprintf(w, "\nignored: %s\n", finetuning.DescribeUnknown(result.Unknown))
		return err
	}))
}

// evaluate measures the head and writes the rows, if they are wanted.
func (o *evaluateOptions) evaluate(ctx context.Context, h *head.Head) (result *finetuning.Evaluation, err error) {
	options := finetuning.EvaluateOptions{Head: h, Source: o.features.Source, HeldOut: o.heldOut, IgnoreUnknown: o.ignore}
	if o.rows == "" {
		return finetuning.Evaluate(ctx, options)
	}
	form := serving.WriterOptions{Format: serving.FormatOf(o.rows), Classes: h.Classes, Decision: serving.Decision{Top: o.top}, Known: true}
	err = writeRows(o.rows, form, func(w serving.Writer) error {
		options.Row = func(r finetuning.EvaluatedRow) error {
			return w.Write(serving.Prediction{Path: r.Path, Label: h.Predict(r.Probabilities), Probabilities: r.Probabilities, Known: serving.Known{Label: r.Label, Split: r.Split, Seen: r.Seen}})
		}
		result, err = finetuning.Evaluate(ctx, options)
		return err
	})
	return result, err
}
