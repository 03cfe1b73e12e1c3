package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/finetuning"
)

type auditOptions struct {
	finetuning.AuditOptions
	features featureFlags
	page     finetuning.PageOptions
	result   cli.ResultFlags
}

func newAudit() *cobra.Command {
	var o auditOptions
	command := &cobra.Command{
		Use:   "audit --features DIR [flags]",
		Short: "Find what is wrong with a dataset",
		Long: `Audit looks for what makes a dataset worse than it could be, the most urgent first: equal files and
near duplicates under different labels, copies in several splits, images whose most similar ones
all have another label, classes that are alike or whose pictures are all nearly the same, classes
told by the size, shape or (with --images) exposure of their pictures, outliers, different files
with identical features, and values that are the same everywhere. It says what to do about each, and
changes nothing.`,
		Example: "  finetune audit --features features --images photos --page audit.html",
		Args:    cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			o.OwnNear = c.Flags().Changed("near-duplicates")
			return o.run(c.Context())
		},
	}
	f := command.Flags()
	f.SortFlags = false
	o.features.add(f)
	cli.NamesVar(f, &o.Layers, "layers", "the `LAYERS` to use, separated by commas (required where the dataset has several)")
	cli.PathVar(f, &o.page.Out, "page", "", "write a web page to `FILE`, or to audit.html in a directory")
	cli.PathVar(f, &o.Images, "images", "", "the directory `DIR` that the dataset was extracted from, for thumbnails and exposures")
	f.IntVar(&o.page.Most, "top", 20, "list `N` images of each kind, also on the page")
	f.IntVar(&o.Neighbours, "neighbours", 10, "compare an image with the `N` most similar ones")
	f.Float64Var(&o.NearDuplicates, "near-duplicates", finetuning.UsualNear, "images whose features have at least this `COSINE` are near duplicates (0.99 by default for early layers); 0: only identical files")
	o.result.Add(f)
	return command
}

func (o *auditOptions) run(ctx context.Context) error {
	o.features.MaxMemory = cli.MaxMemory(ctx)
	if err := o.features.validate(); err != nil {
		return err
	}
	switch {
	case o.page.Most < 1 || o.Neighbours < 1:
		return cli.Usagef("--top and --neighbours: use 1 or more")
	case !(o.NearDuplicates >= 0 && o.NearDuplicates <= 1):
		return cli.Usagef("--near-duplicates %g: use a cosine above 0 and at most 1, or 0", o.NearDuplicates)
	}
	if err := finetuning.CheckPage(o.page.Out); err != nil {
		return cli.Usagef("--page: %w", err)
	}
	if err := checkImages(o.Images); err != nil {
		return err
	}
	o.Source, o.page.Images = o.features.Source, o.Images
	found, err := finetuning.RunAudit(ctx, o.AuditOptions)
	if err != nil {
		return cli.UsageWhen(err, finetuning.ErrLayers)
	}
	if o.page.Out != "" {
		if o.page.Out, err = found.SavePage(o.page); err != nil {
			return err
		}
	}
	return o.result.Print(found, func(w io.Writer) error { return found.WriteText(w, o.page.Most) })
}
