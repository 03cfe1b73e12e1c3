package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fovea/app/cli"
	"fovea/finetuning"
)

type suspectsOptions struct {
	finetuning.SuspectsOptions
	features featureFlags
	out      string
	page     finetuning.PageOptions
	flags    *pflag.FlagSet
	result   cli.ResultFlags
	log      *cli.LogOptions
}

func newSuspects(log *cli.LogOptions) *cobra.Command {
	o := suspectsOptions{log: log}
	command := &cobra.Command{
		Use:   "suspects --features DIR [flags]",
		Short: "Find labels that are probably wrong",
		Long: `Suspects finds labels that are probably wrong. Every image is judged by models that were not
trained on it, nor on its near duplicates, and by the images most similar to it. It estimates how
many labels are wrong, and ranks the images, the most suspicious first.

--out writes the whole ranking; --page a web page with thumbnails (--images), on which labels can be
corrected. What the page downloads is what extract dataset relabel takes.`,
		Example: "  finetune suspects --features features --images photos --page suspects.html",
		Args:    cli.NoArguments,
		RunE:    func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	o.flags = command.Flags()
	o.flags.SortFlags = false
	o.features.add(o.flags)
	cli.NamesVar(o.flags, &o.Layers, "layers", "the `LAYERS` to use, separated by commas (required where the dataset has several)")
	cli.PathVar(o.flags, &o.out, "out", "", "the `FILE` to write all images to, by rank; its name ends in .csv, .json or .parquet")
	cli.PathVar(o.flags, &o.page.Out, "page", "", "write a web page for correcting labels to `FILE`, or to suspects.html in a directory")
	cli.PathVar(o.flags, &o.page.Images, "images", "", "the directory `DIR` that the dataset was extracted from, for thumbnails")
	o.flags.IntVar(&o.page.Most, "top", 100, "list `N` images, also on the page")
	o.flags.Float64Var(&o.NearDuplicates, "near-duplicates", finetuning.UsualNear, "judge no image by others whose features have at least this `COSINE` with its own (0.99 by default for early layers); 0: only identical files")
	o.flags.Uint64Var(&o.Seed, "seed", 1, "seed `N` of the cross-validation")
	o.result.Add(o.flags)
	return command
}

func (o *suspectsOptions) validate() error {
	if err := o.features.validate(); err != nil {
		return err
	}
	switch {
	case o.page.Most < 1:
		return cli.Usagef("--top %d: use 1 or more", o.page.Most)
	case !(o.NearDuplicates >= 0 && o.NearDuplicates <= 1):
		return cli.Usagef("--near-duplicates %g: use a cosine above 0 and at most 1, or 0", o.NearDuplicates)
	case o.page.Images != "" && o.page.Out == "":
		return cli.Usagef("--images requires --page")
	}
	if o.out != "" {
		if err := finetuning.CheckTable(o.out); err != nil {
			return cli.Usagef("--out: %w", err)
		}
	}
	if err := finetuning.CheckPage(o.page.Out); err != nil {
		return cli.Usagef("--page: %w", err)
	}
	return checkImages(o.page.Images)
}

// checkImages refuses what is no directory.
func checkImages(dir string) error {
	if dir == "" {
		return nil
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("--images %s is not a directory: name the one that was given to extract", dir)
	}
	return nil
}

func (o *suspectsOptions) run(ctx context.Context) error {
	o.features.MaxMemory = cli.MaxMemory(ctx)
	if err := o.validate(); err != nil {
		return err
	}
	o.Source, o.OwnNear = o.features.Source, o.flags.Changed("near-duplicates")
	var done func()
	o.Progress, done = o.log.StepProgress("cross-validation", "strengths")
	defer done()
	found, err := finetuning.FindSuspects(ctx, o.SuspectsOptions)
	done() // before the result is printed
	if err != nil {
		return cli.UsageWhen(err, finetuning.ErrLayers)
	}
	if o.page.Out, err = found.Save(o.out, o.page); err != nil {
		return err
	}
	return o.result.Print(found, func(w io.Writer) error { return found.WriteText(w, o.page.Most) })
}
