package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/extraction"
	"fovea/featurestore"
	"fovea/featurestore/export"
	"fovea/featurestore/remote"
	"fovea/internal/output"
	"fovea/objects"
)

// mergeFlags are those of merge and compact.
type mergeFlags struct {
	format     string
	shardBytes string
	featurestore.MergeOptions
}

func (m *mergeFlags) add(command *cobra.Command) {
	command.Flags().StringVar(&m.format, "format", "", "`FORMAT` of the files: parquet or arrow (default: as before)")
	command.Flags().BoolVar(&m.TensorExtension, "tensor-extension", false, "declare layers with several dimensions as arrow.fixed_shape_tensor, which some readers refuse")
	command.Flags().StringVar(&m.shardBytes, "shard-size", "512MB", "`SIZE` of the vectors of a shard before compression, as 64MB or 2GB")
}

func (m *mergeFlags) options() (featurestore.MergeOptions, error) {
	m.Format = featurestore.Format(m.format)
	if m.Format != "" && m.Format != featurestore.FormatParquet && m.Format != featurestore.FormatArrow {
		return m.MergeOptions, cli.Usagef("unknown --format %q: use parquet or arrow", m.format)
	}
	var err error
	if m.ShardBytes, err = cli.ParseSize("--shard-size", m.shardBytes); err != nil {
		return m.MergeOptions, err
	}
	m.ToolVersion = cli.Version()
	return m.MergeOptions, nil
}

func newDatasetMerge() *cobra.Command {
	var m mergeFlags
	var keepShards bool
	var staging string
	command := &cobra.Command{
		Use:   "merge OUT DIR...",
		Short: "Make one dataset of several that were made alike",
		Long: `Merge writes the rows and failures of the datasets DIR... to a new dataset OUT, which appears
whole or not at all. They must have been made alike: same model, layers, preprocessing,
precision, library and number type; otherwise it says what differs.

With --keep-shards the files of DIR... become those of OUT as they are, by links (or copies,
where there are none), which takes seconds for any number of rows. That no image is in two
of them is then not looked at; extract dataset validate does.

OUT and DIR may be URLs in object stores.`,
		Example: "  extract dataset merge all part-1 part-2 part-3",
		Args:    cobra.ArbitraryArgs,
		RunE: func(command *cobra.Command, arguments []string) error {
			if len(arguments) < 2 {
				return cli.Usagef("give OUT, a new directory, and at least one DIR, the directory of a dataset")
			}
			options, err := m.options()
			if err != nil {
				return err
			}
			if keepShards {
				if m.Format != "" || m.PrefixPaths || command.Flags().Changed("shard-size") || m.TensorExtension {
					return cli.Usagef("--keep-shards takes the files as they are: not with --format, --shard-size, --tensor-extension or --prefix-paths")
				}
				return mergeInto(command.Context(), arguments[0], arguments[1:], staging, m.Overwrite, func(ctx context.Context, out string, dirs []string) error {
					return featurestore.Assemble(ctx, out, dirs, featurestore.AssembleOptions{Overwrite: m.Overwrite, ToolVersion: cli.Version()})
				})
			}
			return mergeInto(command.Context(), arguments[0], arguments[1:], staging, m.Overwrite, func(ctx context.Context, out string, dirs []string) error {
				err := featurestore.Merge(ctx, out, dirs, options)
				if errors.Is(err, featurestore.ErrDuplicatePath) && !m.PrefixPaths {
					return fmt.Errorf("%w: give --prefix-paths", err)
				}
				return err
			})
		},
	}
	m.add(command)
	command.Flags().BoolVar(&keepShards, "keep-shards", false, "take the files as they are instead of writing them anew")
	command.Flags().BoolVar(&m.PrefixPaths, "prefix-paths", false, "put the name of each DIR before its paths, for datasets that have paths in common")
	command.Flags().BoolVar(&m.Overwrite, "overwrite", false, "replace the dataset OUT, which stays until the new one is whole")
	cli.PathVar(command.Flags(), &staging, "staging", "", cli.StagingHelp)
	return command
}

func newDatasetCompact() *cobra.Command {
	var m mergeFlags
	command := &cobra.Command{
		Use:   "compact DIR",
		Short: "Rewrite a dataset with few large shards",
		Long: `Compact rewrites the dataset DIR with larger shards. The old files stay until the new ones are
whole and on disk, and then both change places in one step: whatever happens, DIR holds all
rows. It takes as much free space as the dataset has.`,
		Args: datasetArgument,
		RunE: func(command *cobra.Command, arguments []string) error {
			if objects.IsURL(arguments[0]) {
				return cli.Usagef("an object store has no two directories that could change places: merge %s into another OUT", arguments[0])
			}
			dir, err := cli.LocalPath(arguments[0])
			if err != nil {
				return err
			}
			options, err := m.options()
			if err != nil {
				return err
			}
			return reportWritten(dir, featurestore.Compact(command.Context(), dir, options))
		},
	}
	m.add(command)
	return command
}

func newDatasetPartition() *cobra.Command {
	var m mergeFlags
	var by string
	command := &cobra.Command{
		Use:   "partition --by COLUMN OUT DIR",
		Short: "Write a dataset's rows to a directory for each label or split",
		Long: `Partition writes the rows of the dataset DIR to OUT/by_label=VALUE/part-00000.parquet and so on,
as Hive has it, for readers that skip whole directories by a condition on by_label or by_split.
Rows keep their order and all of their columns. OUT is a new directory, which appears whole or
not at all; it is a table for other programs, and DIR stays the dataset.`,
		Example: "  extract dataset partition --by label by-label features",
		Args:    cobra.ArbitraryArgs,
		RunE: func(command *cobra.Command, arguments []string) error {
			if len(arguments) != 2 {
				return cli.Usagef("give OUT, a new directory, and DIR, the directory of a dataset")
			}
			if by != string(featurestore.ByLabel) && by != string(featurestore.BySplit) {
				return cli.Usagef("--by %q: use label or split", by)
			}
			out, err := cli.LocalPath(arguments[0])
			if err != nil {
				return err
			}
			options, err := m.options()
			if err != nil {
				return err
			}
			dir, done, err := remote.Fetch(command.Context(), arguments[1])
			if err != nil {
				return err
			}
			defer done()
			if err := featurestore.Partition(command.Context(), out, dir, featurestore.PartitionBy(by), options); err != nil {
				return remote.Located(err, dir, arguments[1])
			}
			parts, err := os.ReadDir(out)
			logrus.Infof("%s holds %d directories", out, len(parts))
			return err
		},
	}
	m.add(command)
	command.Flags().StringVar(&by, "by", "", "the `COLUMN`, label or split (required)")
	return command
}

// mergeInto has datasets merged, which are fetched first if they lie in object stores, and brings
// the result to where it belongs.
func mergeInto(ctx context.Context, out string, dirs []string, staging string, overwrite bool, write func(ctx context.Context, out string, dirs []string) error) error {
	local := make([]string, len(dirs))
	for i, name := range dirs {
		dir, done, err := remote.Fetch(ctx, name)
		if err != nil {
			return err
		}
		defer done() //nolint:gocritic // all are needed till the end
		local[i] = dir
	}
	if !objects.IsURL(out) {
		out, err := objects.LocalPath(out)
		if err != nil {
			return cli.UsageError{Err: err}
		}
		return reportWritten(out, write(ctx, out, local))
	}
	away, err := extraction.CreateOutput(ctx, out, remote.Options{Overwrite: overwrite, Staging: staging})
	if errors.Is(err, featurestore.ErrExists) {
		return fmt.Errorf("%w: --overwrite replaces it", err)
	} else if err != nil {
		return err
	}
	ctx, release := away.Context(ctx)
	defer release()
	if err := write(ctx, away.Dir, local); err != nil {
		return errors.Join(err, away.Abandon(ctx))
	}
	d, err := featurestore.Open(away.Dir)
	if err != nil {
		return errors.Join(err, away.Abandon(ctx))
	}
	away.Written(d.Manifest())
	return away.Finish(ctx)
}

// reportWritten says what the dataset consists of, unless writing it failed.
func reportWritten(dir string, err error) error {
	if errors.Is(err, featurestore.ErrLocked) {
		return fmt.Errorf("%w: wait for its end, or name another directory", err)
	}
	if err != nil {
		return err
	}
	d, err := featurestore.Open(dir)
	if err == nil {
		logrus.Infof("%s holds %s in %s", dir, plural(d.Rows(), "row"), plural(len(d.Shards()), "shard"))
	}
	return err
}

func newDatasetExport() *cobra.Command {
	var rows rowFlags
	var format, out string
	command := &cobra.Command{
		Use:   "export --format FORMAT --out FILE DIR",
		Short: "Write a layer's vectors as CSV, NPY, LIBSVM or TFRecord",
		Long: `Export writes one layer of a dataset's rows, in their order, to FILE:

  csv       path, label, split, sha256, width, height and a column per value
  npy       NumPy's matrix; FILE.csv beside it has path, label and so on of its rows
  libsvm    labels by number, values that are not zero; FILE.labels.csv says the numbers
  tfrecord  tf.train.Example with path, label, split, sha256, width, height and the layer

FILE - is the standard output, for csv and tfrecord.`,
		Example: "  extract dataset export --format npy --out features.npy --layer pool5 features",
		Args:    datasetArgument,
		RunE: onDataset(func(ctx context.Context, dir string) error {
			switch {
			case !slices.Contains(export.Formats, export.Format(format)):
				return cli.Usagef("unknown --format %q: use csv, npy, libsvm or tfrecord", format)
			case out == "":
				return cli.Usagef("--out FILE is required")
			case out == "-" && format != "csv" && format != "tfrecord":
				return cli.Usagef("--out -: %s makes two files and needs the name of the first", format)
			}
			return exportDataset(ctx, dir, rows, export.Format(format), out)
		}),
	}
	command.Flags().StringVar(&format, "format", "", "`FORMAT`: csv, npy, libsvm or tfrecord (required)")
	cli.PathVar(command.Flags(), &out, "out", "", "the `FILE` to write (required)")
	rows.add(command)
	return command
}

func exportDataset(ctx context.Context, dir string, rows rowFlags, format export.Format, out string) error {
	d, err := openDataset(dir)
	if err != nil {
		return err
	}
	layer, scan, err := rows.choose(ctx, d)
	if err != nil {
		return err
	}
	written := 0
	write := func(w io.Writer) error {
		var err error
		written, err = export.Write(ctx, w, d, layer, scan, format)
		return err
	}
	if out == "-" {
		return write(os.Stdout)
	}
	var files output.Files
	defer files.Discard()
	if err := files.Write(out, write); err != nil {
		return err
	}
	switch format {
	case export.NPY:
		err = files.Write(out+".csv", func(w io.Writer) error { return export.WriteIndex(ctx, w, d, scan) })
	case export.LIBSVM:
		err = files.Write(out+".labels.csv", func(w io.Writer) error { return export.WriteLabels(ctx, w, d) })
	}
	if err == nil {
		err = files.Commit()
	}
	if err == nil {
		logrus.Infof("%s written to %s", plural(written, "row"), out)
	}
	return err
}
