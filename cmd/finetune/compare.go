package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/finetuning"
	"fovea/head"
	"fovea/inference"
	"fovea/internal/spelling"
	"fovea/models"
	"fovea/picture"
	"fovea/pipeline"
	"fovea/recipe"
	"fovea/report"
	"fovea/training"
)

// compareOptions are those of scratch, and the time that each way has.
type compareOptions struct {
	scratchOptions
	budget time.Duration
}

func newCompare(log *cli.LogOptions) *cobra.Command {
	o := compareOptions{scratchOptions: scratchOptions{log: log}}
	command := &cobra.Command{
		Use:   "compare --images DIR --out DIR [flags]",
		Short: "Race training from random weights against a head on frozen finetuning.Features",
		Long: `Compare trains on the same images in two ways: a head (softmax regression) on the averaged
pool5 of the VGG16 that ships, at 224 pixels, and a VGG from random weights as finetune scratch
does. Both have the same images to learn from, the same to be measured on, and --budget of
time: that of getting ready, of computing features and fitting heads, and of steps. Measuring
does not count. The head is fitted again and again while features of more images come in.

The directory --out gets compare.svg and compare.png (accuracy against time), compare.csv,
compare.json, and errors.csv.`,
		Example: "  finetune compare --images photos/ --labels dir --size 64 --budget 10m --out compare",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.ownFraction = c.Flags().Changed("validation-fraction")
			return o.run(c.Context())
		},
	}
	f := command.Flags()
	f.SortFlags = false
	o.flags(f)
	f.DurationVar(&o.budget, "budget", 10*time.Minute, "time of training for each way, such as 90s or 10m")
	return command
}

func (o *compareOptions) run(ctx context.Context) error {
	o.epochs = math.MaxInt32 // the budget ends them
	if o.budget <= 0 {
		return cli.Usagef("--budget %s: use a time such as 90s or 10m", o.budget)
	}
	if o.fraction == 0 {
		return cli.Usagef("--validation-fraction 0: there must be images to compare on")
	}
	p, err := o.plan()
	if err != nil {
		return err
	}
	pictures, split, err := o.load(ctx, p)
	if err != nil {
		return err
	}
	defer pictures.records.Close() //nolint:errcheck // a temporary file
	r := report.Race{Budget: o.budget.Seconds(), Chance: mostFrequent(finetuning.Pick(pictures.labels, split.Test)), Settings: map[string]string{
		"train_images": strconv.Itoa(len(split.Train)), "validation_images": strconv.Itoa(len(split.Test)),
		"cpus": strconv.Itoa(runtime.NumCPU()), "frozen": "vgg16 pool5 averaged, softmax regression",
	}}
	logrus.Infof("%d images to train on (%s), %d to measure on, %s for each way", len(split.Train), joinClasses(pictures.classes), len(split.Test), o.budget)
	err = o.frozen(ctx, p, pictures, split, &r)
	if err == nil {
		err = o.scratch(ctx, p, pictures, split, &r)
	}
	if len(r.Ways) > 0 { // at an interruption, what there is
		files, writeErr := r.Write(o.out)
		if err = errors.Join(err, writeErr); err == nil {
			printRace(os.Stdout, r, files)
		}
	}
	if err == nil && len(pictures.failures) > 0 {
		err = cli.ErrPartly
	}
	return err
}

// mostFrequent is the share of the most frequent label.
func mostFrequent(labels []string) float64 {
	counts, most := map[string]int{}, 0
	for _, l := range labels {
		counts[l]++
		most = max(most, counts[l])
	}
	return float64(most) / float64(len(labels))
}

// The head is fitted when there are features of firstHead pictures, then each time their
// number has grown by half.
const firstHead = 16

// frozenWay computes features and fits heads.
type frozenWay struct {
	extractor *inference.Extractor
	config    pipeline.Config
	// x and labels are what has come in.
	x      head.Matrix
	labels []string
}

// Append takes features.
func (w *frozenWay) Append(rows []pipeline.Row) error {
	for _, row := range rows {
		w.x.Cols = len(row.Features[0])
		w.x.Data = append(w.x.Data, row.Features[0]...)
		w.x.Rows++
		w.labels = append(w.labels, row.Label)
	}
	return nil
}

// Fail passes over a picture that has been read before but cannot be now.
func (w *frozenWay) Fail(f pipeline.Failure) error {
	logrus.WithFields(logrus.Fields{"path": spelling.Spell(f.Path), "stage": f.Stage}).Warn(spelling.Spell(f.Reason))
	return nil
}

// openFrozen opens the model that ships.
func (o *compareOptions) openFrozen(p plan) (*frozenWay, *inference.Model, error) {
	model, err := models.Open(models.Default, models.Options{Session: p.session})
	if err != nil {
		return nil, nil, err
	}
	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{"pool5"}, Pool: recipe.PoolAverage})
	if err == nil {
		err = extractor.WarmUp()
	}
	if err != nil {
		return nil, nil, errors.Join(err, model.Close())
	}
	config, err := pipeline.ConfigFor(model.Recipe().WithPicturesOf(o.recipe()))
	if err != nil {
		return nil, nil, errors.Join(err, model.Close())
	}
	return &frozenWay{extractor: extractor, config: config}, model, nil
}

// frozen runs the way of the head on frozen finetuning.Features.
func (o *compareOptions) frozen(ctx context.Context, p plan, pictures *trainingPictures, split finetuning.Split, r *report.Race) error {
	start := time.Now()
	w, model, err := o.openFrozen(p)
	if err != nil {
		return err
	}
	defer model.Close() //nolint:errcheck // nothing hangs on it
	spent := time.Since(start)
	r.Settings["device"], r.Settings["library"] = model.Device, model.Recipe().Library

	validation := &frozenWay{}
	if _, err := pipeline.Run(ctx, finetuning.Pick(pictures.items, split.Test), w.extractor, validation, w.config); err != nil {
		return err
	}
	items := finetuning.Pick(pictures.items, split.Train)
	random := rand.New(rand.NewPCG(o.seed, 2)) //nolint:gosec // an order is no secret
	random.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	way := report.Way{Name: "head on frozen VGG16 features"}
	for done := 0; done < len(items) && spent < o.budget; {
		next := min(max(firstHead, done+done/2), len(items))
		start := time.Now()
		before := w.x.Rows
		if err := w.extend(ctx, items[done:next], o.budget-spent); err != nil {
			return err
		}
		done = next
		if w.x.Rows == before {
			break
		}
		if _, err := head.Classes(w.labels); err != nil {
			logrus.Debugf("no head on %d images yet: %v", w.x.Rows, err)
			spent += time.Since(start)
			continue
		}
		h, _, err := head.Train(ctx, w.x, w.labels, head.TrainOptions{Seed: o.seed})
		if err != nil {
			return err
		}
		spent += time.Since(start)
		metrics, err := measure(h, finetuning.Features{X: validation.x, Labels: validation.labels})
		if err != nil {
			return err
		}
		way.Points = append(way.Points, report.Point{Seconds: spent.Seconds(), Pictures: w.x.Rows, Accuracy: metrics.Accuracy, LogLoss: metrics.LogLoss})
		logrus.Infof("head on %d images: accuracy %.2f %% after %.1f s", w.x.Rows, 100*metrics.Accuracy, spent.Seconds())
	}
	if len(way.Points) == 0 {
		return fmt.Errorf("the budget of %s has ended before there was a head: give more time by --budget", o.budget)
	}
	r.Ways = append(r.Ways, way)
	return nil
}

// extend computes features of more pictures, of as many as the time allows.
func (w *frozenWay) extend(ctx context.Context, items []pipeline.Item, limit time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	_, err := pipeline.Run(limited, items, w.extractor, w, w.config)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil
	}
	return err
}

// scratch runs the way from random weights.
func (o *compareOptions) scratch(ctx context.Context, p plan, pictures *trainingPictures, split finetuning.Split, r *report.Race) error {
	start := time.Now()
	t, err := o.trainer(p, len(pictures.classes))
	if err != nil {
		return err
	}
	defer t.Close() //nolint:errcheck // nothing hangs on it
	ready := time.Since(start).Seconds()
	for name, value := range o.identity(t, pictures) {
		r.Settings[name] = value
	}
	normalization := o.preprocess
	validation := pictures.examples(split.Test, o.size, normalization, picture.Augmentation{})
	m, err := training.Evaluate(ctx, t, validation)
	if err != nil {
		return err
	}
	way := report.Way{Name: fmt.Sprintf("%s from random weights, %dx%d", p.configuration.Name, o.size, o.size)}
	way.Points = append(way.Points, report.Point{Seconds: ready, Accuracy: m.Accuracy(), LogLoss: m.MeanLoss()})
	train, seen, log := pictures.examples(split.Train, o.size, normalization, p.augment), 0, batchLogger()
	_, err = training.Fit(ctx, t, train, validation, training.FitOptions{
		Epochs: o.epochs, Batch: o.session.Batch, Seed: o.seed, Budget: max(1, o.budget-time.Duration(ready*float64(time.Second))), Batches: func(epoch, done, of int, m training.Measure) {
			seen = (epoch-1)*len(train.Rows) + m.Examples
			log(epoch, done, of, m)
		},
		Progress: func(e training.Epoch) {
			logEpoch(e)
			way.Points = append(way.Points, report.Point{Seconds: ready + e.Elapsed, Pictures: seen, Accuracy: *e.ValidationAccuracy, LogLoss: *e.ValidationLoss})
		},
	}, training.State{})
	r.Ways = append(r.Ways, way)
	return err
}

// printed bounds the rows of the table for each way.
const printed = 12

func printRace(out io.Writer, r report.Race, files []string) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "way\tseconds\tpictures\taccuracy\tlog loss")
	for _, way := range r.Ways {
		step := (len(way.Points) + printed - 1) / printed
		for i, p := range way.Points {
			if i%step == 0 || i == len(way.Points)-1 {
				fmt.Fprintf(w, "%s\t%.1f\t%d\t%.2f %%\t%.4f\n", way.Name, p.Seconds, p.Pictures, 100*p.Accuracy, p.LogLoss)
			}
		}
	}
	fmt.Fprintln(w, "\t\t\t\t")
	for _, level := range []float64{0.6, 0.9, 0.95, 0.97} {
		for _, way := range r.Ways {
			fmt.Fprintf(w, "%s\treaches %.0f %%\t%s\t\t\n", way.Name, 100*level, reached(way, level))
		}
	}
	_ = w.Flush() // to a terminal or a pipe
	fmt.Fprintf(out, "\nof the images measured on, %.2f %% are of the most frequent class\n", 100*r.Chance)
	for _, f := range files {
		fmt.Fprintln(out, f)
	}
}

// reached says when an accuracy was reached first.
func reached(way report.Way, level float64) string {
	for _, p := range way.Points {
		if p.Accuracy >= level {
			return fmt.Sprintf("after %.1f s", p.Seconds)
		}
	}
	return "never"
}
