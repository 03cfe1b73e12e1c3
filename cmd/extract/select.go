package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/sirupsen/logrus"
	"github.com/spf13/pflag"

	"fovea/app/cli"
	"fovea/inputs"
	"fovea/pipeline"
)

// selectionFlags say which pictures are taken.
func (o *options) selectionFlags(f *pflag.FlagSet) {
	cli.PathVar(f, &o.filesFrom, "files-from", "", "take the images listed in `FILE` (-: standard input), one a line or ended by zero bytes, instead of IMAGES")
	f.StringArrayVar(&o.selection.Include, "include", nil, "take only images that match `PATTERN`, such as '*.jpg' or 'cats/**' (may be repeated)")
	f.StringArrayVar(&o.selection.Exclude, "exclude", nil, "leave out images that match `PATTERN` (may be repeated)")
	f.StringVar(&o.shard, "shard", "", "take part `I/N` of the images, 0/N to N-1/N, always the same ones: one part a machine")
	f.IntVar(&o.selection.Sample, "sample", 0, "take only `N` of the images, the same ones for a --seed (default: all)")
	f.Uint64Var(&o.selection.Seed, "seed", 1, "`SEED` of --sample")
	f.IntVar(&o.selection.Limit, "limit", 0, "take only the first `N` of the images by path (default: all)")
}

func (o *options) validateSelection(images []string) error {
	switch {
	case len(images) == 0 && o.filesFrom == "":
		return cli.Usagef("no IMAGES given: name files or directories, or --files-from FILE")
	case len(images) > 0 && o.filesFrom != "":
		return cli.Usagef("IMAGES and --files-from exclude each other")
	}
	if o.shard != "" {
		part, parts, found := strings.Cut(o.shard, "/")
		var partErr, partsErr error
		o.selection.Part, partErr = strconv.Atoi(part)
		o.selection.Parts, partsErr = strconv.Atoi(parts)
		if !found || partErr != nil || partsErr != nil || o.selection.Parts < 1 {
			return cli.Usagef("--shard %q: give I/N, such as 0/4", o.shard)
		}
	}
	if err := o.selection.Validate(); err != nil {
		return cli.UsageError{Err: err}
	}
	return nil
}

// list finds the pictures and takes those that are wanted.
func (o *options) list(ctx context.Context, images []string, labeler pipeline.Labeler) (pipeline.Listing, error) {
	listing, err := o.listAll(ctx, images, labeler)
	if !o.dryRun || err != nil { // a dry run prints them
		inputs.TellOthers(listing.Others)
	}
	var unknown *pipeline.StoreError
	if errors.As(err, &unknown) {
		err = fmt.Errorf("%w; --exclude 'DIR/**' does without a directory", err)
	}
	if err != nil {
		return listing, err
	}
	inputs.TellDoubts(listing)
	found := len(listing.Items)
	listing.Items = o.selection.Apply(listing.Items)
	logrus.Infof("%d images found, %d other files skipped", found, listing.Skipped)
	if listing.Labeled > 0 && labeler == nil {
		logrus.Infof("%d of them have labels in their archive or table: --labels dir takes these", listing.Labeled)
	}
	if len(listing.Items) < found {
		logrus.Infof("%d of them are taken", len(listing.Items))
	}
	if len(listing.Items) == 0 {
		return listing, fmt.Errorf("%w are left of %d by --include, --exclude and --shard", pipeline.ErrNoPictures, found)
	}
	return listing, nil
}

func (o *options) listAll(ctx context.Context, images []string, labeler pipeline.Labeler) (pipeline.Listing, error) {
	finder := inputs.Finder()
	finder.Exclude = o.selection.Exclude
	switch o.filesFrom {
	case "":
		images, err := cli.LocalPaths(images)
		if err != nil {
			return pipeline.Listing{}, err
		}
		return finder.List(ctx, images, labeler)
	case "-":
		return finder.ListPaths(ctx, os.Stdin, labeler)
	}
	file, err := os.Open(o.filesFrom)
	if err != nil {
		return pipeline.Listing{}, fmt.Errorf("cannot open the list of files: %w", err)
	}
	defer file.Close() //nolint:errcheck // opened for reading
	return finder.ListPaths(ctx, file, labeler)
}
