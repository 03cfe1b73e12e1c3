package main

import (
	"context"
	"fmt"
	"os"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/featurestore/explore"
	"fovea/featurestore/export"
	"fovea/internal/text"
)

// exported is the result of export.
type exported struct {
	Dataset string        `json:"dataset"`
	Layer   string        `json:"layer"`
	Format  export.Format `json:"format"`
	Rows    int           `json:"rows"`
	Files   []string      `json:"files"`
}

func newDatasetExport() *cobra.Command {
	var rows rowFlags
	var format, out string
	var result cli.ResultFlags
	command := &cobra.Command{
		Use:   "export --format FORMAT --out FILE DIR",
		Short: "Write a layer's vectors as CSV, NPY, LIBSVM or TFRecord",
		Long: `Export writes one layer of a dataset's rows, in their order, to FILE:

  csv       path, label, split, sha256, width, height (group, crs and bounds if there are any) and a column for each value
  npy       a NumPy matrix; FILE.csv beside it has path, label and so on of its rows
  libsvm    numbered labels and the values that are not zero; FILE.labels.csv lists the numbers
  tfrecord  tf.train.Example with path, label, split, sha256, width, height and the layer

FILE - is standard output, for csv and tfrecord.`,
		Example: "  extract dataset export --format npy --out features.npy --layer pool5 features",
		Args:    datasetArgument,
		RunE: onDataset(func(ctx context.Context, dir string) error {
			f := export.Format(format)
			switch err := cli.OneOf("--format", f, export.Formats...); {
			case err != nil:
				return err
			case out == "":
				return cli.Usagef("--out FILE is required")
			case out == "-" && f != export.CSV && f != export.TFRecord:
				return cli.Usagef("--out -: %s makes two files and needs the name of the first", format)
			case out == "-" && result.JSON:
				return cli.Usagef("--json prints to standard output: not with --out -")
			}
			return exportDataset(ctx, dir, rows.Selection, f, out, result)
		}),
	}
	command.Flags().StringVar(&format, "format", "", "`FORMAT`: csv, npy, libsvm or tfrecord (required)")
	cli.PathVar(command.Flags(), &out, "out", "", "the `FILE` to write (required)")
	rows.add(command)
	result.Add(command.Flags())
	return command
}

func exportDataset(ctx context.Context, dir string, selection explore.Selection, format export.Format, out string, result cli.ResultFlags) error {
	d, err := openDataset(ctx, dir)
	if err != nil {
		return err
	}
	layer, scan, err := selection.Resolve(ctx, d)
	if err != nil {
		return err
	}
	if out == "-" {
		_, err := export.Write(ctx, os.Stdout, d, layer, scan, format)
		return err
	}
	rows, files, err := export.WriteFiles(ctx, out, d, layer, scan, format)
	if err != nil {
		return err
	}
	logrus.Infof("wrote %s to %s", text.Plural(rows, "row"), out)
	if err := result.Print(exported{dir, layer.Name, format, rows, files}, nothing); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}
