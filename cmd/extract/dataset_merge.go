package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fovea/app/cli"
	"fovea/extraction"
	"fovea/featurestore"
	"fovea/featurestore/remote"
	"fovea/objects"
)

// shardFlags say how merge, compact and partition write shards.
type shardFlags struct {
	format string
	bytes  int64
	tensor bool
}

func (s *shardFlags) add(f *pflag.FlagSet) {
	cli.FormerNames(f, map[string]string{"shard-size": "bytes-per-file"})
	f.StringVar(&s.format, "format", "", "`FORMAT` of the files: parquet or arrow (default: as before)")
	cli.SizeVar(f, &s.bytes, "bytes-per-file", featurestore.DefaultMergedBytes, "`SIZE` of a file's vectors before compression, such as 64MB or 2GB; "+cli.SizeHelp)
	f.BoolVar(&s.tensor, "tensor-extension", false, "declare layers with several dimensions as arrow.fixed_shape_tensor, which some readers refuse")
}

func (s *shardFlags) options() (featurestore.MergeOptions, error) {
	o := featurestore.MergeOptions{Format: featurestore.Format(s.format), ShardBytes: s.bytes, TensorExtension: s.tensor, ToolVersion: cli.Version()}
	if s.format == "" {
		return o, nil
	}
	return o, cli.OneOf("--format", o.Format, featurestore.FormatParquet, featurestore.FormatArrow)
}

// writtenDataset is the result of merge and compact.
type writtenDataset struct {
	Dataset  string `json:"dataset"`
	Rows     int    `json:"rows"`
	Failures int    `json:"failures"`
	Shards   int    `json:"shards"`
	// Bytes is the size of the shards' files.
	Bytes int64 `json:"bytes"`
}

// mergeOptions are those of merge.
type mergeOptions struct {
	shards                           shardFlags
	keepShards, prefixPaths, replace bool
	staging                          string
	result                           cli.ResultFlags
}

func newDatasetMerge() *cobra.Command {
	var o mergeOptions
	command := &cobra.Command{
		Use:   "merge OUT DIR...",
		Short: "Make one dataset of several that were made alike",
		Long: `Merge writes the rows and failures of the datasets DIR... to a new dataset OUT, which appears whole or
not at all. They must have been made alike: the same model, layers, preprocessing, precision, library
and type of numbers. Merge says what differs.

With --keep-shards the files of DIR... become those of OUT unchanged, as links (or copies, where links
are impossible). That takes seconds for any number of rows, but does not check whether an image is
in two of the datasets; extract dataset validate does.

OUT and DIR may be URLs in object stores.`,
		Example: "  extract dataset merge all part-1 part-2 part-3",
		Args: func(_ *cobra.Command, arguments []string) error {
			if len(arguments) < 2 {
				return cli.Usagef("give OUT, a new directory, and at least one DIR, the directory of a dataset")
			}
			return nil
		},
	}
	f := command.Flags()
	o.shards.add(f)
	f.BoolVar(&o.keepShards, "keep-shards", false, "keep the files as they are instead of rewriting them")
	f.BoolVar(&o.prefixPaths, "prefix-paths", false, "put the name of each DIR before its paths, for datasets with paths in common")
	f.BoolVar(&o.replace, "overwrite", false, "replace the dataset OUT, which stays until the new one is complete")
	cli.PathVar(f, &o.staging, "staging", "", cli.StagingHelp)
	o.result.Add(f)
	command.RunE = func(command *cobra.Command, arguments []string) error {
		options, err := o.shards.options()
		if err != nil {
			return err
		}
		if o.keepShards && (f.Changed("format") || f.Changed("bytes-per-file") || f.Changed("tensor-extension") || o.prefixPaths) {
			return cli.Usagef("--keep-shards keeps the files as they are: not with --format, --bytes-per-file, --tensor-extension or --prefix-paths")
		}
		if o.staging != "" && !objects.IsURL(arguments[0]) {
			return cli.Usagef("--staging is for a dataset OUT in an object store")
		}
		options.Overwrite, options.PrefixPaths = o.replace, o.prefixPaths
		return o.run(command.Context(), arguments[0], arguments[1:], options)
	}
	return command
}

func (o *mergeOptions) run(ctx context.Context, out string, dirs []string, options featurestore.MergeOptions) error {
	local := make([]string, len(dirs))
	for i, name := range dirs {
		dir, done, err := remote.Fetch(ctx, name)
		if err != nil {
			return err
		}
		defer done() //nolint:gocritic // all are needed until the end
		local[i] = dir
	}
	write := func(ctx context.Context, out string) error {
		if o.keepShards {
			return featurestore.Assemble(ctx, out, local, featurestore.AssembleOptions{Overwrite: o.replace, ToolVersion: cli.Version()})
		}
		err := featurestore.Merge(ctx, out, local, options)
		if errors.Is(err, featurestore.ErrDuplicatePath) && !o.prefixPaths {
			return fmt.Errorf("%w: give --prefix-paths", err)
		}
		return err
	}
	if objects.IsURL(out) {
		return o.upload(ctx, out, write)
	}
	out, err := objects.LocalPath(out)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	err = write(ctx, out)
	if errors.Is(err, featurestore.ErrExists) {
		return fmt.Errorf("%s %w: --overwrite replaces it", out, featurestore.ErrExists)
	}
	return reportWritten(out, err, o.result)
}

// upload writes the dataset to a staging directory and from there to its URL.
func (o *mergeOptions) upload(ctx context.Context, url string, write func(ctx context.Context, out string) error) error {
	staged, err := extraction.CreateOutput(ctx, url, remote.Options{Overwrite: o.replace, Staging: o.staging})
	if errors.Is(err, featurestore.ErrExists) {
		return fmt.Errorf("%w: --overwrite replaces it", err)
	} else if err != nil {
		return err
	}
	ctx, release := staged.Context(ctx)
	defer release()
	if err := write(ctx, staged.Dir); err != nil {
		return errors.Join(err, staged.Abandon(ctx))
	}
	d, err := featurestore.Open(staged.Dir)
	if err != nil {
		return errors.Join(err, staged.Abandon(ctx))
	}
	staged.Written(d.Manifest())
	written := newWritten(url, d)
	if err := staged.Finish(ctx); err != nil {
		return err
	}
	return o.result.Print(written, nothing)
}

func newDatasetCompact() *cobra.Command {
	var shards shardFlags
	var result cli.ResultFlags
	command := &cobra.Command{
		Use:   "compact DIR",
		Short: "Rewrite a dataset with few large shards",
		Long: `Compact rewrites the dataset DIR with larger shards. The old files stay until the new ones are complete
and on disk, and then they are swapped in one step: whatever happens, DIR holds all rows. It takes as
much free space as the dataset has.`,
		Args: datasetArgument,
		RunE: func(command *cobra.Command, arguments []string) error {
			if objects.IsURL(arguments[0]) {
				return cli.Usagef("object stores cannot swap two directories: merge %s into another OUT", arguments[0])
			}
			dir, err := cli.LocalPath(arguments[0])
			if err != nil {
				return err
			}
			options, err := shards.options()
			if err != nil {
				return err
			}
			return reportWritten(dir, featurestore.Compact(command.Context(), dir, options), result)
		},
	}
	shards.add(command.Flags())
	result.Add(command.Flags())
	return command
}

// reportWritten says what the dataset consists of, unless writing it failed.
func reportWritten(dir string, err error, result cli.ResultFlags) error {
	if errors.Is(err, featurestore.ErrLocked) {
		return fmt.Errorf("%w: wait until it is done, or name another directory", err)
	}
	if err != nil {
		return err
	}
	d, err := featurestore.Open(dir)
	if err != nil {
		return err
	}
	w := newWritten(dir, d)
	logrus.Infof("%s holds %s in %s", dir, cli.Plural(w.Rows, "row"), cli.Plural(w.Shards, "shard"))
	return result.Print(w, nothing)
}

func newWritten(name string, d *featurestore.Dataset) writtenDataset {
	w := writtenDataset{Dataset: name, Rows: d.Rows(), Failures: d.Manifest().Failures, Shards: len(d.Shards())}
	for _, s := range d.Shards() {
		w.Bytes += s.Bytes
	}
	return w
}
