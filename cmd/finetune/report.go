package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/finetuning"
	"fovea/head"
)

type reportOptions struct {
	finetuning.ReportOptions
	head     string
	features featureFlags
	result   cli.ResultFlags
}

func newReport() *cobra.Command {
	var o reportOptions
	command := &cobra.Command{
		Use:   "report --head HEAD --features DIR --out DIR [flags]",
		Short: "Write a web page with metrics and plots of a head",
		Long: `Report measures a head on the images of a dataset that it was not trained on. It writes
report.html, a page that needs no other file, and its plots as PNG images: metrics, confusion
matrix, ROC and calibration curves, a learning curve (accuracy by number of training images), and
the misclassified images that the head was most certain of.

For the learning curve, heads with the same settings are trained on parts of the images that the
head was trained on, as far as they are in the dataset.`,
		Example: "  finetune report --head cats-vs-dogs.head --features features --images photos --out report",
		Args:    cli.NoArguments,
		RunE:    func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	f := command.Flags()
	f.SortFlags = false
	cli.PathVar(f, &o.head, "head", "", "the head's `FILE` (required)")
	o.features.add(f)
	cli.PathVar(f, &o.Out, "out", "", "the directory `DIR` to write to (required)")
	cli.PathVar(f, &o.Images, "images", "", "the directory `DIR` that the dataset was extracted from, for thumbnails")
	f.IntVar(&o.Mistakes, "mistakes", 24, "show at most `N` misclassified images")
	f.IntVar(&o.Examples, "examples", 6, "show at most `N` images of each cell of the confusion matrix, 240 in all")
	f.IntVar(&o.Repeats, "repeats", 3, "train `N` heads for each point of the learning curve, 0 for no curve")
	ignoreVar(f, &o.IgnoreUnknown)
	o.result.Add(f)
	return command
}

func (o *reportOptions) validate() error {
	switch {
	case o.head == "":
		return cli.Usagef("--head HEAD is required")
	case o.Out == "":
		return cli.Usagef("--out DIR is required")
	case min(o.Mistakes, o.Examples, o.Repeats) < 0:
		return cli.Usagef("--mistakes, --examples and --repeats: use 0 or more")
	case sameFile(filepath.Join(o.Out, "report.html"), o.head):
		return cli.Usagef("--out %s: report.html in it is the head itself: name another directory", o.Out)
	}
	return o.features.validate()
}

func (o *reportOptions) run(ctx context.Context) error {
	o.features.MaxMemory = cli.MaxMemory(ctx)
	if err := o.validate(); err != nil {
		return err
	}
	if err := checkImages(o.Images); err != nil {
		return err
	}
	h, err := head.ReadOptions{MaxMemory: cli.MaxMemory(ctx)}.Load(o.head)
	if err != nil {
		return err
	}
	o.Head, o.Source = h, o.features.Source
	result, err := finetuning.Report(ctx, o.ReportOptions)
	if err != nil {
		return err
	}
	return o.result.Print(reported{result.Files, result.Unknown, result.Data.Metrics, result.Data.Learning}, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, strings.Join(result.Files, "\n"))
		return err
	})
}

// reported is what report prints as JSON.
type reported struct {
	Files         []string          `json:"files"`
	Unknown       []head.ClassCount `json:"unknown_classes,omitempty"`
	Metrics       head.Metrics      `json:"metrics"`
	LearningCurve []head.CurvePoint `json:"learning_curve"`
}
