package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/featurestore"
	"fovea/featurestore/explore"
	"fovea/featurestore/remote"
)

func newDatasetCommand() *cobra.Command {
	command := &cobra.Command{Use: "dataset", Short: "Inspect, check, merge, compact, relabel, export and search datasets"}
	command.AddCommand(newDatasetInspect(), newDatasetValidate(), newDatasetStats(), newDatasetMerge(), newDatasetCompact(), newDatasetRelabel(), newDatasetDrop(), newDatasetPartition(), newDatasetExport(),
		newDatasetSimilar(), newDatasetDuplicates(), newDatasetProject(), newDatasetExplore())
	cli.Group(command, "for images in a directory named dataset, give ./dataset")
	return command
}

// datasetArgument checks the argument of commands on one dataset.
var datasetArgument = cli.Arguments(1, "one DIR, the directory of a dataset or its URL")

// rowFlags choose the rows and the layer that a command works on.
type rowFlags struct{ explore.Selection }

func (r *rowFlags) add(command *cobra.Command) {
	f := command.Flags()
	cli.FormerNames(f, map[string]string{"layers": "layer"})
	f.StringVar(&r.Layer, "layer", "", "the layer `NAME` (default: the dataset's first)")
	cli.NamesVar(f, &r.Labels, "label", "only rows with one of the labels in `LIST`; '' is no label")
	cli.NamesVar(f, &r.Splits, "split", "only rows of the splits in `LIST`; '' is no split")
}

// openDataset opens a dataset for a command, with a warning if it is not complete.
func openDataset(ctx context.Context, dir string) (*featurestore.Dataset, error) {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("%s is a file: name the dataset's directory, which holds %s and %s", dir, featurestore.DataDir, featurestore.HiddenDir)
	}
	d, err := featurestore.ReadOptions{MaxMemory: cli.MaxMemory(ctx)}.Open(dir)
	if err != nil {
		return nil, err
	}
	if unfinished := d.Unfinished(); unfinished != "" {
		logrus.Warn(unfinished)
	}
	return d, nil
}

// onDataset turns a function on the directory of a dataset into that of a command. A dataset in an
// object store is fetched first.
func onDataset(run func(ctx context.Context, dir string) error) func(*cobra.Command, []string) error {
	return onFetched(remote.Fetch, run)
}

// onAnyDataset does the same for a function that looks for damage.
func onAnyDataset(run func(ctx context.Context, dir string) error) func(*cobra.Command, []string) error {
	return onFetched(remote.FetchDamaged, run)
}

func onFetched(fetch func(context.Context, string) (string, func(), error), run func(ctx context.Context, dir string) error) func(*cobra.Command, []string) error {
	return func(command *cobra.Command, arguments []string) error {
		dir, done, err := fetch(command.Context(), arguments[0])
		if err != nil {
			return err
		}
		defer done()
		err = remote.Located(run(command.Context(), dir), dir, arguments[0])
		return cli.UsageWhen(err, explore.ErrUnknownLayer, explore.ErrUnknownValue)
	}
}

// nothing prints nothing: the log says what was done.
func nothing(io.Writer) error { return nil }
