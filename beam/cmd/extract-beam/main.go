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

	"fovea/app/cli"
	"fovea/beam/flow"
	"fovea/featurestore"
	"fovea/inference"
	"fovea/models"
	"fovea/picture"
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

Images are cut into tasks of --task-rows. A task that failed is repeated by the engine;
when the whole job failed, running the same command again goes on with what is missing.
Beam's own flags (below, with underscores) are passed on to the engine.`

const example = `  extract-beam --out /data/features --pool avg /data/photos
  extract-beam --out /data/features --runner flink --endpoint localhost:8099 --parallelism 16 \
      --environment_type PROCESS --environment_config '{"command":"/opt/fovea/bin/extract-beam"}' /data/photos`

type options struct {
	job       flow.Job
	log       cli.LogOptions
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
	j := &o.job
	f := command.Flags()
	f.SortFlags = false
	f.StringVar(&j.Out, "out", "", "the directory `DIR` of the dataset (required)")
	f.StringVar(&j.Model, "model", models.Default, "the model, as extract has it")
	cli.PreprocessingVar(f, &j.Preprocessing, "`HOW` pixels become numbers: a name such as caffe, torch, tf or none, KEY=VALUE pairs or a .json file (default: the model's own)")
	f.StringVar(&j.Convolutions, "convolutions", models.Automatic, "`HOW` convolutions are computed: auto or direct")
	f.StringSliceVar(&j.Layers, "layers", []string{"pool5"}, "comma-separated `LIST` of layers, one column each")
	f.StringVar(&j.Pool, "pool", recipe.PoolNone, "pooling, none|avg|max|cls (`HOW`), of convolutional layers over their positions and of tokens")
	f.StringVar(&j.Labels, "labels", "none", "`SOURCE` of labels: none, prefix, dir or csv:FILE")
	f.StringVar(&o.size, "size", "", cli.SidesHelp)
	f.StringVar(&j.Resize, "resize", "squash", "`HOW` images become the model's size: squash or crop")
	f.StringVar(&j.Interpolation, "interpolation", "bilinear", "resampling `FILTER`: bilinear, bicubic, lanczos or nearest")
	f.StringVar(&j.Background, "background", "", "`COLOUR` that shows through transparent pixels: white, black or #rrggbb (default: alpha is dropped)")
	f.StringVar(&j.Views, "views", string(picture.Center), "`VIEWS` of an image whose features are averaged: center, flip or tencrop")
	f.StringVar(&j.Precision, "precision", string(inference.Float32), "`ARITHMETIC`: float32, bfloat16 (CPUs), tf32 or float16 (GPUs)")
	f.StringVar(&j.Device, "device", inference.DeviceAuto, cli.DeviceHelp)
	f.IntVar(&j.Batch, "batch", 0, cli.BatchHelp)
	f.Float64Var(&j.GPUMemoryFraction, "gpu-memory-fraction", 0, cli.MemoryHelp)
	f.IntVar(&j.TaskRows, "task-rows", flow.DefaultTaskRows, "`N` images are a task, and a shard")
	f.StringArrayVar(&j.Select.Include, "include", nil, "take only images that match `PATTERN` (may be repeated)")
	f.StringArrayVar(&j.Select.Exclude, "exclude", nil, "leave out images that match `PATTERN` (may be repeated)")
	f.StringVar(&j.DType, "dtype", string(featurestore.Float32), "`TYPE` of the stored numbers: float32 or float16")
	f.StringVar(&j.Format, "format", string(featurestore.FormatParquet), "`FORMAT` of the files: parquet or arrow")
	f.IntVar(&o.attempts, "attempts", 2, "the job is submitted up to `N` times, for engines that do not repeat what failed")
	f.DurationVar(&o.stall, "stall-timeout", 0, "an attempt ends when no task was finished for `DURATION`, longer than a task and the engine's start take (0: never)")
	f.BoolVar(&o.overwrite, "overwrite", false, "replace the dataset in --out")
	f.AddGoFlagSet(flag.CommandLine) // Beam's
	return command
}

func (o *options) prepare(images []string) error {
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
	var err error
	if o.job.InputWidth, o.job.InputHeight, err = cli.ParseSides(o.size); err != nil {
		return err
	}
	background, err := picture.ParseBackground(o.job.Background)
	if err != nil {
		return cli.Usagef("--background: %w", err)
	}
	o.job.Background = string(background)
	for _, name := range images {
		if name, err = filepath.Abs(name); err != nil {
			return err
		}
		o.job.Images = append(o.job.Images, name)
	}
	if o.job.Out, err = filepath.Abs(o.job.Out); err != nil {
		return err
	}
	o.job.ToolVersion = cli.Version()
	if err := o.job.Validate(); err != nil {
		return cli.UsageUnless(inference.ErrDevice, err)
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
	var err error
	if *jobopts.WorkerBinary == "" {
		// What workers get is this program. Beam would build it anew, without C.
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
			logrus.Warnf("the job failed: %v: submitting it again; what is finished is kept", err)
		}
	}
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fmt.Errorf("%w; the same command goes on with what is missing", err)
	}
	return o.finish(final)
}

// finish cleans up and says what there is.
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
	logrus.Infof("%d rows in %d shards: the dataset is in %s", d.Rows(), len(d.Shards()), final)
	if failures := d.Manifest().Failures; failures > 0 {
		logrus.Warnf("%d images could not be read: see %s/%s", failures, final, featurestore.FailuresFile)
		return fmt.Errorf("%w: %d", cli.ErrPartly, failures)
	}
	return nil
}
