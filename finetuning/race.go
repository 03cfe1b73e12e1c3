package finetuning

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime"
	"time"

	"github.com/sirupsen/logrus"

	"fovea/internal/text"
	"fovea/report"
	"fovea/training"
)

// ErrBudget says that the time was too short to train a first head.
var ErrBudget = errors.New("the budget ended before a first head was trained")

// CompareOptions say what is compared, and how long each approach may train.
type CompareOptions struct {
	Images  ImageOptions
	Network NetworkOptions
	// Out is the directory for the plot and the tables, made if need be.
	Out string
	// Seed is as in ScratchOptions.
	Seed uint64
	// Budget is the training time of each approach (default 10 minutes). Measuring does not count.
	Budget time.Duration
}

// Comparison is a race and the files that show it.
type Comparison struct {
	report.Race
	// Files are the plot (SVG and PNG) and the tables (CSV and JSON).
	Files []string `json:"files"`
	// FailedImages is the number of images that could not be read.
	FailedImages int `json:"failed_images"`
}

// Compare trains on the same images in two ways, for the same time: heads on VGG16's frozen features,
// fitted again and again while features of more images arrive, and a network from random weights.
// Both are measured on the same test set, which must not be empty.
//
// A cancelled context ends it with the context's cause. What has been measured by then is still
// written.
func Compare(ctx context.Context, o CompareOptions) (_ *Comparison, err error) {
	if o.Network = o.Network.withDefaults(); o.Budget == 0 {
		o.Budget = 10 * time.Minute
	}
	if err := o.Network.Validate(); err != nil {
		return nil, err
	}
	data, err := loadScratch(ctx, o.Images, o.Network, o.Out, o.Seed)
	if err != nil {
		return nil, err
	}
	defer data.Close() // a temporary file
	if len(data.split.Test) == 0 {
		return nil, errors.New("there are no test images to compare on")
	}
	logrus.Infof("%s to train on (%s), %d to test on, %s for each approach",
		text.Plural(len(data.split.Train), "image"), text.Some(data.classes), len(data.split.Test), o.Budget)
	r := race{options: o, data: data, result: report.Race{
		Budget: o.Budget.Seconds(), Chance: largestShare(pick(data.labels, data.split.Test)),
		Settings: map[string]any{
			"train_images": len(data.split.Train), "test_images": len(data.split.Test), "cpus": runtime.NumCPU(),
			"frozen": "vgg16 pool5 averaged, softmax regression",
		},
	}}
	if err = r.runFrozen(ctx); err == nil {
		err = r.runScratch(ctx)
	}
	if len(r.result.Ways) == 0 {
		return nil, err
	}
	files, writeErr := r.result.Write(o.Out)
	return &Comparison{Race: r.result, Files: files, FailedImages: len(data.failures)}, errors.Join(err, writeErr)
}

// largestShare is the share of the most frequent label, 0 to 1.
func largestShare(labels []string) float64 {
	counts, most := map[string]int{}, 0
	for _, l := range labels {
		counts[l]++
		most = max(most, counts[l])
	}
	return float64(most) / float64(len(labels))
}

// race is a comparison in progress.
type race struct {
	options CompareOptions
	data    *scratchData
	result  report.Race
}

// runScratch trains the network from random weights until the budget is spent.
func (r *race) runScratch(ctx context.Context) error {
	start := time.Now()
	t, err := r.options.Network.trainer(len(r.data.classes), r.options.Seed)
	if err != nil {
		return err
	}
	defer t.Close() // its weights are not kept
	ready := time.Since(start)
	maps.Copy(r.result.Settings, r.data.settings(t))
	test := r.data.test()
	m, err := training.Evaluate(ctx, t, test)
	if err != nil {
		return err
	}
	way := report.Way{Name: fmt.Sprintf("%s from random weights, %dx%d", r.options.Network.Configuration.Name, r.options.Network.Size, r.options.Network.Size)}
	way.Points = append(way.Points, report.Point{Seconds: ready.Seconds(), Accuracy: m.Accuracy(), LogLoss: m.MeanLoss()})
	train, seen, log := r.data.training(), 0, batchLogger()
	_, err = training.Fit(ctx, t, train, test, training.FitOptions{
		Epochs: math.MaxInt32, Batch: r.options.Network.Batch, Seed: r.options.Seed,
		Budget: max(1, r.options.Budget-ready),
		Batches: func(epoch, done, of int, m training.Measure) {
			seen = (epoch-1)*len(train.Rows) + m.Examples
			log(epoch, done, of, m)
		},
		Progress: func(e training.Epoch) {
			logEpoch(e)
			way.Points = append(way.Points, report.Point{Seconds: ready.Seconds() + e.Elapsed, Images: seen, Accuracy: *e.ValidationAccuracy, LogLoss: *e.ValidationLoss})
		},
	}, training.State{})
	r.result.Ways = append(r.result.Ways, way)
	return err
}
