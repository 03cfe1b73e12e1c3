package main

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fovea/app/cli"
	"fovea/extraction"
)

type duplicateOptions struct {
	rows      rowFlags
	result    cli.ResultFlags
	sheet     sheetFlags
	threshold float64
	exact     bool
	keep      string
}

func newDatasetDuplicates() *cobra.Command {
	var o duplicateOptions
	command := &cobra.Command{
		Use:   "duplicates DIR",
		Short: "Find duplicate and near-duplicate images",
		Long: `Duplicates prints groups of rows whose files are the same (by SHA-256), or whose features have at least
--threshold cosine similarity with another one of the group: resized, recompressed, cropped or mirrored
copies, shots of one scene. Layers with positions are averaged over these. Every row is compared with
every other one. Groups whose labels conflict come first.

--keep-largest lists the other copies of each group, except where labels conflict. The largest copy has
the most pixels; of equal ones it is the largest file, with --images; of equal ones one with a label;
of these that of the first path. Look at near duplicates before you delete them.`,
		Example: "  extract dataset duplicates --threshold 0.97 --html duplicates.html --images photos features",
		Args:    datasetArgument,
	}
	f := command.Flags()
	f.Float64Var(&o.threshold, "threshold", 0.95, "minimum similarity `S` of near duplicates, above 0, at most 1")
	f.BoolVar(&o.exact, "exact", false, "find only files that are identical byte for byte")
	cli.PathVar(f, &o.keep, "keep-largest", "", "list all copies but the largest of each group in `FILE`, a table in CSV")
	o.rows.add(command)
	o.result.AddWithFormat(f)
	o.sheet.add(command)
	command.RunE = func(c *cobra.Command, arguments []string) error {
		if err := o.validate(f); err != nil {
			return err
		}
		if o.exact {
			o.threshold = 0
		}
		return onDataset(o.run)(c, arguments)
	}
	return command
}

func (o *duplicateOptions) validate(f *pflag.FlagSet) error {
	switch {
	case !(o.threshold > 0 && o.threshold <= 1):
		return cli.Usagef("--threshold %g: give a number above 0, at most 1", o.threshold)
	case o.exact && f.Changed("threshold"):
		return cli.Usagef("--threshold is for near duplicates: leave it out with --exact")
	case o.keep != "" && filepath.Ext(o.keep) != ".csv":
		return cli.Usagef("--keep-largest %s: name a file that ends in .csv", o.keep)
	}
	if err := o.sheet.validate(); err != nil && (o.keep == "" || o.sheet.html != "") {
		return err
	}
	return nil
}

func (o *duplicateOptions) run(ctx context.Context, dir string) error {
	d, err := openDataset(ctx, dir)
	if err != nil {
		return err
	}
	found, err := extraction.FindDuplicates(ctx, dir, d, o.rows.Selection, o.threshold, o.sheet.images)
	if err != nil {
		return err
	}
	if err := o.result.Print(found, found.WriteText); err != nil {
		return err
	}
	return found.Save(ctx, o.keep, o.sheet.html)
}
