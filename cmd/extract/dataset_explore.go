package main

import (
	"context"
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/app/explorer"
	"fovea/featurestore/explore"
	"fovea/inference"
	"fovea/objects"
)

type exploreOptions struct {
	explorer.Options
	listen, device string
	hidden         bool
}

func newDatasetExplore() *cobra.Command {
	var o exploreOptions
	command := &cobra.Command{
		Use:   "explore DIR",
		Short: "Look at a dataset in the browser: a map of its images, to search, select and label",
		Long: `Explore shows the rows of the dataset DIR in the browser, until it is interrupted: a map on which similar
images lie together, the images themselves, and a grid to correct labels with, which are written to the
dataset. It prints the address of the page, with a token that nobody else knows, and opens it.

It listens on this machine alone, loads nothing from elsewhere, and serves no files but the images of rows.
Maps and the log of changed labels are kept beside the dataset, in DIR.explore.`,
		Example: `  extract dataset explore --images photos features
  extract dataset explore --images photos --head cats-vs-dogs.head --no-open --listen localhost:8080 features`,
		Args: datasetArgument,
		RunE: func(command *cobra.Command, arguments []string) error { return o.run(command.Context(), arguments[0]) },
	}
	f := command.Flags()
	cli.PathVar(f, &o.Images, "images", "", "the directory `DIR` that the dataset was extracted from")
	cli.PathVar(f, &o.Head, "head", "", "show what the head in `FILE` says of the images")
	f.StringVar(&o.Layer, "layer", "", "the layer `NAME` (default: the dataset's first)")
	f.StringVar(&o.listen, "listen", explorer.DefaultListen, "listen on `HOST:PORT`; PORT 0 is any free one")
	f.BoolVar(&o.hidden, "no-open", false, "do not open the browser")
	f.Uint64Var(&o.Seed, "seed", 0, "the `SEED` of the map, and of cross-validation")
	cli.PathsVar(f, &o.Model.Models, "model", "the dataset's `MODEL`, if it has moved: a name or the directory of a SavedModel; of a dataset of several, once for each that has moved (default: the dataset's)")
	cli.TrustVar(f, &o.Model.Trust)
	f.StringVar(&o.device, "device", inference.DeviceAuto, cli.DeviceHelp)
	return command
}

func (o *exploreOptions) run(ctx context.Context, dir string) (err error) {
	if objects.IsURL(dir) {
		return cli.Usagef("labels are written to the dataset, which takes a directory: extract dataset merge --keep-shards DIR URL, and explore DIR")
	}
	if !cli.IsAddress(o.listen) {
		return cli.Usagef("--listen %q: give HOST:PORT, as %s", o.listen, explorer.DefaultListen)
	}
	if o.Model.Session, err = (cli.SessionFlags{Device: o.device}).Config(); err != nil {
		return cli.UsageUnless(inference.ErrDevice, err)
	}
	if o.Dir, err = cli.LocalPath(dir); err != nil {
		return err
	}
	if _, err := openDataset(ctx, o.Dir); err != nil {
		return err
	}
	listener, err := explorer.Listen(o.listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	defer listener.Close() // Serve has closed it already
	o.Host, _, _ = net.SplitHostPort(o.listen)
	o.Browser, o.MaxMemory = !o.hidden, cli.MaxMemory(ctx)
	server, err := explorer.New(ctx, o.Options)
	if err != nil {
		return cli.UsageWhen(err, explore.ErrUnknownLayer)
	}
	fmt.Println(server.URL(listener))
	return server.Serve(ctx, listener)
}
