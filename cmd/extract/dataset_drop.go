package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/extraction"
	"fovea/featurestore"
)

func newDatasetDrop() *cobra.Command {
	var layers []string
	var result cli.ResultFlags
	command := &cobra.Command{
		Use:   "drop --layer NAME[,NAME...] DIR",
		Short: "Remove columns of vectors from a dataset",
		Long: `Drop removes the vectors of layers from the dataset DIR, at least one of which stays. The others are copied
without decoding them. The old columns stay until the new files are complete and on disk, and then they
are swapped in one step. extract --add brings columns back.`,
		Args: datasetArgument,
		RunE: func(command *cobra.Command, arguments []string) error {
			dir, err := cli.LocalPath(arguments[0])
			if err != nil {
				return fmt.Errorf("%w: object stores cannot swap two directories: merge the dataset into a directory, drop there, and merge --overwrite back", err)
			}
			if len(layers) == 0 {
				return cli.Usagef("give --layer NAME, a column of the dataset")
			}
			read := featurestore.ReadOptions{MaxMemory: cli.MaxMemory(command.Context())}
			var written extraction.Merged
			if _, err = featurestore.Revise(command.Context(), dir, featurestore.ReviseOptions{Drop: layers, MaxMemory: read.MaxMemory}); err == nil {
				written, err = extraction.Describe(dir, read)
			}
			return reportWritten(written, cli.UsageWhen(err, featurestore.ErrNoColumn), result)
		},
	}
	cli.NamesVar(command.Flags(), &layers, "layer", "remove the layers in `LIST`, separated by commas (required)")
	result.Add(command.Flags())
	return command
}
