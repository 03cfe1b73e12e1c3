package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"fovea/featurestore"
	"fovea/vectors"
)

// maxListed bounds the shards and labels that a table lists; JSON has all.
const maxListed = 20

func newDatasetInspect() *cobra.Command {
	var format formatFlag
	command := &cobra.Command{
		Use:   "inspect DIR",
		Short: "Show a dataset's schema, recipe, rows, labels, shards and failures",
		Args:  datasetArgument,
		RunE: onDataset(func(ctx context.Context, dir string) error {
			if err := format.validate(); err != nil {
				return err
			}
			d, err := openDataset(dir)
			if err != nil {
				return err
			}
			i := inspection{Dataset: dir, Columns: d.Columns()}
			if i.Manifest, err = counted(ctx, d); err != nil {
				return err
			}
			failures, err := d.Failures()
			if err != nil {
				return err
			}
			i.FailuresByStage = map[string]int{}
			for _, f := range failures {
				i.FailuresByStage[f.Stage]++
			}
			for _, s := range d.Shards() {
				i.Bytes += s.Bytes
			}
			return format.print(i, i.print)
		}),
	}
	format.add(command)
	return command
}

// counted is the manifest with what the rows have, also where their writer was killed.
func counted(ctx context.Context, d *featurestore.Dataset) (featurestore.Manifest, error) {
	m := d.Manifest()
	counts, err := d.Counts(ctx)
	m.Labels, m.Splits = counts.Labels, counts.Splits
	delete(m.Labels, "")
	delete(m.Splits, "")
	return m, err
}

type inspection struct {
	Dataset string                `json:"dataset"`
	Bytes   int64                 `json:"bytes"`
	Columns []featurestore.Column `json:"columns"`
	// FailuresByStage counts the failures.
	FailuresByStage map[string]int `json:"failures_by_stage"`
	featurestore.Manifest
}

func (i inspection) print(w io.Writer) error {
	r := i.Recipe
	fmt.Fprintf(w, "dataset        %s (%s)\n", i.Dataset, i.Status)
	fmt.Fprintf(w, "model          %s, SHA-256 %s\n", r.Model, r.ModelSHA256)
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
	fmt.Fprintf(w, "size           %s in %s (%s) of at most %s\n\n", bytesText(i.Bytes), plural(len(i.Shards), "shard"), i.Format, plural(i.RowsPerShard, "row"))

	table := newTable(w)
	fmt.Fprintln(table, "COLUMN\tTYPE\tSHAPE\tLAYOUT")
	for _, c := range i.Columns {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", c.Name, c.Type, dimensions(c.Shape), c.Layout)
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
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", s.File, s.Rows, bytesText(s.Bytes), s.SHA256)
	}
	return table.Flush()
}

// countsText writes counts in parentheses.
func countsText(counts map[string]int) string {
	text := ""
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		text += fmt.Sprintf(", %s: %d", name, counts[name])
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
			fmt.Fprintf(w, "%s\t%d\n", name, counts[name])
		}
	}
	if len(counts) > maxListed {
		fmt.Fprintf(w, "... and %d more\n", len(counts)-maxListed)
	}
	if listed < rows {
		fmt.Fprintf(w, "(none)\t%d\n", rows-listed)
	}
}

func newDatasetStats() *cobra.Command {
	var format formatFlag
	command := &cobra.Command{
		Use:   "stats DIR",
		Short: "Describe a dataset's vectors: sparsity, values, norms, sizes",
		Args:  datasetArgument,
		RunE: onDataset(func(ctx context.Context, dir string) error {
			if err := format.validate(); err != nil {
				return err
			}
			s, err := describeDataset(ctx, dir)
			if err != nil {
				return err
			}
			return format.print(s, s.print)
		}),
	}
	format.add(command)
	return command
}

type datasetStatistics struct {
	Dataset  string         `json:"dataset"`
	Rows     int            `json:"rows"`
	Failures int            `json:"failures"`
	Labels   map[string]int `json:"labels"`
	Splits   map[string]int `json:"splits"`
	Shards   int            `json:"shards"`
	// Bytes are those of the shards, RawBytes those of the values without compression.
	Bytes    int64             `json:"bytes"`
	RawBytes int64             `json:"raw_bytes"`
	Layers   []layerStatistics `json:"layers"`
}

type layerStatistics struct {
	Name string `json:"name"`
	vectors.Statistics
}

func describeDataset(ctx context.Context, dir string) (datasetStatistics, error) {
	d, err := openDataset(dir)
	if err != nil {
		return datasetStatistics{}, err
	}
	m, err := counted(ctx, d)
	if err != nil {
		return datasetStatistics{}, err
	}
	s := datasetStatistics{Dataset: dir, Rows: m.Rows, Failures: m.Failures, Labels: m.Labels, Splits: m.Splits, Shards: len(m.Shards)}
	for _, shard := range m.Shards {
		s.Bytes += shard.Bytes
	}
	for _, l := range m.Recipe.Layers {
		s.RawBytes += int64(m.Rows) * int64(l.Size()) * int64(m.DType.Size())
		described, err := vectors.Describe(ctx, vectorsOf(d, l, featurestore.ScanOptions{Layers: []string{l.Name}}, nil))
		if err != nil {
			return s, err
		}
		described.Cols = l.Size() // also without rows
		s.Layers = append(s.Layers, layerStatistics{l.Name, described})
	}
	return s, nil
}

func (s datasetStatistics) print(w io.Writer) error {
	fmt.Fprintf(w, "rows      %d%s\n", s.Rows, countsText(s.Labels))
	if len(s.Splits) > 0 {
		fmt.Fprintf(w, "splits    %s\n", countsText(s.Splits)[1:])
	}
	fmt.Fprintf(w, "failures  %d\n", s.Failures)
	fmt.Fprintf(w, "size      %s in %s, %.1f %% of the %s of numbers\n\n", bytesText(s.Bytes), plural(s.Shards, "shard"), 100*float64(s.Bytes)/float64(max(1, s.RawBytes)), bytesText(s.RawBytes))
	table := newTable(w)
	fmt.Fprintln(table, "LAYER\tVALUES\tZEROS\tMEAN\tDEVIATION\tMIN\tMAX\tNORM MIN\tMEAN\tMAX\tROWS OF ZEROS\tCOLUMNS OF ZEROS")
	for _, l := range s.Layers {
		fmt.Fprintf(table, "%s\t%d\t%.1f %%\t%.4g\t%.4g\t%.4g\t%.4g\t%.4g\t%.4g\t%.4g\t%d\t%d\n", l.Name, l.Cols, 100*l.Zeros,
			l.Values.Mean, l.Values.Deviation, l.Values.Min, l.Values.Max, l.Norms.Min, l.Norms.Mean, l.Norms.Max, l.ZeroRows, l.ZeroColumns)
	}
	return table.Flush()
}
