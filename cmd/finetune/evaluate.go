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
	decision serving.Decision
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
	f.StringVar(&o.decision.Unknown, "unknown", "", "in the rows, "+unknownUsage)
	addTop(f, &o.decision.Top)
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
	case o.rows == "" && o.flags.Changed("unknown"):
		return cli.Usagef("--unknown requires --rows")
	case o.flags.Changed("unknown") && o.decision.Unknown == "":
		return cli.Usagef("--unknown needs a LABEL")
	case o.decision.Top < 0:
		return cli.Usagef("--top %d: use a positive number, or 0 for all classes", o.decision.Top)
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
	if err := o.decision.CheckUnknown(h); err != nil {
		return cli.Usagef("--unknown %q: %w", o.decision.Unknown, err)
	}
	usualTop(o.flags, &o.decision.Top, h)
	result, err := o.evaluate(ctx, h)
	if result == nil {
		return err
	}
	// What was measured is shown, even if the rows could not be written.
	return errors.Join(err, o.result.Print(result, func(w io.Writer) error {
		err := errors.Join(report.WriteText(w, result.Metrics), report.WriteNovelty(w, result.Novelty))
		if err != nil || len(result.Unknown) == 0 {
			return err
		}
		_, err = fmt.Fprintf(w, "\nignored: %s\n", finetuning.DescribeUnknown(result.Unknown))
		return err
	}))
}

// evaluate measures the head and writes the rows, if they are wanted.
func (o *evaluateOptions) evaluate(ctx context.Context, h *head.Head) (result *finetuning.Evaluation, err error) {
	options := finetuning.EvaluateOptions{Head: h, Source: o.features.Source, HeldOut: o.heldOut, IgnoreUnknown: o.ignore}
	if o.rows == "" {
		return finetuning.Evaluate(ctx, options)
	}
	form := serving.WriterOptions{Format: serving.FormatOf(o.rows), Classes: h.Classes, Decision: o.decision, Novelty: h.Novelty != nil, Known: true}
	err = writeRows(o.rows, form, func(w serving.Writer) error {
		options.Row = func(r finetuning.EvaluatedRow) error {
			p := o.decision.Prediction(r.Path, serving.Outcome{Probabilities: r.Probabilities, Novelty: r.Novelty}, h.Classes)
			p.Known = serving.Known{Label: r.Label, Split: r.Split, Seen: r.Seen}
			return w.Write(p)
		}
		result, err = finetuning.Evaluate(ctx, options)
		return err
	})
	return result, err
}
