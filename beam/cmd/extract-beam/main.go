// Command extract-beam extracts features on an engine that Apache Beam can drive.
//
// Usage:
//
//	extract-beam --out DIR [flags] IMAGES...
//
// It is a command of its own because Beam brings hundreds of modules; extract, which works
// on one machine, does without them. Run it with --help for its flags.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"
	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fovea/app/cli"
	"fovea/beam/flow"
	"fovea/featurestore"
	"fovea/inference"
	"fovea/internal/text"
	"fovea/models"
	"fovea/picture"
	"fovea/pipeline"
	"fovea/recipe"
)

func main() {
	arguments := os.Args[1:]
	switch {
	case startedByEngine(arguments):
		if err := boot(arguments); err != nil {
			fmt.Fprintln(os.Stderr, "extract-beam: worker:", err)
			os.Exit(cli.ExitFailed)
		}
	case slices.Contains(arguments, "--worker=true"):
		flag.Parse()
		beam.Init() // works until the engine is done, and ends the process
	default:
		os.Exit(cli.Run(newCommand(), arguments))
	}
}

const long = `Extract-beam extracts features as extract does, on an engine that Apache Beam drives: prism,
in this process (the default), or a server of it or of Flink by --endpoint, or Dataflow. All
machines must see IMAGES and --out under the same names.

Images are cut into tasks of --task-rows. The engine repeats a task that failed; if the whole
job failed, running the same command again continues with what is missing. Beam's own flags
(below, with underscores) are passed on to the engine.`

const example = `  extract-beam --out /data/features --pool avg /data/photos
  extract-beam --out /data/features --runner flink --endpoint localhost:8099 --parallelism 16 \
      --environment_type PROCESS --environment_config '{"command":"/opt/fovea/bin/extract-beam"}' /data/photos`

type options struct {
	job       flow.Job
	log       cli.LogOptions
	session   cli.SessionFlags
	attempts  int
	stall     time.Duration
	size      string
	overwrite bool
}

func newCommand() *cobra.Command {
	o := options{}
	command := &cobra.Command{
		Use:     "extract-beam --out DIR [flags] IMAGES...",
		Short:   "Extract features of images on many machines",
		Long:    long,
		Example: example,
		Version: cli.Version(),
		Args:    cobra.ArbitraryArgs,
		RunE:    func(command *cobra.Command, images []string) error { return o.run(command.Context(), images) },
	}
	o.log.AddFlags(command)
	o.addFlags(command.Flags())
	return command
}

func (o *options) addFlags(f *pflag.FlagSet) {
	cli.FormerNames(f, map[string]string{"layer": "layers"})
	j, n := &o.job, &o.job.Features
	f.SortFlags = false
	f.StringVar(&j.Out, "out", "", "the directory `DIR` of the dataset (required)")
	f.StringVar(&n.Model, "model", models.Default, "the model, as extract has it")
	cli.TrustVar(f, &n.Trust)
	cli.PreprocessingVar(f, &n.Preprocessing, "`HOW` to normalize pixels: a name such as caffe, torch, tf or none, KEY=VALUE pairs or a .json file (default: the model's own)")
	f.StringVar(&n.Convolutions, "convolutions", models.Automatic, "`HOW` to compute convolutions: auto or direct")
	f.StringSliceVar(&n.Layers, "layers", []string{"pool5"}, "comma-separated `LIST` of layers, one column each")
	f.StringVar(&n.Pool, "pool", recipe.PoolNone, "`HOW` to pool convolutional layers over positions, and transformers over tokens: none, avg, max, cls, gem:P, rmac, spp:1,2,4 or gram")
	f.StringVar(&j.Labels, "labels", "none", "`SOURCE` of labels: none, prefix, dir or csv:FILE")
	f.StringVar(&o.size, "size", "", cli.SidesHelp)
	f.StringVar((*string)(&n.Resize), "resize", string(picture.Squash), "`HOW` to resize images: squash or crop")
	f.StringVar((*string)(&n.Interpolation), "interpolation", string(picture.Bilinear), "resampling `FILTER`: bilinear, bicubic, lanczos or nearest")
	f.StringVar((*string)(&n.Background), "background", "", "background `COLOUR` of transparent pixels: white, black or #rrggbb (default: alpha is dropped)")
	f.StringVar((*string)(&n.Range), "range", string(picture.RangeAuto), "`RANGE` of samples of more than 8 bits that becomes 0 to 255: "+picture.RangeHelp)
	f.StringVar((*string)(&n.Views), "views", string(picture.Center), "`VIEWS` of an image to average features over: center, flip or tencrop")
	f.StringVar(&o.session.Precision, "precision", string(inference.Float32), "compute in `ARITHMETIC`: float32, bfloat16, int16 or int8 (CPUs), tf32 or float16 (GPUs)")
	f.StringVar(&o.session.Device, "device", inference.DeviceAuto, cli.DevicesHelp)
	cli.BatchVar(f, &o.session.Batch)
	f.Float64Var(&o.session.GPUMemoryFraction, "gpu-memory-fraction", 0, cli.MemoryHelp)
	o.addJobFlags(f)
	f.AddGoFlagSet(flag.CommandLine) // Beam's
}

func (o *options) addJobFlags(f *pflag.FlagSet) {
	j := &o.job
	f.IntVar(&j.TaskRows, "task-rows", flow.DefaultTaskRows, "cut the images into tasks of `N`, one shard each")
	f.StringArrayVar(&j.Select.Include, "include", nil, "read only images that match `PATTERN` (may be repeated)")
	f.StringArrayVar(&j.Select.Exclude, "exclude", nil, "leave out images that match `PATTERN` (may be repeated)")
	f.StringVar((*string)(&j.DType), "dtype", string(featurestore.Float32), "`TYPE` of the stored numbers: float32 or float16")
	f.StringVar((*string)(&j.Format), "format", string(featurestore.FormatParquet), "`FORMAT` of the files: parquet or arrow")
	f.IntVar(&o.attempts, "attempts", 2, "submit the job up to `N` times, for engines that do not repeat what failed")
	f.DurationVar(&o.stall, "stall-timeout", 0, "give up an attempt when no task finishes for `DURATION`, which must be longer than a task and the engine's start take (0: never)")
	f.BoolVar(&o.overwrite, "overwrite", false, "replace the dataset in --out")
}

// prepare turns flags and arguments into a job, and finds what is wrong with them before anything is submitted.
func (o *options) prepare(images []string) (err error) {
	switch {
	case o.job.Out == "":
		return cli.Usagef("--out DIR is required")
	case len(images) == 0:
		return cli.Usagef("no IMAGES given: name files or directories")
	case o.attempts < 1:
		return cli.Usagef("--attempts %d: use 1 or more", o.attempts)
	case o.stall < 0:
		return cli.Usagef("--stall-timeout %s: use 0 or more", o.stall)
	}
	err = cmp.Or(
		cli.OneOf("--dtype", o.job.DType, featurestore.Float32, featurestore.Float16),
		cli.OneOf("--format", o.job.Format, featurestore.FormatParquet, featurestore.FormatArrow),
	)
	if err != nil {
		return err
	}
	n := &o.job.Features
	n.Session = inference.SessionConfig{Device: o.session.Device, Precision: inference.Precision(o.session.Precision), GPUMemoryFraction: o.session.GPUMemoryFraction}
	n.Batch, o.job.ToolVersion = o.session.Batch, cli.Version()
	if n.Width, n.Height, err = cli.ParseSides(o.size); err != nil {
		return err
	}
	if n.Background, err = picture.ParseBackground(string(n.Background)); err != nil {
		return cli.Usagef("--background: %w", err)
	}
	if n.Range, err = picture.ParseRange(string(n.Range)); err != nil {
		return cli.Usagef("--range: %w", err)
	}
	if err := o.makeAbsolute(images); err != nil {
		return err
	}
	if err := o.job.Validate(); err != nil {
		return cli.UsageUnless(inference.ErrDevice, err)
	}
	return o.checkFiles()
}

// makeAbsolute makes names absolute, since workers have other working directories.
func (o *options) makeAbsolute(images []string) (err error) {
	o.job.Images = slices.Clone(images)
	for i, name := range images {
		if o.job.Images[i], err = filepath.Abs(name); err != nil {
			return err
		}
	}
	o.job.Out, err = filepath.Abs(o.job.Out)
	return err
}

// checkFiles looks at what all machines must see alike, since engines bury what a worker says in a trace of
// stages.
func (o *options) checkFiles() error {
	for _, name := range o.job.Images {
		if _, err := os.Stat(name); err != nil {
			return fmt.Errorf("cannot open the images: %w", err)
		}
	}
	if labeler, err := pipeline.ParseLabels(o.job.Labels); err != nil {
		return err
	} else if table, ok := labeler.(pipeline.CSVLabels); ok {
		if _, err := os.Stat(table.File); err != nil {
			return fmt.Errorf("cannot open the labels: %w", err)
		}
	}
	if _, err := featurestore.Open(o.job.Out); err == nil && !o.overwrite {
		return fmt.Errorf("%s %w: --overwrite replaces it", o.job.Out, featurestore.ErrExists)
	}
	return nil
}

func (o *options) run(ctx context.Context, images []string) error {
	if err := o.prepare(images); err != nil {
		return err
	}
	final := o.job.Out
	if o.overwrite {
		// The job makes a new dataset beside the old one, which stays until that is whole.
		o.job.Out = filepath.Join(filepath.Dir(final), "."+filepath.Base(final)+".beam")
	}
	beam.Init()
	routeLogs()
	var err error
	if *jobopts.WorkerBinary == "" {
		// Workers get this program. Beam would build another one, without cgo.
		if *jobopts.WorkerBinary, err = os.Executable(); err != nil {
			return err
		}
	}
	for attempt := range o.attempts {
		err = whileProgressing(ctx, o.job, o.stall, func(ctx context.Context) error {
			p := beam.NewPipeline()
			flow.Build(p, o.job)
			return beamx.Run(ctx, p)
		})
		if err == nil || ctx.Err() != nil {
			break
		}
		if attempt+1 < o.attempts {
			logrus.Warnf("the job failed: %v: submitting it again; finished tasks are kept", err)
		}
	}
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fmt.Errorf("%w; run the same command to continue with what is missing", err)
	}
	return o.finish(final)
}

// finish cleans up and reports what was made.
func (o *options) finish(final string) error {
	err := flow.Clean(o.job)
	if o.job.Out != final {
		err = errors.Join(err,
			featurestore.Assemble(context.Background(), final, []string{o.job.Out}, featurestore.AssembleOptions{Overwrite: true, ToolVersion: o.job.ToolVersion}),
			os.RemoveAll(o.job.Out))
	}
	if err != nil {
		return err
	}
	d, err := featurestore.Open(final)
	if err != nil {
		return err
	}
	logrus.Infof("%s in %s: the dataset is in %s", text.Plural(d.Rows(), "row"), text.Plural(len(d.Shards()), "shard"), final)
	if failures := d.Manifest().Failures; failures > 0 {
		logrus.Warnf("%s could not be read: see %s/%s", text.Plural(failures, "image"), final, featurestore.FailuresFile)
		return fmt.Errorf("%w: %d", cli.ErrPartly, failures)
	}
	return nil
}
