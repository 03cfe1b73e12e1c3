package main

import (
	"context"
	"fmt"
	"os"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/featurestore"
	"fovea/featurestore/remote"
	"fovea/internal/text"
)

// partitioned is the result of partition.
type partitioned struct {
	Directory  string                   `json:"directory"`
	By         featurestore.PartitionBy `json:"by"`
	Partitions int                      `json:"partitions"`
}

func newDatasetPartition() *cobra.Command {
	var shards shardFlags
	var by string
	var result cli.ResultFlags
	command := &cobra.Command{
		Use:   "partition --by COLUMN OUT DIR",
		Short: "Write a dataset's rows to a directory for each label, split or group",
		Long: `Partition writes the rows of the dataset DIR to OUT/by_label=VALUE/part-00000.parquet and so on, as Hive
does, for readers that skip whole directories by a condition on by_label, by_split or by_group. Rows keep
their order and all their columns. OUT is a new directory, which appears whole or not at all. It is a table
for other programs; DIR stays the dataset.`,
		Example: "  extract dataset partition --by label by-label features",
		Args:    cli.Arguments(2, "OUT, a new directory, and DIR, the directory of a dataset"),
		RunE: func(command *cobra.Command, arguments []string) error {
			column := featurestore.PartitionBy(by)
			if err := cli.OneOf("--by", column, featurestore.ByLabel, featurestore.BySplit, featurestore.ByGroup); err != nil {
				return err
			}
			out, err := cli.LocalPath(arguments[0])
			if err != nil {
				return err
			}
			var options featurestore.MergeOptions
			if err := shards.set(command.Context(), &options); err != nil {
				return err
			}
			return partition(command.Context(), out, arguments[1], column, options, result)
		},
	}
	command.Flags().StringVar(&by, "by", "", "the `COLUMN`, label, split or group (required)")
	shards.add(command.Flags())
	result.Add(command.Flags())
	return command
}

func partition(ctx context.Context, out, dataset string, by featurestore.PartitionBy, options featurestore.MergeOptions, result cli.ResultFlags) error {
	dir, done, err := remote.Fetch(ctx, dataset)
	if err != nil {
		return err
	}
	defer done()
	if _, err := openDataset(ctx, dir); err != nil {
		return remote.Located(err, dir, dataset)
	}
	if err := featurestore.Partition(ctx, out, dir, by, options); err != nil {
		return remote.Located(err, dir, dataset)
	}
	parts, err := os.ReadDir(out)
	if err != nil {
		return fmt.Errorf("count the partitions: %w", err)
	}
	logrus.Infof("%s holds %s", out, text.Plural(len(parts), "partition"))
	return result.Print(partitioned{out, by, len(parts)}, nothing)
}
