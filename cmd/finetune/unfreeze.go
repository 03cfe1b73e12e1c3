package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"fovea/app/cli"
	"fovea/finetuning"
	"fovea/head"
	"fovea/internal/text"
)

// validateUnfreeze returns the number of the block that --unfreeze names.
func (o *trainOptions) validateUnfreeze() (block int, err error) {
	block, err = strconv.Atoi(strings.TrimPrefix(o.unfreeze, "block"))
	switch {
	case err != nil || !strings.HasPrefix(o.unfreeze, "block") || block < 2 || block > 5:
		return 0, cli.Usagef("--unfreeze %q: use block5, or block4, block3 or block2", o.unfreeze)
	case o.Model != "softmax" || o.Penalty != "l2":
		return 0, cli.Usagef("--unfreeze requires --model softmax and --penalty l2")
	case o.Scaling == string(head.ScaleUnit) || o.Scaling == string(head.ScaleSqrt) || o.changed("calibrate") || o.ClassWeights != string(head.WeighRows):
		return 0, cli.Usagef("--unfreeze cannot be combined with --scaling l2 or sqrt, --calibrate or --class-weights")
	}
	o.Uncalibrated = true
	if info, err := os.Stat(o.Out); err == nil && !info.IsDir() {
		return 0, fmt.Errorf("--out %s is a file: with --unfreeze, name a directory", o.Out)
	}
	return block, nil
}

// runUnfreeze trains the network from the block named by --unfreeze on. It calls done before it prints.
func (o *trainOptions) runUnfreeze(ctx context.Context, done func()) error {
	block, err := o.validateUnfreeze()
	if err != nil {
		return err
	}
	u := finetuning.UnfreezeOptions{
		Head: &o.TrainOptions, Source: o.Source, Out: o.Out, Block: block, ToolVersion: cli.Version(),
	}
	// mlp has other defaults for the flags that both use.
	if o.changed("learning-rate") {
		u.LearningRate = o.MLP.Rate
	}
	if o.changed("batch") {
		u.Batch = o.MLP.Batch
	}
	if o.changed("epochs") {
		u.Epochs = o.MLP.Epochs
	}
	if o.changed("patience") {
		u.Patience = o.MLP.Patience
	}
	result, err := finetuning.Unfreeze(ctx, u)
	done()
	if err != nil {
		return err
	}
	return o.result.Print(result, func(w io.Writer) error { return printUnfrozen(w, result) })
}

func printUnfrozen(out io.Writer, r *finetuning.UnfreezeResult) error {
	if err := printHistory(out, r.Epochs); err != nil {
		return err
	}
	if r.Frozen != nil && r.Unfrozen != nil {
		w := text.NewTable(out)
		fmt.Fprintf(w, "\non %s:\taccuracy\t95 %%\tlog loss\n", text.Plural(r.TestImages, "test image"))
		line := func(name string, m *head.Metrics) {
			fmt.Fprintf(w, "%s\t%.2f %%\t%.2f to %.2f\t%.4f\n", name, 100*m.Accuracy, 100*m.AccuracyInterval[0], 100*m.AccuracyInterval[1], m.LogLoss)
		}
		line("frozen head", r.Frozen)
		line("unfrozen", r.Unfrozen)
		if err := w.Flush(); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "\nmodel  %s\nhead   %s\n", r.Model, r.Head)
	return err
}
