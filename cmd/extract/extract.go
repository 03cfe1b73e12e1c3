package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/extraction"
	"fovea/internal/metrics"
)

const long = `Extract runs a pretrained network on every image in IMAGES and stores what its layers compute
as a dataset in --out. IMAGES are image files, directories (searched recursively), tar and zip
archives, Parquet tables of images, and URLs of any of these in an object store.

  DIR/data/part-00000.parquet ...   path, label, split, sha256, width, height, one column per layer
                                    (and group, crs and bounds with --group-by and --georeference)
  DIR/.fovea/errors.jsonl           the images that could not be read, and why
  DIR/.fovea/manifest.json          what was made, how, and how many rows

Exit status: 0 success; 1 failure; 2 wrong usage; 3 success, but some images could not be read;
130 after Ctrl-C and 143 after SIGTERM, with all finished rows kept (continue with --resume).`

const example = `  extract --out features photos/
  extract --out features --labels dir --layers pool5,block4_pool --pool avg photos/`

func newCommand() *cobra.Command {
	var o options
	command := &cobra.Command{
		Use:     "extract --out DIR [flags] IMAGES...",
		Short:   "Turn folders of images into tables of features",
		Long:    long,
		Example: example,
		Version: cli.Version(),
		Args:    cobra.ArbitraryArgs,
		RunE:    o.run,
	}
	o.log.AddFlags(command)
	command.AddCommand(newModelCommand(), newDatasetCommand(), newDoctorCommand())
	o.addFlags(command.Flags())
	return command
}

func (o *options) run(command *cobra.Command, images []string) error {
	if err := o.parse(command, images); err != nil {
		return err
	}
	if o.listLayers {
		return o.printLayers()
	}
	list, err := o.openList()
	if err != nil {
		return err
	}
	if list != nil {
		defer list.Close() // read-only
		o.FilesFrom = list
	}
	stop, err := o.serveMetrics()
	if err != nil {
		return err
	}
	defer stop()
	o.MaxMemory = cli.MaxMemory(command.Context())
	if o.dryRun {
		return o.estimate(command.Context())
	}
	o.showProgress()
	result, err := extraction.Run(command.Context(), o.Options)
	return o.report(result, err)
}

// openList opens the list of --files-from. It is nil without the flag.
func (o *options) openList() (io.ReadCloser, error) {
	switch o.filesFrom {
	case "":
		return nil, nil
	case "-":
		return io.NopCloser(os.Stdin), nil
	}
	file, err := os.Open(o.filesFrom)
	if err != nil {
		return nil, fmt.Errorf("cannot open the list of files: %w", err)
	}
	return file, nil
}

// serveMetrics serves the run's metrics at --metrics-addr, until stop is called.
func (o *options) serveMetrics() (stop func(), err error) {
	if o.metricsAddress == "" {
		return func() {}, nil
	}
	o.Metrics = &extraction.Metrics{}
	server, err := metrics.Listen(o.metricsAddress, metrics.NewRegistry(o.Metrics))
	if err != nil {
		return nil, fmt.Errorf("--metrics-addr %s: %w; give another HOST:PORT, port 0 takes a free one", o.metricsAddress, err)
	}
	logrus.Infof("metrics on http://%s/metrics", server.Address())
	return func() {
		if err := server.Stop(); err != nil {
			logrus.Warn(err) // the work itself is done
		}
	}, nil
}

func (o *options) estimate(ctx context.Context) error {
	result := cli.ResultFlags{JSON: o.json}
	estimated, err := extraction.Estimate(ctx, o.Options)
	if err != nil {
		if estimated.Images > 0 && !o.json {
			err = errors.Join(result.Print(nil, func(w io.Writer) error { return printKinds(w, estimated) }), err)
		}
		return o.explain(extraction.Result{}, err)
	}
	return result.Print(estimated, func(w io.Writer) error {
		return errors.Join(printPlan(w, estimated.Plan), printKinds(w, estimated), printEstimate(w, estimated))
	})
}

// report prints what a run has done, and turns its failures into the command's status.
func (o *options) report(result extraction.Result, err error) error {
	if result.Saved {
		o.summarize(result, err)
		if o.json {
			if err := cli.PrintJSON(os.Stdout, summaryOf(result)); err != nil {
				return err
			}
		}
	}
	if err != nil {
		return o.explain(result, err)
	}
	if err := result.CheckFailureRate(o.maxErrorRate); err != nil {
		return fmt.Errorf("%w by --max-error-rate: see %s, and try again with --resume --retry-failed", err, failuresOf(result))
	}
	if result.Failures > 0 {
		return fmt.Errorf("%w: %d", cli.ErrPartly, result.Failures)
	}
	return nil
}
