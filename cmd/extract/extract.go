package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/extraction"
	"fovea/featurestore"
	"fovea/featurestore/remote"
	"fovea/inference"
	"fovea/models"
	"fovea/objects"
	"fovea/picture"
	"fovea/pipeline"
	"fovea/preprocessing"
	"fovea/recipe"
	"fovea/vgg"
)

// options are the flags of extract.
type options struct {
	log     cli.LogOptions
	session cli.SessionFlags

	out string
	// dir is the directory of out, or the one by way of which it is written to its URL.
	dir           string
	staging       string
	model         string
	layers        []string
	listLayers    bool
	pool          string
	labels        string
	preprocessing preprocessing.Spec
	convolutions  string
	size          string
	width, height int // of size, 0 for the model's
	resize        string
	interpolation string
	background    string
	views         string
	workers       int
	maxPixels     int
	watch         watch

	filesFrom    string
	shard        string
	selection    pipeline.Selection
	dryRun       bool
	json         bool
	maxErrorRate float64
	retryFailed  bool

	dtype  string
	format string
	files  fileSizes
	resume bool
	// tensorExtension is featurestore.Options.TensorExtension.
	tensorExtension bool
	overwrite       bool
}

const long = `Extract runs a pretrained network on every image among IMAGES (files, directories with
all below them, tar archives, Parquet files of images, or URLs of such in object stores) and stores what its layers compute as
a dataset in --out:

  DIR/data/part-00000.parquet ...   path, label, split, sha256, width, height, one column per layer
  DIR/.fovea/errors.jsonl           the images that could not be read, and why
  DIR/.fovea/manifest.json          what was made, how, and how much of it

Exit status: 0 all done; 1 failed; 2 wrong usage; 3 done, but some images could not be
read; 130 after Ctrl-C, with everything finished so far kept (go on with --resume).`

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
		RunE:    func(c *cobra.Command, images []string) error { return o.run(c.Context(), images) },
	}
	o.log.AddFlags(command)
	command.AddCommand(newModelCommand(), newDatasetCommand(), newDoctorCommand())
	f := command.Flags()
	f.SortFlags = false
	f.StringVar(&o.out, "out", "", "the directory `DIR` of the dataset, or its URL in an object store, as s3://BUCKET/NAME (required)")
	cli.PathVar(f, &o.staging, "staging", "", cli.StagingHelp)
	cli.PathVar(f, &o.model, "model", models.Default, "the model: vgg16 (the embedded ImageNet base), another configuration's `NAME` with imported weights, or a SavedModel's directory, DIR or DIR:SIGNATURE")
	cli.PreprocessingVar(f, &o.preprocessing, "`HOW` pixels become numbers: a name such as caffe, torch, tf or none, KEY=VALUE pairs or a .json file; see docs/preprocessing.md (default: the model's own)")
	f.StringSliceVar(&o.layers, "layers", []string{"pool5"}, "comma-separated `LIST` of layers, one column each")
	f.BoolVar(&o.listLayers, "list-layers", false, "print the model's layers and stop")
	f.StringVar(&o.pool, "pool", recipe.PoolNone, "pooling, none|avg|max|cls (`HOW`), of convolutional layers over their positions and of tokens; cls takes the first token")
	f.StringVar(&o.labels, "labels", "none", "`SOURCE` of labels: none, prefix (of the file name, to its first dot), dir (the parent's name) or csv:FILE (rows path,label[,split])")
	f.StringVar(&o.size, "size", "", cli.SidesHelp)
	f.StringVar(&o.resize, "resize", "squash", "`HOW` images become the model's size: squash (the whole image, as Keras) or crop (the centre, as the paper and torchvision)")
	f.StringVar(&o.interpolation, "interpolation", "bilinear", "resampling `FILTER`: bilinear, bicubic, lanczos or nearest")
	f.StringVar(&o.background, "background", "", "`COLOUR` that shows through transparent pixels: white, black or #rrggbb (default: alpha is dropped, as Keras and torchvision do)")
	f.StringVar(&o.views, "views", string(picture.Center), "`VIEWS` of an image whose features are averaged: center, flip (and the mirror image), tencrop (corners and centre, both ways; 10 times the work) or dense:256,384,512 (whole and mirrored with shorter sides of so many pixels, averaged over positions; some 30 times the work)")
	f.StringVar(&o.session.Precision, "precision", string(inference.Float32), cli.PrecisionHelp)
	f.StringVar(&o.session.Device, "device", inference.DeviceAuto, cli.DeviceHelp)
	f.Float64Var(&o.session.GPUMemoryFraction, "gpu-memory-fraction", 0, cli.MemoryHelp)
	f.StringVar(&o.convolutions, "convolutions", models.Automatic, "`HOW` convolutions are computed: auto (the fastest way for the device) or direct (TensorFlow's own operation; the same but for rounding)")
	f.IntVar(&o.session.Batch, "batch", 0, cli.BatchHelp)
	f.IntVar(&o.workers, "workers", 0, "`N` images are decoded at a time (default: one per CPU)")
	o.selectionFlags(f)
	f.StringVar(&o.dtype, "dtype", string(featurestore.Float32), "`TYPE` of the stored numbers: float32 or float16")
	f.StringVar(&o.format, "format", string(featurestore.FormatParquet), "`FORMAT` of the files: parquet or arrow")
	o.files.add(f)
	f.BoolVar(&o.tensorExtension, "tensor-extension", false, "declare layers with several dimensions as arrow.fixed_shape_tensor, which some readers refuse")
	f.BoolVar(&o.resume, "resume", false, "go on with an interrupted dataset in --out")
	f.BoolVar(&o.overwrite, "overwrite", false, "replace the dataset in --out")
	f.BoolVar(&o.retryFailed, "retry-failed", false, "with --resume, read again what could not be read before")
	f.Float64Var(&o.maxErrorRate, "max-error-rate", 1, "fail when more than this `SHARE`, 0 to 1, of the images cannot be read; the dataset is kept")
	f.IntVar(&o.maxPixels, "max-pixels", picture.DefaultMaxPixels, "refuse images of more than `N` pixels by their header")
	o.watch.add(f)
	f.BoolVar(&o.dryRun, "dry-run", false, "read the images' headers only: count them by format, estimate time and size, and stop")
	f.BoolVar(&o.json, "json", false, "with --dry-run, print JSON")
	return command
}

// validate finds wrong usage before anything is opened.
func (o *options) validate(images []string) error {
	if err := o.validateSelection(images); err != nil {
		return err
	}
	if err := o.files.parse(); err != nil {
		return err
	}
	if err := models.ValidateConvolutions(o.convolutions); err != nil {
		return cli.UsageError{Err: err}
	}
	if err := picture.Views(o.views).Validate(); err != nil {
		return cli.Usagef("--views: %w", err)
	}
	background, err := picture.ParseBackground(o.background)
	if err != nil {
		return cli.Usagef("--background: %w", err)
	}
	o.background = string(background)
	switch {
	case len(o.layers) == 0 || slices.Contains(o.layers, ""):
		return cli.Usagef("--layers %q: name layers, with commas between them; --list-layers prints them", strings.Join(o.layers, ","))
	case o.out == "" && !o.dryRun:
		return cli.Usagef("--out DIR is required")
	case !(o.maxErrorRate >= 0 && o.maxErrorRate <= 1):
		return cli.Usagef("--max-error-rate %g: give a share from 0 to 1", o.maxErrorRate)
	case o.maxPixels < 1:
		return cli.Usagef("--max-pixels %d: give a positive number", o.maxPixels)
	case o.json && !o.dryRun:
		return cli.Usagef("--json goes with --dry-run")
	case o.retryFailed && !o.resume:
		return cli.Usagef("--retry-failed goes with --resume")
	case o.resume && o.overwrite:
		return cli.Usagef("--resume and --overwrite exclude each other")
	case o.dense() && (o.resize != string(picture.Squash) || o.pool == recipe.PoolMax || o.pool == recipe.PoolClass):
		return cli.Usagef("--views %s sees whole images and averages over positions: leave out --resize and --pool", o.views)
	case o.dense() && o.size != "":
		return cli.Usagef("--views %s sees images at the sizes that it names: leave out --size", o.views)
	case o.dtype != string(featurestore.Float32) && o.dtype != string(featurestore.Float16):
		return cli.Usagef("unknown --dtype %q: use float32 or float16", o.dtype)
	case o.format != string(featurestore.FormatParquet) && o.format != string(featurestore.FormatArrow):
		return cli.Usagef("unknown --format %q: use parquet or arrow", o.format)
	case !slices.Contains([]string{recipe.PoolNone, recipe.PoolAverage, recipe.PoolMax, recipe.PoolClass}, o.pool):
		return cli.Usagef("unknown --pool %q: use none, avg, max or cls", o.pool)
	}
	return nil
}

func (o *options) run(ctx context.Context, images []string) error {
	session, err := o.session.Config()
	if err != nil {
		return cli.UsageUnless(inference.ErrDevice, err)
	}
	if o.width, o.height, err = cli.ParseSides(o.size); err != nil {
		return err
	}
	if o.listLayers {
		return o.printLayers(session)
	}
	if err := o.validate(images); err != nil {
		return err
	}
	labeler, err := cli.ParseLabels(o.labels)
	if err != nil {
		return err
	}
	if err := o.watch.begin(); err != nil {
		return err
	}
	defer o.watch.end()
	listing, err := o.list(ctx, images, labeler)
	if err != nil {
		return err
	}
	if o.dryRun {
		return o.foretell(ctx, listing, session)
	}
	group, err := o.openGroup(session)
	if err != nil {
		return err
	}
	err = o.extract(ctx, listing, group)
	err = machineFailed(o.dir, err) // of the directory that extract has found or made
	if ctx.Err() == nil {           // else a batch may still be computed, which closing would wait for
		_ = group.Close() // the process ends here
	}
	return err
}

// beginOutput makes the directory that is written to: --out itself, or one whose files go to the
// URL, with what there is to go on with.
func (o *options) beginOutput(ctx context.Context) (output *remote.Output, err error) {
	if !objects.IsURL(o.out) {
		o.dir, err = objects.LocalPath(o.out)
		return nil, err
	}
	output, err = extraction.CreateOutput(ctx, o.out, remote.Options{Resume: o.resume, Overwrite: o.overwrite, Staging: o.staging})
	if err == nil {
		o.dir = output.Dir
	}
	return output, err
}

// place names the dataset to people: a URL without its parameters.
func (o *options) place() string {
	place, _, _ := strings.Cut(o.out, "?")
	if !objects.IsURL(o.out) {
		return o.out
	}
	return place
}

// remedied adds to an error what may be done about it.
func (o *options) remedied(err error) error {
	switch {
	case errors.Is(err, featurestore.ErrExists):
		return fmt.Errorf("%w: --resume goes on with it, --overwrite replaces it", err)
	case errors.Is(err, featurestore.ErrLabels):
		return fmt.Errorf("%w: resume with the --labels that the dataset was made with, or make it anew with --overwrite", err)
	case errors.Is(err, featurestore.ErrLocked):
		return fmt.Errorf("%w: wait for its end, or give another --out", err)
	}
	return err
}

// openGroup opens the model on all devices for the layers asked for. The caller closes it.
func (o *options) openGroup(session inference.SessionConfig) (*inference.Group, error) {
	group, err := models.OpenGroup(o.model, o.modelOptions(session),
		inference.ExtractorOptions{Layers: o.layers, Pool: o.pool, Batch: o.session.Batch}, picture.Views(o.views).Count())
	if errors.Is(err, inference.ErrUnknownLayer) {
		err = fmt.Errorf("%w; see --list-layers%s", err, o.denseHint())
	}
	if err != nil {
		return nil, cli.UsageWhen(err, models.ErrSize, models.ErrNotDense, models.ErrUnstated, inference.ErrUnknownLayer)
	}
	if err := o.checkSides(group.First()); err != nil {
		return nil, errors.Join(err, group.Close())
	}
	o.noteSize(group.First())
	return group, nil
}

// checkSides refuses scales of dense views at which a layer has nothing to see.
func (o *options) checkSides(extractor *inference.Extractor) error {
	if !o.dense() {
		return nil
	}
	sides, err := picture.Views(o.views).Sides()
	if err == nil && slices.Min(sides) < extractor.Least() {
		err = cli.Usagef("--views %s: the layers %s need images of %d pixels or more", o.views, strings.Join(o.layers, ", "), extractor.Least())
	}
	return err
}

// pictures is the number of pictures in a batch.
func (o *options) pictures(group *inference.Group) int {
	if o.dense() {
		return 1
	}
	return max(1, group.BatchSize()/picture.Views(o.views).Count())
}

// modelOptions say how the model is opened.
func (o *options) modelOptions(session inference.SessionConfig) models.Options {
	return models.Options{Session: session, Preprocessing: o.preprocessing, Convolutions: o.convolutions, InputHeight: o.height, InputWidth: o.width, Dense: o.dense()}
}

func (o *options) dense() bool { return picture.Views(o.views).IsDense() }

func (o *options) storedType() featurestore.DType { return featurestore.DType(o.dtype) }

// denseHint tells where layers come from that the network has, but the weights at hand have
// not.
func (o *options) denseHint() string {
	c, err := vgg.ByName(o.model)
	if err != nil {
		return ""
	}
	for _, l := range c.Layers(true) {
		if l.Kind == vgg.KindDense && slices.ContainsFunc(o.layers, func(name string) bool { return name == l.Name || slices.Contains(l.Aliases, name) }) {
			return fmt.Sprintf("; the dense layers of %s do not ship: extract model fetch %s (0.5 GB) or extract model import %s FILE adds them", c.Name, c.Name, c.Name)
		}
	}
	return ""
}

func (o *options) open(session inference.SessionConfig) (*inference.Model, error) {
	return models.Open(o.model, o.modelOptions(session))
}

// noteSize says what was chosen of a model that leaves it open, and that a model computes
// pictures one by one.
func (o *options) noteSize(extractor *inference.Extractor) {
	model := extractor.Model()
	if model.SizeChosen && o.size == "" && !o.dense() {
		logrus.Infof("%s takes images of any size: taking %dx%d; --size says otherwise", o.model, model.InputWidth, model.InputHeight)
	}
	if model.MaxBatch == 1 {
		logrus.Infof("%s is given one image at a time: its graph takes no more, or mixes the images of a batch", o.model)
	}
}

// recipe is what decides the values of the features.
func (o *options) recipe(extractor *inference.Extractor) recipe.Recipe {
	r := extractor.Model().Recipe()
	r.Resize, r.Interpolation, r.Background, r.Pool = o.resize, o.interpolation, o.background, o.pool
	if o.views != string(picture.Center) {
		r.Views = string(picture.Views(o.views).Canonical())
	}
	if o.dense() {
		r.Resize, r.Pool = recipe.ResizeDense, recipe.PoolAverage
	}
	r.Layers = extractor.Layers()
	return r
}

func (o *options) extract(ctx context.Context, listing pipeline.Listing, group *inference.Group) (err error) {
	r := o.recipe(group.First())
	config, err := pipeline.ConfigFor(r)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	config.Workers, config.Picture.MaxPixels, config.Dense.MaxPixels, config.Monitor = o.workers, o.maxPixels, o.maxPixels, &o.watch.metrics.Monitor
	config.Grace = grace
	info := featurestore.Info{Recipe: r, DType: o.storedType(), ToolVersion: cli.Version(), Device: group.Device()}
	output, err := o.beginOutput(ctx)
	if err != nil {
		return o.remedied(err)
	}
	defer func() { err = errors.Join(err, output.Abandon(ctx)) }()
	ctx, release := output.Context(ctx)
	defer release()
	writer, err := o.create(ctx, listing, info, featurestore.Options{
		Format: featurestore.Format(o.format), TensorExtension: o.tensorExtension, Resume: o.resume, Overwrite: o.overwrite,
		ShardRows: o.files.rows, ShardBytes: o.files.bytes, Written: output.Written,
	})
	if err != nil {
		return o.remedied(err)
	}
	sink := &datasetSink{writer: writer}
	// The size of a batch decides about the last bits of features. So that resumed datasets
	// are the same as others, the first picture is computed by itself in those without rows.
	if sink.rows() == 0 && o.pictures(group) > 1 {
		config.First, err = inference.NewExtractor(group.First().Model(), inference.ExtractorOptions{Layers: o.layers, Pool: o.pool, Batch: picture.Views(o.views).Count()})
		if err != nil {
			return errors.Join(err, writer.Abort())
		}
	}
	items := sink.remaining(listing.Items)
	for _, failure := range listing.Failures {
		if err := sink.Fail(failure); err != nil {
			return errors.Join(err, writer.Abort())
		}
	}
	o.watch.opened(len(items), sink.present, o.pictures(group))
	logrus.WithFields(logrus.Fields{
		"model": r.Model, "layers": strings.Join(o.layers, ","), "device": info.Device,
		"precision": r.Precision, "library": r.Library, "convolutions": group.First().Model().Convolutions.String(),
	}).Infof("extracting features of %d images", len(items))

	stats, runErr := o.runPipeline(ctx, items, group, sink, config)
	if runErr == nil && sink.present == 0 {
		runErr = stats.Check()
	}
	if err := sink.finish(runErr); err != nil {
		return errors.Join(runErr, err)
	}
	if err := o.bringAway(ctx, output, runErr); err != nil {
		return errors.Join(runErr, err)
	}
	o.summarize(stats, sink, listing.Others, runErr)
	if runErr != nil {
		return runErr
	}
	if failures := sink.failures(); failures > 0 {
		if rate := float64(failures) / float64(failures+sink.rows()); rate > o.maxErrorRate {
			return fmt.Errorf("%d of %d images could not be read, a share of %.3g; --max-error-rate allows %g: see %s/%s, and --resume --retry-failed", failures, failures+sink.rows(), rate, o.maxErrorRate, o.place(), featurestore.FailuresFile)
		}
		return fmt.Errorf("%w: %d", cli.ErrPartly, failures)
	}
	return nil
}

// bringAway has the rest of a closed dataset brought to its URL.
func (o *options) bringAway(ctx context.Context, output *remote.Output, runErr error) error {
	if output == nil {
		return nil
	}
	d, err := featurestore.Open(o.dir)
	if err != nil || d.Manifest().Status == featurestore.StatusWriting { // it was given up
		return nil
	}
	if errors.Is(runErr, featurestore.ErrLocked) { // nothing may be brought any more
		return nil
	}
	if runErr != nil {
		logrus.Infof("bringing what is finished to %s", output)
	}
	return output.Finish(ctx)
}

// grace is how long an interrupted run waits for the batch under way. What is left of the three
// seconds in which it is to end is for the writing of what is finished.
const grace = 1500 * time.Millisecond

func (o *options) runPipeline(ctx context.Context, items []pipeline.Item, group *inference.Group, sink pipeline.Sink, config pipeline.Config) (pipeline.Stats, error) {
	if len(items) == 0 {
		return pipeline.Stats{}, nil
	}
	progress := o.log.NewProgress("extracting", len(items))
	defer progress.Done()
	config.Progress = progress.Update
	return pipeline.Run(ctx, items, group, sink, config)
}

func (o *options) printLayers(session inference.SessionConfig) error {
	o.convolutions = models.Direct // nothing will be computed that were worth to prepare for
	model, err := o.open(session)
	if err != nil {
		return err
	}
	defer model.Close() //nolint:errcheck // the process ends here
	table := newTable(os.Stdout)
	fmt.Fprintln(table, "LAYER\tSHAPE\tVALUES\tALSO NAMED")
	for _, l := range model.Layers {
		values := 1
		for _, d := range l.Shape {
			values *= d
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", l.Name, dimensions(l.Shape), values, shortest(l.Aliases))
	}
	return table.Flush()
}
