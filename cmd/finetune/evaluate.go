package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/finetuning"
	"fovea/head"
	"fovea/report"
)

type evaluateOptions struct {
	head     string
	features featureFlags
	result   cli.ResultFlags
	heldOut  bool
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
	return command
}

func (o *evaluateOptions) run(ctx context.Context) error {
	o.features.MaxMemory = cli.MaxMemory(ctx)
	if o.head == "" {
		return cli.Usagef("--head HEAD is required")
	}
	if err := o.features.validate(); err != nil {
		return err
	}
	h, err := head.ReadOptions{MaxMemory: cli.MaxMemory(ctx)}.Load(o.head)
	if err != nil {
		return err
	}
	result, err := finetuning.Evaluate(ctx, finetuning.EvaluateOptions{Head: h, Source: o.features.Source, HeldOut: o.heldOut})
	if err != nil {
		return err
	}
	return o.result.Print(result, func(w io.Writer) error {
		return errors.Join(report.WriteText(w, result.Metrics), report.WriteNovelty(w, result.Novelty))
	})
}
