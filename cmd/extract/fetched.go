package main

import (
	"context"

	"github.com/spf13/cobra"

	"fovea/featurestore/remote"
)

// onDataset makes a command's function of one that works on the directory of a dataset. What
// lies in an object store is fetched for it.
func onDataset(run func(ctx context.Context, dir string) error) func(*cobra.Command, []string) error {
	return onFetched(remote.Fetch, run)
}

// onAnyDataset does the same for one that looks for damage.
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
		return remote.Located(run(command.Context(), dir), dir, arguments[0])
	}
}
