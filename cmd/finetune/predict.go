package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fovea/app/cli"
	"fovea/finetuning"
	"fovea/head"
	"fovea/inference"
	"fovea/inputs"
	"fovea/internal/output"
	"fovea/internal/spelling"
	"fovea/models"
	"fovea/picture"
	"fovea/pipeline"
	"fovea/recipe"
	"fovea/vgg"
)

type predictOptions struct {
	log     *cli.LogOptions
	session cli.SessionFlags
	head    string
	format  string
	out     string
	model   string
	// decision lacks the classes, which the head has.
	decision decision
}

func newPredict(log *cli.LogOptions) *cobra.Command {
	o := predictOptions{log: log}
	command := &cobra.Command{
		Use:   "predict --head HEAD [flags] IMAGES...",
		Short: "Predict the classes of images",
		Long: `Predict runs the head's model, with the head's preprocessing, on every image among IMAGES
and prints one row for each: path, label, and the probability of every class. IMAGES are files
and directories; - stands for paths on standard input, one a line. An image that cannot be
read has an error instead of a label (in csv no label; the log says why, or --error-column),
and the exit status is then 3.

With --threshold, images whose most probable class is not so probable are labelled unsure.`,
		Example: `  finetune predict --head cats-vs-dogs.head new-photos/ > predictions.csv
  find / -name '*.jpg' | finetune predict --head cats-vs-dogs.head --threshold 0.9 --format json -`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, images []string) error { return o.run(c.Context(), images) },
	}
	f := command.Flags()
	f.SortFlags = false
	cli.PathVar(f, &o.head, "head", "", "the head's `FILE` (required)")
	f.StringVar(&o.format, "format", "csv", "csv, json or parquet")
	cli.PathVar(f, &o.out, "out", "", "the `FILE` to write to (default: standard output; needed for parquet)")
	f.BoolVar(&o.decision.errorColumn, "error-column", false, "csv: add a column that says why an image could not be read")
	o.decisionFlags(f)
	o.modelFlags(f)
	return command
}

// decisionFlags say what is printed of the probabilities.
func (o *predictOptions) decisionFlags(f *pflag.FlagSet) {
	f.Float64Var(&o.decision.threshold, "threshold", 0, "least probability, 0 to 1, of a label; images below it are unsure")
	f.StringVar(&o.decision.unsure, "unsure", "unsure", "the `LABEL` of images below the threshold")
	f.IntVar(&o.decision.top, "top", 0, "print only the `K` most probable classes, in order (csv and json; default: all, by name)")
}

// modelFlags choose the model and where it runs.
func (o *predictOptions) modelFlags(f *pflag.FlagSet) {
	cli.PathVar(f, &o.model, "model", "", "the model, where it lies elsewhere than at training (default: the head's)")
	f.StringVar(&o.session.Precision, "precision", "", cli.PrecisionHelp+" (default: the head's)")
	f.StringVar(&o.session.Device, "device", inference.DeviceAuto, cli.DeviceHelp)
	f.IntVar(&o.session.Batch, "batch", 0, cli.BatchHelp)
}

func (o *predictOptions) validate(images []string) error {
	switch {
	case o.head == "":
		return cli.Usagef("--head HEAD is required")
	case len(images) == 0:
		return cli.Usagef("no IMAGES given: name files or directories")
	case o.format != "csv" && o.format != "json" && o.format != "parquet":
		return cli.Usagef("unknown --format %q: use csv, json or parquet", o.format)
	case o.out != "" && sameFile(o.out, o.head):
		return cli.Usagef("--out %s is the head itself: name another file", o.out)
	case o.format == "parquet" && o.out == "":
		return cli.Usagef("--format parquet needs --out FILE")
	case o.format == "parquet" && o.decision.top != 0:
		return cli.Usagef("--top is for csv and json: parquet files have all classes")
	}
	return nil
}

func (o *predictOptions) run(ctx context.Context, images []string) error {
	if err := o.validate(images); err != nil {
		return err
	}
	h, err := head.Load(o.head)
	if err != nil {
		return err
	}
	o.decision.classes = h.Classes
	if err := o.decision.check(); err != nil {
		return err
	}
	listing, err := list(ctx, images, os.Stdin)
	if err != nil {
		return err
	}
	model, err := o.openModel(h, models.Automatic)
	if err != nil {
		return err
	}
	defer model.Close() //nolint:errcheck // the process ends here
	return o.predict(ctx, h, model, listing)
}

// openModel opens the head's model, whose convolutions are computed as models.Options says.
func (o *predictOptions) openModel(h *head.Head, convolutions string) (*inference.Model, error) {
	if o.session.Precision == "" {
		o.session.Precision = h.Recipe.Precision
	}
	session, err := o.session.Config()
	if err != nil {
		return nil, cli.UsageUnless(inference.ErrDevice, err)
	}
	if o.model == "" {
		o.model = modelBeside(o.head, h.Recipe.Model)
	}
	name := cmp.Or(o.model, h.Recipe.Model)
	model, err := models.Open(name, models.Options{
		Session: session, Preprocessing: h.Recipe.Preprocessing, Convolutions: convolutions,
		InputHeight: h.Recipe.InputHeight, InputWidth: h.Recipe.InputWidth, Dense: picture.Views(h.Recipe.Views).IsDense(),
	})
	if err != nil {
		return nil, fmt.Errorf("the model that %s was trained on cannot be opened; --model says where it lies: %w", o.head, err)
	}
	return model, nil
}

// modelBeside is the SavedModel of that name in the directory of a head, where scratch and
// --unfreeze put it, or "".
func modelBeside(head, name string) string {
	if _, err := vgg.ByName(name); err == nil {
		return ""
	}
	dir := filepath.Join(filepath.Dir(head), filepath.Base(name))
	if _, err := os.Stat(filepath.Join(dir, "saved_model.pb")); err != nil {
		return ""
	}
	return dir
}

// prepare makes the way from a picture to the head's features by a model, if it is the
// head's.
func (o *predictOptions) prepare(h *head.Head, model *inference.Model) (*inference.Extractor, pipeline.Config, error) {
	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{
		Layers: h.LayerNames(), Pool: h.Recipe.Pool, Batch: o.session.Batch,
	})
	if err != nil {
		return nil, pipeline.Config{}, err
	}
	actual := o.recipe(h, extractor)
	if err := check(h, finetuning.Features{Recipe: actual}); err != nil {
		return nil, pipeline.Config{}, err
	}
	config, err := pipeline.ConfigFor(actual)
	return extractor, config, err
}

func (o *predictOptions) predict(ctx context.Context, h *head.Head, model *inference.Model, listing pipeline.Listing) (err error) {
	extractor, config, err := o.prepare(h, model)
	if err != nil {
		return err
	}
	file, err := o.create()
	if err != nil {
		return err
	}
	defer file.Discard()
	writer, err := newPredictionWriter(o.format, file, o.decision)
	if err != nil {
		return err
	}
	sink := &predictionSink{head: h, decision: o.decision, output: writer}
	for _, f := range listing.Failures {
		if err := sink.Fail(f); err != nil {
			return err
		}
	}
	progress := o.log.NewProgress("predicting", len(listing.Items))
	config.Progress = progress.Update
	stats, runErr := pipeline.Run(ctx, listing.Items, extractor, sink, config)
	progress.Done()
	if runErr == nil {
		runErr = stats.Check()
	}
	err = errors.Join(runErr, writer.close())
	if err == nil {
		err = file.Commit()
	}
	if err != nil {
		return err
	}
	if foreign := inputs.Foreign(listing.Others); foreign != "" {
		logrus.Warn(foreign)
	}
	if sink.failures > 0 {
		logrus.Warnf("%d images could not be read", sink.failures)
		return cli.ErrPartly
	}
	return nil
}

// recipe is the head's way from file to features, by the model at hand.
func (o *predictOptions) recipe(h *head.Head, extractor *inference.Extractor) recipe.Recipe {
	r := extractor.Model().Recipe().WithPicturesOf(h.Recipe)
	if o.model != "" {
		r.Model = h.Recipe.Model // its checksum tells whether it is the same
	}
	r.Layers = extractor.Layers()
	return r
}

// create begins the file of the predictions, which keeps what it has until all are there.
func (o *predictOptions) create() (*output.File, error) {
	if o.out == "" {
		return output.Stdout(), nil
	}
	file, err := output.Create(o.out)
	if err != nil {
		return nil, fmt.Errorf("cannot write the predictions: %w", err)
	}
	return file, nil
}

// predictionSink applies the head to the pipeline's features.
type predictionSink struct {
	head     *head.Head
	decision decision
	output   predictionWriter
	failures int
}

// name is the picture's name in the results: a file that was an argument is called as it
// was given.
func name(item pipeline.Item) string {
	if item.File == item.Argument {
		return item.Argument
	}
	return item.Path
}

func (s *predictionSink) Append(rows []pipeline.Row) error {
	for _, row := range rows {
		x, err := s.head.Join(row.Features, 1)
		if err != nil {
			return err
		}
		probabilities, err := s.head.Probabilities(x)
		if err != nil {
			return err
		}
		p := prediction{path: name(row.Item), label: s.decision.label(probabilities[0]), probabilities: probabilities[0]}
		if err := s.output.write(p); err != nil {
			return err
		}
	}
	return nil
}

func (s *predictionSink) Fail(f pipeline.Failure) error {
	logrus.WithFields(logrus.Fields{"path": spelling.Spell(f.Path), "stage": f.Stage}).Warn(spelling.Spell(f.Reason))
	s.failures++
	return s.output.write(prediction{path: name(f.Item), failure: f.Reason})
}

// sameFile says whether two names are those of one file that is there.
func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}
