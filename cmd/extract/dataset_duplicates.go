package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/contactsheet"
	"fovea/featurestore"
	"fovea/featurestore/explore"
	"fovea/internal/spelling"
	"fovea/internal/text"
)

// maxSheetGroups bounds the groups that a contact sheet shows.
const maxSheetGroups = 500

type duplicateOptions struct {
	rows      rowFlags
	result    cli.ResultFlags
	sheet     sheetFlags
	threshold float64
	exact     bool
}

// duplicates is the result of the command. Without a threshold, only identical files were looked for.
type duplicates struct {
	Dataset   string                   `json:"dataset"`
	Threshold float64                  `json:"threshold,omitempty"`
	Groups    []explore.DuplicateGroup `json:"groups"`
}

func newDatasetDuplicates() *cobra.Command {
	var o duplicateOptions
	command := &cobra.Command{
		Use:   "duplicates DIR",
		Short: "Find duplicate and near-duplicate images",
		Long: `Duplicates prints groups of rows whose files are the same (by SHA-256), or whose features have at least
--threshold cosine similarity with another one of the group: resized, recompressed, cropped or mirrored
copies, shots of one scene. Layers with positions are averaged over these. Every row is compared with
every other one.`,
		Example: "  extract dataset duplicates --threshold 0.97 --html duplicates.html --images photos features",
		Args:    datasetArgument,
	}
	f := command.Flags()
	f.Float64Var(&o.threshold, "threshold", 0.95, "minimum similarity `S` of near duplicates, above 0, at most 1")
	f.BoolVar(&o.exact, "exact", false, "find only files that are identical byte for byte")
	o.rows.add(command)
	o.result.AddWithFormat(f)
	o.sheet.add(command)
	command.RunE = func(c *cobra.Command, arguments []string) error {
		switch {
		case !(o.threshold > 0 && o.threshold <= 1):
			return cli.Usagef("--threshold %g: give a number above 0, at most 1", o.threshold)
		case o.exact && f.Changed("threshold"):
			return cli.Usagef("--threshold is for near duplicates: leave it out with --exact")
		}
		if err := o.sheet.validate(); err != nil {
			return err
		}
		if o.exact {
			o.threshold = 0
		}
		return onDataset(o.run)(c, arguments)
	}
	return command
}

func (o *duplicateOptions) run(ctx context.Context, dir string) error {
	d, err := openDataset(ctx, dir)
	if err != nil {
		return err
	}
	groups, err := explore.Duplicates(ctx, d, o.rows.Selection, explore.DuplicateOptions{Threshold: o.threshold})
	if err != nil {
		return err
	}
	shown := duplicates{Dataset: dir, Threshold: o.threshold, Groups: slices.Clone(groups)}
	for i := range shown.Groups {
		shown.Groups[i].Rows = explore.Spelled(groups[i].Rows)
	}
	if err := o.result.Print(shown, shown.print); err != nil {
		return err
	}
	return o.sheet.write(ctx, o.page(groups))
}

func (d duplicates) print(w io.Writer) error {
	if len(d.Groups) == 0 {
		fmt.Fprintln(w, "no duplicates")
		return nil
	}
	table := text.NewTable(w)
	fmt.Fprintln(table, "GROUP\tKIND\tSIMILARITY\tROW\tPATH\tLABEL")
	for i, g := range d.Groups {
		for _, r := range g.Rows {
			fmt.Fprintf(table, "%d\t%s\t%.6f\t%d\t%s\t%s\n", i+1, g.Kind, r.Similarity, r.Row, spelling.Line(r.Path), spelling.Line(r.Label))
		}
	}
	return table.Flush()
}

func (o *duplicateOptions) page(groups []explore.DuplicateGroup) contactsheet.Sheet {
	sheet := contactsheet.Sheet{
		Title: text.Plural(len(groups), "group") + " of duplicates",
		Notes: []string{fmt.Sprintf("Files that are the same, or features with a cosine similarity of at least %g.", o.threshold)},
	}
	if o.exact {
		sheet.Notes = []string{"Files that are the same."}
	}
	if len(groups) > maxSheetGroups {
		sheet.Notes = append(sheet.Notes, fmt.Sprintf("The first %d are shown.", maxSheetGroups))
		groups = groups[:maxSheetGroups]
	}
	for i, g := range groups {
		shown := contactsheet.Group{Title: fmt.Sprintf("%d: %s, %s", i+1, text.Plural(len(g.Rows), "image"), g.Kind)}
		for _, r := range g.Rows {
			shown.Pictures = append(shown.Pictures, o.sheet.picture(r.Path, fmt.Sprintf("%.4f %s", r.Similarity, featurestore.EscapeText(r.Label))))
		}
		sheet.Groups = append(sheet.Groups, shown)
	}
	return sheet
}
