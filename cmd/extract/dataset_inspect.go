package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/featurestore/explore"
)

// maxListed bounds the shards and labels that a table lists; JSON has all.
const maxListed = 20

// inspection is the result of inspect.
type inspection struct {
	Dataset string `json:"dataset"`
	explore.Inspection
}

func newDatasetInspect() *cobra.Command {
	var result cli.ResultFlags
	command := &cobra.Command{
		Use:   "inspect DIR",
		Short: "Show a dataset's columns, recipe, rows, labels, shards and failures",
		Args:  datasetArgument,
		RunE: onDataset(func(ctx context.Context, dir string) error {
			d, err := openDataset(dir)
			if err != nil {
				return err
			}
			found, err := explore.Inspect(ctx, d)
			if err != nil {
				return err
			}
			i := inspection{dir, found}
			return result.Print(i, i.print)
		}),
	}
	result.AddWithFormat(command.Flags())
	return command
}

func (i inspection) print(w io.Writer) error {
	r := i.Recipe
	fmt.Fprintf(w, "dataset        %s (%s)\n", cli.Line(i.Dataset), i.Status)
	fmt.Fprintf(w, "model          %s, SHA-256 %s\n", cli.Line(r.Model), r.ModelSHA256)
	fmt.Fprintf(w, "input          %dx%d, %s, %s, %s\n", r.InputHeight, r.InputWidth, r.Resize, r.Interpolation, r.Preprocessing)
	if r.Background != "" {
		fmt.Fprintf(w, "background     %s, under transparent pixels\n", r.Background)
	}
	if r.Views != "" {
		fmt.Fprintf(w, "views          %s, averaged\n", r.Views)
	}
	fmt.Fprintf(w, "pooling        %s\n", r.Pool)
	fmt.Fprintf(w, "computed       %s, %s, on %s\n", r.Precision, r.Library, i.Device)
	fmt.Fprintf(w, "written        %s, by version %s\n", i.Created.Format(time.RFC3339), i.ToolVersion)
	fmt.Fprintf(w, "fingerprint    %s\n", i.Fingerprint)
	fmt.Fprintf(w, "rows           %d\n", i.Rows)
	fmt.Fprintf(w, "failures       %d%s\n", i.Failures, countsText(i.FailuresByStage))
	fmt.Fprintf(w, "size           %s in %s (%s) of at most %s\n\n", cli.SizeText(i.Bytes), cli.Plural(len(i.Shards), "shard"), i.Format, cli.Plural(i.RowsPerShard, "row"))

	table := cli.NewTable(w)
	fmt.Fprintln(table, "COLUMN\tTYPE\tSHAPE\tLAYOUT")
	for _, c := range i.Columns {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", cli.Line(c.Name), c.Type, dimensions(c.Shape), c.Layout)
	}
	for _, counts := range []struct {
		head string
		of   map[string]int
	}{{"LABEL", i.Labels}, {"SPLIT", i.Splits}} {
		if len(counts.of) > 0 {
			fmt.Fprintf(table, "\n%s\tROWS\n", counts.head)
			writeCounts(table, counts.of, i.Rows)
		}
	}
	fmt.Fprintln(table, "\nSHARD\tROWS\tSIZE\tSHA-256")
	for n, s := range i.Shards {
		if n == maxListed {
			fmt.Fprintf(table, "... and %d more\n", len(i.Shards)-n)
			break
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", s.File, s.Rows, cli.SizeText(s.Bytes), s.SHA256)
	}
	return table.Flush()
}

// countsText writes counts in parentheses.
func countsText(counts map[string]int) string {
	text := ""
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		text += fmt.Sprintf(", %s: %d", cli.Line(name), counts[name])
	}
	if text == "" {
		return ""
	}
	return " (" + text[2:] + ")"
}

// writeCounts lists values with their numbers of rows, and the rows without a value.
func writeCounts(w io.Writer, counts map[string]int, rows int) {
	listed := 0
	for n, name := range slices.Sorted(maps.Keys(counts)) {
		listed += counts[name]
		if n < maxListed {
			fmt.Fprintf(w, "%s\t%d\n", cli.Line(name), counts[name])
		}
	}
	if len(counts) > maxListed {
		fmt.Fprintf(w, "... and %d more\n", len(counts)-maxListed)
	}
	if listed < rows {
		fmt.Fprintf(w, "(none)\t%d\n", rows-listed)
	}
}

// datasetStatistics is the result of stats.
type datasetStatistics struct {
	Dataset string `json:"dataset"`
	explore.Statistics
}

func newDatasetStats() *cobra.Command {
	var result cli.ResultFlags
	command := &cobra.Command{
		Use:   "stats DIR",
		Short: "Describe a dataset's vectors: sparsity, values, norms, sizes",
		Args:  datasetArgument,
		RunE: onDataset(func(ctx context.Context, dir string) error {
			d, err := openDataset(dir)
			if err != nil {
				return err
			}
			found, err := explore.Describe(ctx, d)
			if err != nil {
				return err
			}
			s := datasetStatistics{dir, found}
			return result.Print(s, s.print)
		}),
	}
	result.AddWithFormat(command.Flags())
	return command
}

func (s datasetStatistics) print(w io.Writer) error {
	fmt.Fprintf(w, "rows      %d%s\n", s.Rows, countsText(s.Labels))
	if len(s.Splits) > 0 {
		fmt.Fprintf(w, "splits    %s\n", countsText(s.Splits)[1:])
	}
	fmt.Fprintf(w, "failures  %d\n", s.Failures)
	fmt.Fprintf(w, "size      %s in %s, %.1f %% of the %s of values\n\n", cli.SizeText(s.Bytes), cli.Plural(s.Shards, "shard"), 100*float64(s.Bytes)/float64(max(1, s.RawBytes)), cli.SizeText(s.RawBytes))
	table := cli.NewTable(w)
	fmt.Fprintln(table, "LAYER\tVALUES\tZEROS\tMEAN\tDEVIATION\tMIN\tMAX\tNORM MIN\tMEAN\tMAX\tROWS OF ZEROS\tCOLUMNS OF ZEROS")
	for _, l := range s.Layers {
		fmt.Fprintf(table, "%s\t%d\t%.1f %%\t%.4g\t%.4g\t%.4g\t%.4g\t%.4g\t%.4g\t%.4g\t%d\t%d\n", cli.Line(l.Name), l.Cols, 100*l.Zeros,
			l.Values.Mean, l.Values.Deviation, l.Values.Min, l.Values.Max, l.Norms.Min, l.Norms.Mean, l.Norms.Max, l.ZeroRows, l.ZeroColumns)
	}
	return table.Flush()
}
