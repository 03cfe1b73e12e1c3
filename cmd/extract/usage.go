package main

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fovea/app/cli"
	"fovea/featurestore"
	"fovea/inference"
	"fovea/objects"
	"fovea/picture"
	"fovea/projection"
	"fovea/recipe"
)

// parse turns flags and arguments into o.Options, and refuses wrong usage before anything is opened.
func (o *options) parse(command *cobra.Command, images []string) (err error) {
	if o.Session, err = o.session.Config(); err != nil {
		return cli.UsageUnless(inference.ErrDevice, err)
	}
	o.Batch, o.ToolVersion, o.Grace = o.session.Batch, cli.Version(), grace
	if o.Width, o.Height, err = cli.ParseSides(o.size); err != nil {
		return err
	}
	if err := cmp.Or(o.checkGiven(command.Flags()), o.checkTogether(command.Flags())); err != nil || o.listLayers {
		return err
	}
	if err := cmp.Or(o.checkNames(), o.checkArguments(images)); err != nil {
		return err
	}
	if o.Images, err = cli.LocalPaths(images); err != nil {
		return err
	}
	if err := o.parsePicture(); err != nil {
		return err
	}
	if o.Project, err = projection.Parse(o.project); err != nil {
		return cli.Usagef("--project: %w", err)
	}
	if o.Labels, err = cli.ParseLabels(o.labels); err != nil {
		return err
	}
	if o.GroupBy, err = cli.ParseGrouping(o.groupBy); err != nil {
		return err
	}
	for flag, value := range map[string]*string{"dtype": (*string)(&o.DType), "format": (*string)(&o.Format)} {
		if o.Add && !command.Flags().Changed(flag) {
			*value = "" // the dataset's
		}
	}
	return o.parseShard()
}

// parsePicture turns the flags that say how files become pixels into options.
func (o *options) parsePicture() (err error) {
	if o.Background, err = picture.ParseBackground(o.background); err != nil {
		return cli.Usagef("--background: %w", err)
	}
	if o.Range, err = picture.ParseRange(string(o.Range)); err != nil {
		return cli.Usagef("--range: %w", err)
	}
	if o.Bands, err = picture.ParseBands(string(o.Bands)); err != nil {
		return cli.Usagef("--bands: %w", err)
	}
	return nil
}

// checkNames refuses values that flags do not accept.
func (o *options) checkNames() error {
	if err := o.Views.Validate(); err != nil {
		return cli.Usagef("--views: %w", err)
	}
	if _, err := recipe.ParsePool(o.Pool); err != nil {
		return cli.Usagef("--pool: %w", err)
	}
	return cmp.Or(
		cli.OneOf("--resize", o.Resize, picture.Squash, picture.Crop),
		cli.OneOf("--dtype", o.DType, featurestore.Float32, featurestore.Float16),
		cli.OneOf("--format", o.Format, featurestore.FormatParquet, featurestore.FormatArrow),
	)
}

// checkGiven refuses flags given with a value that makes no sense.
func (o *options) checkGiven(f *pflag.FlagSet) error {
	for _, number := range []struct {
		flag  string
		value int
	}{
		{"workers", o.Workers}, {"sample", o.Selection.Sample}, {"limit", o.Selection.Limit},
		{"rows-per-file", o.RowsPerFile},
	} {
		if f.Changed(number.flag) && number.value < 1 {
			return cli.Usagef("--%s %d: give a positive number", number.flag, number.value)
		}
	}
	switch {
	case len(o.Layers) == 0 || slices.Contains(o.Layers, ""):
		return cli.Usagef("--layers %q: separate the names of layers with commas; --list-layers prints them", strings.Join(o.Layers, ","))
	case !(o.maxErrorRate >= 0 && o.maxErrorRate <= 1):
		return cli.Usagef("--max-error-rate %g: give a share from 0 to 1", o.maxErrorRate)
	case o.metricsAddress != "" && !cli.IsAddress(o.metricsAddress):
		return cli.Usagef("--metrics-addr %q: give HOST:PORT, such as localhost:9090; port 0 takes a free one", o.metricsAddress)
	case f.Changed("gpu-memory-fraction") && o.session.GPUMemoryFraction == 0:
		return cli.Usagef("--gpu-memory-fraction 0: give a share above 0, at most 1")
	}
	return nil
}

// checkTogether refuses flags that make no sense together, or without another one.
func (o *options) checkTogether(f *pflag.FlagSet) error {
	switch {
	case f.Changed("seed") && o.Selection.Sample == 0:
		return cli.Usagef("--seed requires --sample")
	case o.Staging != "" && !objects.IsURL(o.Out):
		return cli.Usagef("--staging requires an --out in an object store, such as s3://BUCKET/NAME")
	case o.RetryFailed && !o.Resume && !o.Sync:
		return cli.Usagef("--retry-failed requires --resume or --sync")
	case o.AllowEmpty && !o.Sync:
		return cli.Usagef("--allow-empty requires --sync")
	case o.Sync && (o.Resume || o.Overwrite):
		return cli.Usagef("--sync, --resume and --overwrite are mutually exclusive")
	case o.Tiles.Whole() && (f.Changed("level") || o.Tiles.SkipEmpty):
		return cli.Usagef("--level and --skip-empty require --tile")
	case !o.Tiles.Whole() && !o.Frames.First():
		return cli.Usagef("--tile and --frames are mutually exclusive")
	case o.Resume && o.Overwrite:
		return cli.Usagef("--resume and --overwrite are mutually exclusive")
	case o.RowsPerFile > 0 && o.BytesPerFile > 0:
		return cli.Usagef("--rows-per-file and --bytes-per-file are mutually exclusive")
	}
	return nil
}

// checkArguments refuses a wrong combination of IMAGES, --files-from and --out.
func (o *options) checkArguments(images []string) error {
	switch {
	case len(images) == 0 && o.filesFrom == "":
		return cli.Usagef("no IMAGES given: name files or directories, or --files-from FILE")
	case len(images) > 0 && o.filesFrom != "":
		return cli.Usagef("IMAGES and --files-from are mutually exclusive")
	case o.Out != "":
		_, err := cli.LocalPaths([]string{o.Out})
		return err
	case !o.dryRun || o.Sync || o.Add:
		return cli.Usagef("--out DIR is required")
	}
	return nil
}

// parseShard reads --shard.
func (o *options) parseShard() error {
	if o.shard == "" {
		return nil
	}
	part, parts, found := strings.Cut(o.shard, "/")
	var partErr, partsErr error
	o.Selection.Part, partErr = strconv.Atoi(part)
	o.Selection.Parts, partsErr = strconv.Atoi(parts)
	if !found || partErr != nil || partsErr != nil || o.Selection.Parts < 1 {
		return cli.Usagef("--shard %q: give I/N, such as 0/4", o.shard)
	}
	return nil
}
