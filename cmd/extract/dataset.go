package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/featurestore"
	"fovea/internal/spelling"
	"fovea/recipe"
	"fovea/vectors"
)

func newDatasetCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "dataset",
		Short: "Look into datasets, check, merge, compact, export and search them",
		Args:  cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, arguments []string) error {
			return cli.Usagef("give a command, as inspect or export; --help lists them (got %q); images in a directory named dataset are ./dataset", arguments)
		},
	}
	command.AddCommand(newDatasetInspect(), newDatasetValidate(), newDatasetStats(), newDatasetMerge(), newDatasetCompact(), newDatasetPartition(), newDatasetExport(),
		newDatasetSimilar(), newDatasetDuplicates(), newDatasetProject())
	return command
}

// datasetArgument is the check of the argument of commands on one dataset.
var datasetArgument = exactly(1, "one DIR, the directory of a dataset or its URL")

// formatFlag is the flag of commands that print a table or JSON.
type formatFlag string

func (f *formatFlag) add(command *cobra.Command) {
	command.Flags().StringVar((*string)(f), "format", "table", "`HOW` to print: table or json")
}

// print prints a result as JSON or by its table function.
func (f formatFlag) print(result any, table func(io.Writer) error) error {
	if f == "json" {
		return cli.PrintJSON(os.Stdout, result)
	}
	return table(os.Stdout)
}

func (f formatFlag) validate() error {
	if f != "table" && f != "json" {
		return cli.Usagef("unknown --format %q: use table or json", string(f))
	}
	return nil
}

// rowFlags choose the rows and the layer that a command works on.
type rowFlags struct {
	layer          string
	labels, splits []string
}

func (r *rowFlags) add(command *cobra.Command) {
	command.Flags().StringVar(&r.layer, "layer", "", "the layer `NAME` (default: the only or first one)")
	cli.NamesVar(command.Flags(), &r.labels, "label", "only rows with one of the labels `LIST`; '' are those without one")
	cli.NamesVar(command.Flags(), &r.splits, "split", "only rows of the splits `LIST`; '' are those without one")
}

// choose returns the layer and what to scan.
func (r *rowFlags) choose(ctx context.Context, d *featurestore.Dataset) (recipe.Layer, featurestore.ScanOptions, error) {
	labels, splits := readSpelled(r.labels), readSpelled(r.splits)
	layer := r.layer
	if layer == "" {
		layer = d.Recipe().Layers[0].Name
	}
	layers, err := d.Layers([]string{layer})
	if err != nil {
		return recipe.Layer{}, featurestore.ScanOptions{}, err
	}
	if len(labels)+len(splits) > 0 {
		counts, err := d.Counts(ctx)
		if err == nil {
			err = errors.Join(known("label", labels, counts.Labels), known("split", splits, counts.Splits))
		}
		if err != nil {
			return recipe.Layer{}, featurestore.ScanOptions{}, err
		}
	}
	return layers[0], featurestore.ScanOptions{Layers: []string{layer}, Labels: labels, Splits: splits}, nil
}

// readSpelled are names that were given as datasets show them.
func readSpelled(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = spelling.Read(name)
	}
	return out
}

// known fails for a value that no row has.
func known(what string, values []string, counts map[string]int) error {
	for _, v := range values {
		switch {
		case counts[featurestore.EscapeText(v)] > 0:
		case v == "":
			return fmt.Errorf("no row is without a %s: there are %s", what, names(counts))
		default:
			return fmt.Errorf("no row has the %s %q: there are %s", what, v, names(counts))
		}
	}
	return nil
}

// names are those of counts, for people.
func names(counts map[string]int) string {
	all := slices.Sorted(maps.Keys(counts))
	if len(all) > 0 && all[0] == "" {
		all[0] = "rows without one"
	}
	return strings.Join(all, ", ")
}

// vectorsOf makes a stream of vectors of a scan of one layer. Each use scans the dataset and,
// unless it is nil, calls each with every batch before its vectors are visited.
func vectorsOf(d *featurestore.Dataset, layer recipe.Layer, options featurestore.ScanOptions, each func(*featurestore.Batch)) vectors.Source {
	return func(ctx context.Context, visit func(vectors.Block) error) error {
		next := 0
		return d.Scan(ctx, options, func(b *featurestore.Batch) error {
			if each != nil {
				each(b)
			}
			block := vectors.Block{First: next, Rows: len(b.Rows), Cols: layer.Size(), Data: b.Vectors[0]}
			next += block.Rows
			return visit(block)
		})
	}
}

// openDataset opens a dataset for a command.
func openDataset(dir string) (*featurestore.Dataset, error) {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("%s is a file: name the dataset's directory, which holds %s and %s", dir, featurestore.DataDir, featurestore.HiddenDir)
	}
	d, err := featurestore.Open(dir)
	if errors.Is(err, featurestore.ErrCorrupt) {
		return nil, fmt.Errorf("%w; extract dataset validate %s lists everything that is wrong", err, dir)
	}
	return d, err
}

// problem is a featurestore.Problem as JSON shows it.
type problem struct {
	featurestore.Problem
	Message string `json:"message"`
}

type validation struct {
	Dataset  string    `json:"dataset"`
	Valid    bool      `json:"valid"`
	Shards   int       `json:"shards"`
	Rows     int       `json:"rows"`
	Failures int       `json:"failures"`
	Bytes    int64     `json:"bytes"`
	Problems []problem `json:"problems"`
	More     int       `json:"more_problems,omitempty"`
}

func newDatasetValidate() *cobra.Command {
	var format formatFlag
	command := &cobra.Command{
		Use:   "validate DIR",
		Short: "Read all of a dataset and list everything that is wrong with it",
		Long: `Validate reads every byte of a dataset and lists all damage with its place: files that are
missing, foreign, cut off or changed, a manifest that does not agree with them, vectors of a
wrong length or with NaN, paths that occur twice. Exit status 1 if there is any.`,
		Args: datasetArgument,
		RunE: onAnyDataset(func(ctx context.Context, dir string) error {
			if err := format.validate(); err != nil {
				return err
			}
			return validate(ctx, dir, format)
		}),
	}
	format.add(command)
	return command
}

func validate(ctx context.Context, dir string, format formatFlag) error {
	report, err := featurestore.Check(ctx, dir)
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	v := validation{
		Dataset: dir, Valid: len(report.Problems) == 0, Shards: report.Shards, Rows: report.Rows,
		Failures: report.Failures, Bytes: report.Bytes, Problems: []problem{}, More: report.More,
	}
	for _, p := range report.Problems {
		shown := p
		shown.Path = featurestore.EscapeText(p.Path)
		v.Problems = append(v.Problems, problem{shown, featurestore.EscapeText(p.Err.Error())})
	}
	if err := format.print(v, v.print); err != nil {
		return err
	}
	if !v.Valid {
		return fmt.Errorf("%s: %s; rows that are lost come back by extracting their images again, with --overwrite or into a new directory", dir, plural(len(v.Problems)+v.More, "problem"))
	}
	return nil
}

func (v validation) print(w io.Writer) error {
	for _, p := range v.Problems {
		fmt.Fprintln(w, strings.ReplaceAll(p.Error(), "\n", "; "))
	}
	if v.More > 0 {
		fmt.Fprintf(w, "... and %d more\n", v.More)
	}
	if v.Valid {
		fmt.Fprintf(w, "valid: %s and %s in %s, %s\n", plural(v.Rows, "row"), plural(v.Failures, "failure"), plural(v.Shards, "shard"), bytesText(v.Bytes))
	}
	return nil
}

// bytesText writes a size for people.
func bytesText(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.2f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d bytes", n)
}

// plural writes a number of things.
func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// newTable aligns columns.
func newTable(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) }
