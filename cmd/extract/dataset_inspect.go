package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/featurestore"
	"fovea/featurestore/explore"
)

// inspection is the result of inspect.
type inspection struct {
	Dataset string `json:"dataset"`
	explore.Inspection
}

func newDatasetInspect() *cobra.Command {
	return describing("inspect", "Show a dataset's columns, recipe, rows, labels, shards and failures",
		func(ctx context.Context, d *featurestore.Dataset, dir string) (any, func(io.Writer) error, error) {
			found, err := explore.Inspect(ctx, d)
			return inspection{dir, found}, func(w io.Writer) error { return found.WriteText(w, dir) }, err
		})
}

// datasetStatistics is the result of stats.
type datasetStatistics struct {
	Dataset string `json:"dataset"`
	explore.Statistics
}

func newDatasetStats() *cobra.Command {
	return describing("stats", "Describe a dataset's vectors: sparsity, values, norms, sizes",
		func(ctx context.Context, d *featurestore.Dataset, dir string) (any, func(io.Writer) error, error) {
			found, err := explore.Describe(ctx, d)
			return datasetStatistics{dir, found}, found.WriteText, err
		})
}

// describing is a command that prints what a function finds out about a dataset: for programs, and as write says it.
func describing(name, short string, describe func(ctx context.Context, d *featurestore.Dataset, dir string) (found any, write func(io.Writer) error, err error)) *cobra.Command {
	var result cli.ResultFlags
	command := &cobra.Command{
		Use: name + " DIR", Short: short, Args: datasetArgument,
		RunE: onDataset(func(ctx context.Context, dir string) error {
			d, err := openDataset(ctx, dir)
			if err != nil {
				return err
			}
			found, write, err := describe(ctx, d, dir)
			if err != nil {
				return err
			}
			return result.Print(found, write)
		}),
	}
	result.AddWithFormat(command.Flags())
	return command
}
