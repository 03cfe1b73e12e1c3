package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fovea/app/cli"
	"fovea/finetuning"
	"fovea/head"
	"fovea/inference"
	"fovea/inputs"
	"fovea/picture"
	"fovea/pipeline"
	"fovea/preprocessing"
	"fovea/recipe"
	"fovea/training"
	"fovea/vgg"
)

// scratchOptions say what is trained from random weights, and on what.
type scratchOptions struct {
	log         *cli.LogOptions
	images      []string
	labels      string
	out         string
	config      string
	size, units int
	optimizer   string
	training    training.Options
	initializer string
	augment     string
	preprocess  preprocessing.Spec
	resize      string
	fraction    float64
	ownFraction bool
	sample      int
	seed        uint64
	epochs      int
	session     cli.SessionFlags
	// for scratch alone
	resume, overwrite bool
}

func newScratch(log *cli.LogOptions) *cobra.Command {
	o := scratchOptions{log: log}
	command := &cobra.Command{
		Use:   "scratch --images DIR --out DIR [flags]",
		Short: "Train a VGG from random weights",
		Long: `Scratch trains one of the paper's configurations from random weights, on images, by
stochastic gradient descent or Adam, and measures it after each epoch on a part of the
images that is kept out. It needs far more images and time than a head on frozen finetuning.Features:
see finetune compare.

The directory --out gets metrics.csv and metrics.jsonl (a row for each epoch), errors.csv (the
images that could not be read), checkpoint/ (after each epoch, and at Ctrl-C), and in the
end model/, a SavedModel that extract --model takes, and head.json, with which
finetune predict --head OUT/head.json --model OUT/model tells the classes of new images.`,
		Example: "  finetune scratch --images photos/ --labels dir --config vgg-a --size 64 --out scratch",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.ownFraction = c.Flags().Changed("validation-fraction")
			return o.run(c.Context())
		},
	}
	f := command.Flags()
	f.SortFlags = false
	o.flags(f)
	f.IntVar(&o.epochs, "epochs", 10, "passes over the images")
	f.BoolVar(&o.resume, "resume", false, "go on from the checkpoint in --out")
	f.BoolVar(&o.overwrite, "overwrite", false, "replace what an earlier training has left in --out")
	return command
}

// flags are those that compare has, too.
func (o *scratchOptions) flags(f *pflag.FlagSet) {
	f.StringArrayVar(&o.images, "images", nil, "a `DIR` (or file) of images; may be given several times (required)")
	f.StringVar(&o.labels, "labels", "prefix", "prefix (of the file name, to its first dot), dir or csv:FILE")
	cli.PathVar(f, &o.out, "out", "", "the `DIR` for all results (required)")
	f.StringVar(&o.config, "config", "vgg16", "the configuration: vgg-a, vgg-a-lrn, vgg-b, vgg-c, vgg16 or vgg19")
	f.IntVar(&o.size, "size", 64, "height and width of the images, 32 to 224")
	f.IntVar(&o.units, "units", 4096, "units of fc6 and of fc7")
	f.IntVar(&o.session.Batch, "batch", training.DefaultBatch, "images in a step")
	f.StringVar(&o.optimizer, "optimizer", string(training.SGD), "sgd or adam")
	f.Float64Var(&o.training.LearningRate, "learning-rate", 0, "learning rate (default: 0.001 of sgd, 0.0001 of adam)")
	f.Float64Var(&o.training.Momentum, "momentum", 0.9, "momentum of sgd")
	f.Float64Var(&o.training.Dropout, "dropout", 0.5, "part of the outputs of fc6 and fc7 left out of each step")
	f.Float64Var(&o.training.WeightDecay, "weight-decay", 0, "strength of the penalty on kernels (5e-4 in the paper)")
	f.StringVar(&o.initializer, "initializer", string(training.GlorotUniform), "of the kernels: glorot (uniform, Keras's default) or he (uniform)")
	f.StringVar(&o.augment, "augment", "none", "changes of the training images by chance: flip, shift, zoom, or several with commas")
	o.preprocess = preprocessing.Caffe
	cli.PreprocessingVar(f, &o.preprocess, "of the pixels: `HOW`, a name such as torch, KEY=VALUE pairs or a .json file")
	f.StringVar(&o.resize, "resize", string(picture.Squash), "squash or crop")
	f.Float64Var(&o.fraction, "validation-fraction", 0.2, "part of the images kept out to measure, 0 for none")
	f.IntVar(&o.sample, "sample", 0, "only `N` of the images, chosen by --seed (default: all)")
	f.Uint64Var(&o.seed, "seed", 1, "seed of the weights, the split, the order, dropout and augmentation")
	f.StringVar(&o.session.Device, "device", inference.DeviceAuto, "auto, cpu or gpu:N")
}

// plan is what the flags ask for, checked.
type plan struct {
	configuration vgg.Configuration
	augment       picture.Augmentation
	labels        pipeline.Labeler
	session       inference.SessionConfig
}

func (o *scratchOptions) plan() (plan, error) {
	var p plan
	switch {
	case len(o.images) == 0:
		return p, cli.Usagef("--images DIR is required")
	case o.out == "":
		return p, cli.Usagef("--out DIR is required")
	case o.size < vgg.MinInputSize || o.size > vgg.InputSize:
		return p, cli.Usagef("--size %d: use %d to %d: five poolings halve it, and the paper's images have %d", o.size, vgg.MinInputSize, vgg.InputSize, vgg.InputSize)
	case o.units < 1 || o.units > 1<<16:
		return p, cli.Usagef("--units %d: use 1 to %d", o.units, 1<<16)
	case o.epochs < 1:
		return p, cli.Usagef("--epochs %d: use a positive number", o.epochs)
	case !(o.fraction >= 0 && o.fraction < 1):
		return p, cli.Usagef("--validation-fraction %g: use 0, or a fraction below 1", o.fraction)
	case o.sample < 0:
		return p, cli.Usagef("--sample %d: use a positive number", o.sample)
	case o.labels == "" || o.labels == "none":
		return p, cli.Usagef("--labels %s: training needs labels: use prefix, dir or csv:FILE", o.labels)
	case o.resume && o.overwrite:
		return p, cli.Usagef("--resume and --overwrite exclude each other")
	}
	o.training.Optimizer, o.training.Seed = training.Optimizer(o.optimizer), o.seed
	if o.training.Optimizer == training.Adam {
		o.training.Momentum = 0
	}
	if err := o.training.Validate(); err != nil {
		return p, cli.UsageError{Err: err}
	}
	if i := training.Initializer(o.initializer); i != training.GlorotUniform && i != training.HeUniform {
		return p, cli.Usagef("unknown --initializer %q: use glorot or he", o.initializer)
	}
	var err error
	if p.configuration, err = vgg.ByName(o.config); err != nil {
		return p, cli.UsageError{Err: err}
	}
	if p.augment, err = picture.ParseAugmentation(o.augment); err != nil {
		return p, cli.UsageError{Err: err}
	}
	if p.labels, err = cli.ParseLabels(o.labels); err != nil {
		return p, err
	}
	if _, err := pipeline.ConfigFor(o.recipe()); err != nil {
		return p, cli.UsageError{Err: err}
	}
	if p.session, err = o.session.Config(); err != nil {
		return p, cli.UsageUnless(inference.ErrDevice, err)
	}
	return p, nil
}

// recipe is the way of a picture to the network.
func (o *scratchOptions) recipe() recipe.Recipe {
	return recipe.Recipe{
		Model: o.config, Preprocessing: o.preprocess, Resize: o.resize, Interpolation: string(picture.Bilinear),
		InputHeight: o.size, InputWidth: o.size,
	}
}

// load lists and decodes the pictures and writes down those that cannot be read.
func (o *scratchOptions) load(ctx context.Context, p plan) (*trainingPictures, finetuning.Split, error) {
	images, err := cli.LocalPaths(o.images)
	if err != nil {
		return nil, finetuning.Split{}, err
	}
	listing, err := inputs.Finder().List(ctx, images, p.labels)
	inputs.TellOthers(listing.Others)
	if err != nil {
		return nil, finetuning.Split{}, err
	}
	inputs.TellDoubts(listing)
	unlabelled := len(listing.Items)
	listing.Items = slices.DeleteFunc(listing.Items, func(i pipeline.Item) bool { return i.Label == "" })
	if unlabelled -= len(listing.Items); unlabelled > 0 {
		logrus.Warnf("%d images have no label and are left out", unlabelled)
	}
	listing.Items = pipeline.Sample(listing.Items, o.sample, o.seed)
	if len(listing.Items) == 0 {
		return nil, finetuning.Split{}, fmt.Errorf("not one image has a label: name them by --labels prefix, dir or csv:FILE")
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return nil, finetuning.Split{}, fmt.Errorf("make the directory for the results: %w", err)
	}
	pictures, err := decodePictures(ctx, o.log, listing, o.recipe(), o.out)
	if err != nil {
		return nil, finetuning.Split{}, err
	}
	if err := pictures.writeFailures(filepath.Join(o.out, "errors.csv")); err != nil {
		return nil, finetuning.Split{}, errors.Join(err, pictures.records.Close())
	}
	split, err := pictures.split(o.fraction, o.ownFraction, o.seed)
	if err != nil {
		return nil, finetuning.Split{}, errors.Join(err, pictures.records.Close())
	}
	return pictures, split, nil
}

// identity is what must be the same for a training to go on.
func (o *scratchOptions) identity(t *training.Trainer, pictures *trainingPictures) map[string]string {
	options := t.Options()
	return map[string]string{
		"configuration": t.Network().Name, "size": strconv.Itoa(o.size), "units": strconv.Itoa(o.units),
		"classes": joinClasses(pictures.classes), "pictures": pictures.fingerprint(),
		"optimizer": string(options.Optimizer), "learning rate": fmt.Sprint(options.LearningRate),
		"momentum": fmt.Sprint(options.Momentum), "dropout": fmt.Sprint(options.Dropout),
		"weight decay": fmt.Sprint(options.WeightDecay), "batch": strconv.Itoa(o.session.Batch),
		"initializer": o.initializer, "augment": o.augment, "preprocessing": o.preprocess.String(), "resize": o.resize,
		"validation fraction": fmt.Sprint(o.fraction), "seed": strconv.FormatUint(o.seed, 10),
	}
}

func (o *scratchOptions) dimensions(classes int) vgg.Dimensions {
	return vgg.Dimensions{InputSize: o.size, Units: o.units, Classes: classes}
}

// trainer has random weights.
func (o *scratchOptions) trainer(p plan, classes int) (*training.Trainer, error) {
	network, err := training.VGG(p.configuration, o.dimensions(classes))
	if err != nil {
		return nil, err
	}
	t, err := training.New(network, o.training, p.session)
	if err != nil {
		return nil, err
	}
	set, err := network.Initial(training.Initializer(o.initializer), o.seed)
	if err == nil {
		err = t.Assign(set)
	}
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

func (o *scratchOptions) run(ctx context.Context) error {
	p, err := o.plan()
	if err != nil {
		return err
	}
	checkpoints := filepath.Join(o.out, "checkpoint")
	var state training.State
	if state, err = o.begin(checkpoints); err != nil {
		return err
	}
	pictures, split, err := o.load(ctx, p)
	if err != nil {
		return err
	}
	defer pictures.records.Close() //nolint:errcheck // a temporary file
	t, err := o.trainer(p, len(pictures.classes))
	if err != nil {
		return err
	}
	defer t.Close() //nolint:errcheck // the process ends here
	identity := o.identity(t, pictures)
	if state.Identity != nil {
		if err := state.Check(identity); err != nil {
			return err
		}
		if err := t.Restore(checkpoints, state); err != nil {
			return err
		}
		logrus.Infof("going on after %d epochs and %d batches", state.Epoch, state.Batches)
	}
	logrus.Infof("training %s of %dx%d pixels on %d images (%s), %d kept out, on %s", p.configuration.Name, o.size, o.size, len(split.Train), joinClasses(pictures.classes), len(split.Test), t.Device())
	options := training.FitOptions{
		Epochs: o.epochs, Batch: o.session.Batch, Seed: o.seed, Progress: logEpoch, Batches: batchLogger(),
		Checkpoint: func(s training.State) error {
			s.Identity = identity
			return errors.Join(t.Save(checkpoints, s), finetuning.WriteHistory(o.out, s.History))
		},
	}
	normalization := o.preprocess
	var validation *training.Examples
	if len(split.Test) > 0 {
		validation = pictures.examples(split.Test, o.size, normalization, picture.Augmentation{})
	}
	result, err := training.Fit(ctx, t, pictures.examples(split.Train, o.size, normalization, p.augment), validation, options, state)
	if err != nil {
		var interruption cli.Interruption
		if errors.As(err, &interruption) {
			logrus.Infof("interrupted; the same command with --resume goes on")
		}
		return err
	}
	if err := o.finish(t, p, pictures, validation, len(split.Train)); err != nil {
		return err
	}
	printHistory(os.Stdout, result.State.History)
	fmt.Printf("\nmodel  %s\nhead   %s\n", filepath.Join(o.out, finetuning.ModelDir), filepath.Join(o.out, finetuning.HeadFile))
	if len(pictures.failures) > 0 {
		logrus.Warnf("%d images could not be read: see %s", len(pictures.failures), filepath.Join(o.out, "errors.csv"))
		return cli.ErrPartly
	}
	return nil
}

// begin looks at what is in the directory for the results.
func (o *scratchOptions) begin(checkpoints string) (training.State, error) {
	state, err := training.ReadState(checkpoints)
	switch {
	case o.overwrite:
		// What is there stays until this training has something to replace it by: its first
		// checkpoint, and at the end the model and the head.
		return training.State{}, nil
	case errors.Is(err, training.ErrNoCheckpoint):
		if o.resume {
			logrus.Infof("there is no checkpoint in %s yet: beginning", o.out)
		}
		return training.State{}, nil
	case err != nil:
		return state, err
	case !o.resume:
		return state, fmt.Errorf("%s holds a training of %d epochs: go on with --resume, or replace it with --overwrite", o.out, state.Epoch)
	}
	if state.Epoch > o.epochs {
		return state, fmt.Errorf("the training in %s has had %d epochs, more than --epochs %d", o.out, state.Epoch, o.epochs)
	}
	return state, nil
}

// logEpoch says how an epoch went.
func logEpoch(e training.Epoch) {
	line := fmt.Sprintf("epoch %d: loss %.4f, accuracy %.2f %%", e.Epoch, e.Loss, 100*e.Accuracy)
	if e.ValidationLoss != nil {
		line += fmt.Sprintf("; validation: loss %.4f, accuracy %.2f %%", *e.ValidationLoss, 100**e.ValidationAccuracy)
	}
	logrus.Infof("%s; %.1f s", line, e.Seconds)
}

// batchInterval is the time between two lines about batches.
const batchInterval = 10 * time.Second

// batchLogger says now and then how far an epoch is.
func batchLogger() func(epoch, done, of int, m training.Measure) {
	last := time.Now()
	return func(epoch, done, of int, m training.Measure) {
		if time.Since(last) < batchInterval || done == of {
			return
		}
		last = time.Now()
		logrus.Infof("epoch %d: %d of %d batches, loss %.4f", epoch, done, of, m.MeanLoss())
	}
}

func printHistory(out io.Writer, history []training.Epoch) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "epoch\tloss\taccuracy\tvalidation loss\tvalidation accuracy\tseconds\t")
	for _, e := range history {
		loss, accuracy := "-", "-"
		if e.ValidationLoss != nil {
			loss, accuracy = fmt.Sprintf("%.4f", *e.ValidationLoss), fmt.Sprintf("%.2f %%", 100**e.ValidationAccuracy)
		}
		fmt.Fprintf(w, "%d\t%.4f\t%.2f %%\t%s\t%s\t%.1f\t\n", e.Epoch, e.Loss, 100*e.Accuracy, loss, accuracy, e.Seconds)
	}
	_ = w.Flush() // to a terminal or a pipe
}

// finish exports what was trained: the model, and its last layer as a head.
func (o *scratchOptions) finish(t *training.Trainer, p plan, pictures *trainingPictures, validation *training.Examples, trainedOn int) error {
	set, err := t.Weights()
	if err != nil {
		return err
	}
	set = o.dimensions(len(pictures.classes)).Note(set)
	set.Metadata[vgg.PreprocessingKey] = o.preprocess.String()
	h, err := finetuning.HeadOfDense(set, "fc8", pictures.classes)
	if err != nil {
		return err
	}
	settings := maps.Clone(o.identity(t, pictures))
	delete(settings, "pictures")
	h.Notes = head.Notes{ToolVersion: cli.Version(), Seed: o.seed, TrainedOn: trainedOn, Settings: settings}
	if validation != nil {
		metrics, err := finetuning.EvaluateNetwork(t, validation, pictures.labels, pictures.classes)
		if err != nil {
			return err
		}
		h.Notes.HeldOut = &metrics
	}
	return finetuning.ReplaceModel(o.out, h, func(dir string) error {
		if err := vgg.Export(p.configuration, set, dir); err != nil {
			return err
		}
		return finetuning.DescribeHead(h, dir, "fc7", recipe.PoolNone, o.recipe())
	})
}
