package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/featurestore/explore"
)

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
			d, err := openDataset(ctx, dir)
			if err != nil {
				return err
			}
			found, err := explore.Inspect(ctx, d)
			if err != nil {
				return err
			}
			i := inspection{dir, found}
			return result.Print(i, func(w io.Writer) error { return found.WriteText(w, dir) })
		}),
	}
	result.AddWithFormat(command.Flags())
	return command
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
			d, err := openDataset(ctx, dir)
			if err != nil {
				return err
			}
			found, err := explore.Describe(ctx, d)
			if err != nil {
				return err
			}
			s := datasetStatistics{dir, found}
			return result.Print(s, found.WriteText)
		}),
	}
	result.AddWithFormat(command.Flags())
	return command
}
