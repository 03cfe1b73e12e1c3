package main

import (
	"cmp"
	"context"
	"os"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/finetuning"
	"fovea/head"
	"fovea/inputs"
	"fovea/internal/text"
	"fovea/picture"
	"fovea/pipeline"
	"fovea/recipe"
	"fovea/serving"
)

type predictOptions struct {
	log         *cli.LogOptions
	predictor   predictorFlags
	features    finetuning.Source
	decision    decisionFlags
	format      string
	json        bool
	out         string
	errorColumn bool
	decoding    serving.Options
}

func newPredict(log *cli.LogOptions) *cobra.Command {
	o := predictOptions{log: log}
	command := &cobra.Command{
		Use:   "predict --head HEAD [flags] IMAGES...|--features DIR",
		Short: "Predict the classes of images",
		Long: `Predict runs the head's model, with the head's preprocessing, on every image in IMAGES and
prints a row for each: its path, its label, and the probability of every class. JSON is an array
with an object for each image.

IMAGES are files, directories, tar and zip archives and Parquet tables of images, and URLs of any of
these in an object store; - reads more names from standard input, one per line. Files come first, in the
order given. With --features, the rows of a dataset of such features are predicted instead, in its
order, without running the model.

An image that cannot be read gets an error instead of a label, and the exit status is then 3, or 1 if
not one can be read. In CSV its label is empty, and the log says why; --error-column adds the reason.

With --threshold, images whose most probable class is less probable than that are labelled unsure.
With --unknown, images unlike all that the head was trained on get that label: those with a novelty
above 1, which stands in the last column.`,
		Example: `  finetune predict --head cats-vs-dogs.head new-photos/ > predictions.csv
  find / -name '*.jpg' | finetune predict --head cats-vs-dogs.head --threshold 0.9 --json -`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, images []string) error { return o.run(c.Context(), images) },
	}
	f := command.Flags()
	f.SortFlags = false
	o.predictor.addHead(f)
	f.StringVar(&o.features.Dir, "features", "", "predict the rows of the dataset in the directory `DIR`, or at its URL in an object store, instead of IMAGES")
	f.StringVar(&o.format, "format", "", "`FORMAT`: csv, json or parquet (default: what the name of --out ends in, or csv)")
	f.BoolVar(&o.json, "json", false, "print the result as JSON, as --format json does")
	cli.PathVar(f, &o.out, "out", "", "the `FILE` to write to (default: standard output; required for parquet)")
	f.BoolVar(&o.errorColumn, "error-column", false, "csv: add a column that says why an image could not be read")
	o.decision.add(f)
	cli.DecodingVars(f, &o.decoding.MaxPixels, &o.decoding.MaxTime, picture.DefaultMaxPixels)
	o.predictor.addModel(f)
	return command
}

func (o *predictOptions) validate(images []string) error {
	if o.json {
		if o.decision.flags.Changed("format") && o.format != serving.FormatJSON {
			return cli.Usagef("--json and --format %s are mutually exclusive", o.format)
		}
		o.format = serving.FormatJSON
	}
	if err := o.predictor.validate(); err != nil {
		return err
	}
	if err := o.decision.validate(); err != nil {
		return err
	}
	if o.format == "" {
		o.format = cmp.Or(serving.FormatOf(o.out), serving.FormatCSV)
	}
	if err := cli.OneOf("--format", o.format, serving.FormatCSV, serving.FormatJSON, serving.FormatParquet); err != nil {
		return err
	}
	switch {
	case len(images) == 0 && o.features.Dir == "":
		return cli.Usagef("no IMAGES given: name files or directories, or a dataset by --features")
	case len(images) > 0 && o.features.Dir != "":
		return cli.Usagef("--features and IMAGES are mutually exclusive")
	case o.out != "" && sameFile(o.out, o.predictor.head):
		return cli.Usagef("--out %s is the head itself: name another file", o.out)
	case o.format == serving.FormatParquet && o.out == "":
		return cli.Usagef("--format parquet needs --out FILE")
	case o.errorColumn && o.format != serving.FormatCSV:
		return cli.Usagef("--error-column is for csv: %s always says why an image could not be read", o.format)
	}
	return o.refuseUnused()
}

// refuseUnused refuses flags of images and models where there are features.
func (o *predictOptions) refuseUnused() error {
	for _, name := range []string{"error-column", "max-pixels", "max-decode-seconds", "model", "trust-model", "precision", "max-drift", "device", "batch"} {
		if o.features.Dir != "" && o.decision.flags.Changed(name) {
			return cli.Usagef("--%s is for IMAGES, and does not apply to --features", name)
		}
	}
	return nil
}

func (o *predictOptions) run(ctx context.Context, images []string) error {
	if err := o.validate(images); err != nil {
		return err
	}
	h, err := head.ReadOptions{MaxMemory: cli.MaxMemory(ctx)}.Load(o.predictor.head)
	if err != nil {
		return err
	}
	if err := o.decision.suits(h); err != nil {
		return err
	}
	if o.features.Dir != "" {
		return o.runFeatures(ctx, h)
	}
	listing, err := o.list(ctx, images, h.Recipe)
	if err != nil {
		return err
	}
	predictor, err := o.predictor.open(h, o.decoding)
	if err != nil {
		return err
	}
	defer predictor.Close() // the process exits anyway
	failures, err := o.predict(ctx, predictor, listing)
	if err != nil {
		return err
	}
	if foreign := inputs.Foreign(listing.Others); foreign != "" {
		logrus.Warn(foreign)
	}
	if failures > 0 {
		logrus.Warnf("%s could not be read", text.Plural(failures, "image"))
		return cli.ErrPartly
	}
	return nil
}

// list finds the images. It refuses an --out that would replace one of them.
func (o *predictOptions) list(ctx context.Context, images []string, made recipe.Recipe) (pipeline.Listing, error) {
	images, err := cli.LocalPaths(images)
	if err != nil {
		return pipeline.Listing{}, err
	}
	options := inputs.Options{MaxMemory: cli.MaxMemory(ctx), MaxPixels: o.decoding.MaxPixels, MaxTime: o.decoding.MaxTime}
	if err := options.Follow(made); err != nil {
		return pipeline.Listing{}, err
	}
	listing, err := options.List(ctx, images, os.Stdin)
	inputs.WarnForeign(listing.Others)
	if err != nil {
		return listing, cli.UsageWhen(err, inputs.ErrStdinTwice)
	}
	out, err := os.Stat(o.out)
	if o.out == "" || err != nil {
		return listing, nil
	}
	for _, item := range listing.Items {
		if file, err := os.Stat(item.File); err == nil && os.SameFile(out, file) {
			return listing, cli.Usagef("--out %s is one of the images, which it would replace: name another file", o.out)
		}
	}
	return listing, nil
}

// predict writes the predictions of a listing.
func (o *predictOptions) predict(ctx context.Context, predictor *serving.Predictor, listing pipeline.Listing) (failures int, err error) {
	err = writeRows(o.out, o.writer(predictor.Classes(), predictor.TellsNovelty()), func(w serving.Writer) error {
		progress := o.log.NewProgress("predicting", len(listing.Items))
		defer progress.Done()
		failures, err = predictor.PredictAll(ctx, listing, w, o.decision.Decision, progress.Update)
		return err
	})
	return failures, err
}

func (o *predictOptions) writer(classes []string, novelty bool) serving.WriterOptions {
	return serving.WriterOptions{Format: o.format, Classes: classes, Decision: o.decision.Decision, Novelty: novelty, ErrorColumn: o.errorColumn}
}

// runFeatures predicts from features that are there, without the model.
func (o *predictOptions) runFeatures(ctx context.Context, h *head.Head) error {
	progress, done := o.log.StepProgress("predicting", "images")
	defer done()
	o.features.MaxMemory = cli.MaxMemory(ctx)
	return writeRows(o.out, o.writer(h.Classes, h.Novelty != nil), func(w serving.Writer) error {
		return finetuning.Predict(ctx, finetuning.PredictOptions{Head: h, Source: o.features, Progress: progress, Row: func(path string, p []float64, novelty *float64) error {
			return w.Write(o.decision.Prediction(path, serving.Outcome{Probabilities: p, Novelty: novelty}, h.Classes))
		}})
	})
}
