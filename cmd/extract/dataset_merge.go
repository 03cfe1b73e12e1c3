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
	"fovea/internal/redact"
	"fovea/internal/text"
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

// set puts the flags into options.
func (s *shardFlags) set(ctx context.Context, o *featurestore.MergeOptions) error {
	o.MaxMemory = cli.MaxMemory(ctx)
	o.Format, o.ShardBytes, o.TensorExtension, o.ToolVersion = featurestore.Format(s.format), s.bytes, s.tensor, cli.Version()
	if s.format == "" {
		return nil
	}
	return cli.OneOf("--format", o.Format, featurestore.FormatParquet, featurestore.FormatArrow)
}

// mergeFlags are the flags of merge.
type mergeFlags struct {
	shards shardFlags
	extraction.MergeOptions
	result cli.ResultFlags
}

const mergeLong = `Merge writes the rows and failures of the datasets DIR... to a new dataset OUT, which appears whole or
not at all. They must have been made in the same way: with the same model, layers, preprocessing,
library and type of numbers, and in precisions that may be mixed, such as float32 and int16. Merge
says what differs.

With --keep-shards the files of DIR... become those of OUT unchanged, as links (or copies, where links
are impossible). They must all be of one precision. That takes seconds for any number of rows, but does
not check whether an image is in two of the datasets; extract dataset validate does.

OUT and DIR may be URLs in object stores.`

func newDatasetMerge() *cobra.Command {
	var o mergeFlags
	command := &cobra.Command{
		Use:     "merge OUT DIR...",
		Short:   "Merge datasets that were made in the same way",
		Long:    mergeLong,
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
	f.BoolVar(&o.KeepShards, "keep-shards", false, "keep the files as they are instead of rewriting them")
	f.BoolVar(&o.PrefixPaths, "prefix-paths", false, "prefix paths with the name of their DIR, for datasets with paths in common")
	f.BoolVar(&o.Overwrite, "overwrite", false, "replace the dataset OUT, which stays until the new one is complete")
	cli.PathVar(f, &o.Staging, "staging", "", cli.StagingHelp)
	o.result.Add(f)
	command.RunE = func(command *cobra.Command, arguments []string) error {
		if err := o.validate(f, arguments[0]); err != nil {
			return err
		}
		if err := o.shards.set(command.Context(), &o.MergeOptions.MergeOptions); err != nil {
			return err
		}
		return o.run(command.Context(), arguments)
	}
	return command
}

func (o *mergeFlags) validate(f *pflag.FlagSet, out string) error {
	if o.KeepShards && (f.Changed("format") || f.Changed("bytes-per-file") || f.Changed("tensor-extension") || o.PrefixPaths) {
		return cli.Usagef("--keep-shards keeps the files as they are: not with --format, --bytes-per-file, --tensor-extension or --prefix-paths")
	}
	if o.Staging != "" && !objects.IsURL(out) {
		return cli.Usagef("--staging is for a dataset OUT in an object store")
	}
	return nil
}

func (o *mergeFlags) run(ctx context.Context, arguments []string) error {
	names, err := cli.LocalPaths(arguments) // URLs of object stores stay
	if err != nil {
		return err
	}
	merged, err := extraction.Merge(ctx, names[0], names[1:], o.MergeOptions)
	switch {
	case errors.Is(err, featurestore.ErrDuplicatePath) && !o.PrefixPaths && !o.KeepShards:
		return fmt.Errorf("%w: give --prefix-paths", err)
	case errors.Is(err, featurestore.ErrExists) && objects.IsURL(names[0]):
		return fmt.Errorf("%w: --overwrite replaces it", err)
	case errors.Is(err, featurestore.ErrExists):
		return fmt.Errorf("%s %w: --overwrite replaces it", names[0], featurestore.ErrExists)
	}
	return reportWritten(merged, err, o.result)
}

func newDatasetCompact() *cobra.Command {
	var shards shardFlags
	var result cli.ResultFlags
	command := &cobra.Command{
		Use:   "compact DIR",
		Short: "Rewrite a dataset with fewer, larger shards",
		Long: `Compact rewrites the dataset DIR with larger shards. The old files stay until the new ones are complete
and on disk, and then they are swapped in one step: whatever happens, DIR holds all rows. It takes as
much free space as the dataset has.`,
		Args: datasetArgument,
		RunE: func(command *cobra.Command, arguments []string) error {
			if objects.IsURL(arguments[0]) {
				return cli.Usagef("object stores cannot swap two directories: merge %s into another OUT", redact.URL(arguments[0]))
			}
			dir, err := cli.LocalPath(arguments[0])
			if err != nil {
				return err
			}
			var options featurestore.MergeOptions
			if err := shards.set(command.Context(), &options); err != nil {
				return err
			}
			var written extraction.Merged
			if err = featurestore.Compact(command.Context(), dir, options); err == nil {
				written, err = extraction.Describe(dir, featurestore.ReadOptions{MaxMemory: options.MaxMemory})
			}
			return reportWritten(written, err, result)
		},
	}
	shards.add(command.Flags())
	result.Add(command.Flags())
	return command
}

// reportWritten says what the dataset consists of, unless writing it failed.
func reportWritten(w extraction.Merged, err error, result cli.ResultFlags) error {
	if errors.Is(err, featurestore.ErrLocked) {
		return fmt.Errorf("%w: wait until it is done, or name another directory", err)
	}
	if err != nil {
		return err
	}
	logrus.Infof("%s holds %s in %s", w.Dataset, text.Plural(w.Rows, "row"), text.Plural(w.Shards, "shard"))
	return result.Print(w, nothing)
}
