package main

import (
	"cmp"

	"github.com/spf13/pflag"

	"fovea/app/cli"
	"fovea/finetuning"
	"fovea/inference"
	"fovea/picture"
	"fovea/pipeline"
	"fovea/preprocessing"
	"fovea/training"
	"fovea/vgg"
)

// trainingFlags are the flags that scratch and compare have in common.
type trainingFlags struct {
	images  finetuning.ImageOptions
	network finetuning.NetworkOptions
	// labels, config and session are read into images and network by validate.
	labels, config, groupBy string
	session                 cli.SessionFlags

	out     string
	seed    uint64
	result  cli.ResultFlags
	changed func(flag string) bool
}

func (o *trainingFlags) add(f *pflag.FlagSet) {
	cli.FormerNames(f, map[string]string{"validation-fraction": "test-fraction", "rate": "learning-rate"})
	f.SortFlags = false
	o.changed = f.Changed
	n := &o.network
	f.StringArrayVar(&o.images.Paths, "images", nil, "a `DIR`, file, archive, table or URL of images (may be repeated; required)")
	f.StringVar(&o.labels, "labels", "prefix", "`SOURCE` of labels: prefix (of the file name, up to its first dot), dir (also: the labels in archives and tables) or csv:FILE")
	f.StringVar(&o.groupBy, "group-by", "none", "`SOURCE` of groups of images that no split separates: none, parent (the directory), patient (of DICOM files), labels (a column group of the table of --labels), csv:FILE or regexp:(EXPRESSION)")
	cli.PathVar(f, &o.out, "out", "", "the `DIR` for all results (required)")
	f.StringVar(&o.config, "config", "vgg16", "`NAME` of the configuration: vgg-a, vgg-a-lrn, vgg-b, vgg-c, vgg16 or vgg19")
	f.IntVar(&n.Size, "size", 64, "images of `N` x N pixels, 32 to 224")
	f.IntVar(&n.Units, "units", 4096, "`N` units of fc6 and of fc7")
	f.IntVar(&o.session.Batch, "batch", training.DefaultBatch, "`N` images per step")
	f.StringVar((*string)(&n.Optimizer.Optimizer), "optimizer", string(training.SGD), "the optimizer's `NAME`: sgd or adam")
	f.Float64Var(&n.Optimizer.LearningRate, "learning-rate", 0, "learning rate `X` (default: 0.001 with sgd, 0.0001 with adam)")
	f.Float64Var(&n.Optimizer.Momentum, "momentum", 0.9, "momentum `X` of sgd")
	f.Float64Var(&n.Optimizer.Dropout, "dropout", 0.5, "fraction `X` of the outputs of fc6 and fc7 dropped in each step")
	f.Float64Var(&n.Optimizer.WeightDecay, "weight-decay", 0, "strength `X` of the penalty on kernels (5e-4 in the paper)")
	f.StringVar((*string)(&n.Initializer), "initializer", string(training.GlorotUniform), "`NAME` of the initializer of kernels: glorot (uniform, Keras's default) or he (uniform)")
	f.StringVar(&n.Augment, "augment", "none", "`LIST` of random changes of the training images: flip, shift and zoom, separated by commas")
	n.Preprocessing = preprocessing.Caffe
	cli.PreprocessingVar(f, &n.Preprocessing, "`HOW` to normalize pixels: a name such as torch, KEY=VALUE pairs or a .json file")
	f.StringVar((*string)(&n.Resize), "resize", string(picture.Squash), "`HOW` to resize images: squash or crop")
	f.Float64Var(&o.images.TestFraction, "test-fraction", 0.2, "fraction `X` of the images held out for testing, 0 for none")
	f.IntVar(&o.images.Sample, "sample", 0, "train on a sample of `N` images, chosen by --seed (default: all)")
	cli.DecodingVars(f, &o.images.MaxPixels, &o.images.MaxTime, picture.DefaultMaxPixels)
	f.Uint64Var(&o.seed, "seed", 1, "seed `N` of the weights, the split, the order, dropout and augmentation")
	f.StringVar(&o.session.Device, "device", inference.DeviceAuto, cli.DeviceHelp)
	o.result.Add(f)
}

// validate checks the flags and completes the options.
func (o *trainingFlags) validate() error {
	n := &o.network
	switch {
	case len(o.images.Paths) == 0:
		return cli.Usagef("--images DIR is required")
	case o.out == "":
		return cli.Usagef("--out DIR is required")
	case n.Size < vgg.MinInputSize || n.Size > vgg.InputSize:
		return cli.Usagef("--size %d: use %d to %d: the network halves it five times, and the paper's images have %d", n.Size, vgg.MinInputSize, vgg.InputSize, vgg.InputSize)
	case n.Units < 1:
		return cli.Usagef("--units %d: use a positive number", n.Units)
	case o.session.Batch < 1:
		return cli.Usagef("--batch %d: use 1 to %d", o.session.Batch, inference.MaxBatch)
	case !(o.images.TestFraction >= 0 && o.images.TestFraction < 1):
		return cli.Usagef("--test-fraction %g: use 0, or a fraction below 1", o.images.TestFraction)
	case o.changed("sample") && o.images.Sample < 1:
		return cli.Usagef("--sample %d: use a positive number", o.images.Sample)
	case o.changed("learning-rate") && n.Optimizer.LearningRate == 0:
		return cli.Usagef("--learning-rate 0: use a positive number")
	case o.labels == "" || o.labels == "none":
		return cli.Usagef("--labels %s: training needs labels: use prefix, dir or csv:FILE", o.labels)
	}
	if n.Optimizer.Optimizer == training.Adam && !o.changed("momentum") {
		n.Optimizer.Momentum = 0
	}
	o.images.OwnFraction = o.changed("test-fraction")
	return o.complete()
}

// complete parses the values that are more than numbers or names.
func (o *trainingFlags) complete() (err error) {
	if o.images.Paths, err = cli.LocalPaths(o.images.Paths); err != nil {
		return err
	}
	if o.labels != "prefix" { // the default of the images, too
		if o.images.Labels, err = cli.ParseLabels(o.labels); err != nil {
			return err
		}
	}
	if o.images.GroupBy, err = cli.ParseGrouping(o.groupBy); err != nil {
		return err
	}
	if o.network.Configuration, err = vgg.ByName(o.config); err != nil {
		return cli.UsageError{Err: err}
	}
	n := &o.network
	if err := cmp.Or(
		cli.OneOf("--optimizer", n.Optimizer.Optimizer, training.SGD, training.Adam),
		cli.OneOf("--initializer", n.Initializer, training.GlorotUniform, training.HeUniform),
		cli.OneOf("--resize", n.Resize, picture.Squash, picture.Crop),
	); err != nil {
		return err
	}
	if n.Session, err = o.session.Config(); err != nil {
		return cli.UsageUnless(inference.ErrDevice, err)
	}
	n.Batch = o.session.Batch
	if err := n.Validate(); err != nil {
		return cli.UsageError{Err: err}
	}
	return nil
}

// readingProgress shows the progress of decoding images. Call done at its end.
func readingProgress(log *cli.LogOptions) (progress func(s pipeline.Stats, total int), done func()) {
	var shown *cli.Progress
	done = func() {
		if shown != nil {
			shown.Done()
			shown = nil
		}
	}
	return func(s pipeline.Stats, total int) {
		if shown == nil {
			shown = log.NewProgress("reading", total)
		}
		if shown.Update(s); s.Rows+s.Failures == total {
			done()
		}
	}, done
}
