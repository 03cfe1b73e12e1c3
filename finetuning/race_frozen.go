package finetuning

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/sirupsen/logrus"

	"fovea/head"
	"fovea/inference"
	"fovea/inputs"
	"fovea/internal/text"
	"fovea/models"
	"fovea/pipeline"
	"fovea/recipe"
	"fovea/report"
)

// firstHead is the number of images whose features the first head is fitted to. Each later head has
// half as many again.
const firstHead = 16

// frozenNetwork computes the features of the model that ships: its pool5, averaged.
type frozenNetwork struct {
	model     *inference.Model
	extractor *inference.Extractor
	config    pipeline.Config
}

// openFrozen opens the model. Its Close must be called.
func openFrozen(o NetworkOptions) (*frozenNetwork, error) {
	model, err := models.Open(models.Default, models.Options{Session: o.Session})
	if err != nil {
		return nil, err
	}
	n := &frozenNetwork{model: model}
	if err := n.prepare(o.recipe()); err != nil {
		return nil, errors.Join(err, model.Close())
	}
	return n, nil
}

// prepare makes the extractor, for images resized as in the recipe of.
func (n *frozenNetwork) prepare(of recipe.Recipe) (err error) {
	n.extractor, err = inference.NewExtractor(n.model, inference.ExtractorOptions{Layers: []string{"pool5"}, Pool: recipe.PoolAverage})
	if err != nil {
		return err
	}
	if err := n.extractor.WarmUp(); err != nil {
		return err
	}
	n.config, err = pipeline.ConfigFor(n.model.Recipe().WithPicturesOf(of))
	return err
}

// extend computes the features of items and adds them to f.
func (n *frozenNetwork) extend(ctx context.Context, f *Features, items []pipeline.Item) error {
	_, err := pipeline.Run(ctx, items, n.extractor, featureSink{f}, n.config)
	return err
}

// extendWithin does the same, but ends after limit with those features that are there.
func (n *frozenNetwork) extendWithin(ctx context.Context, f *Features, items []pipeline.Item, limit time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := n.extend(limited, f, items)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil
	}
	return err
}

// featureSink adds features of one layer, and the labels, to f.
type featureSink struct{ f *Features }

// Append implements pipeline.Sink.
func (s featureSink) Append(rows []pipeline.Row) error {
	for _, row := range rows {
		s.f.X.Cols = len(row.Features[0])
		s.f.X.Data = append(s.f.X.Data, row.Features[0]...)
		s.f.X.Rows++
		s.f.Labels = append(s.f.Labels, row.Label)
	}
	return nil
}

// Fail implements pipeline.Sink: it passes over an image that could be read before but cannot be now.
func (s featureSink) Fail(f pipeline.Failure) error {
	inputs.WarnFailure(f)
	return nil
}

// runFrozen fits heads to the features of more and more images until the budget is spent.
func (r *race) runFrozen(ctx context.Context) error {
	start := time.Now()
	network, err := openFrozen(r.options.Network)
	if err != nil {
		return err
	}
	defer network.model.Close() // read-only
	network.config.Limit(r.options.Images.MaxPixels, r.options.Images.MaxTime)
	spent := time.Since(start)
	r.result.Settings["device"], r.result.Settings["library"] = network.model.Device, network.model.Recipe().Library

	points, err := r.learnFrozen(ctx, network, spent)
	if err != nil {
		return err
	}
	if len(points) == 0 {
		return fmt.Errorf("%w: %s is too short", ErrBudget, r.options.Budget)
	}
	r.result.Ways = append(r.result.Ways, report.Way{Name: "head on frozen VGG16 features", Points: points})
	return nil
}

// learnFrozen measures a head after each round of further images. The features of the test images cost nothing of the
// budget.
func (r *race) learnFrozen(ctx context.Context, network *frozenNetwork, spent time.Duration) ([]report.Point, error) {
	var test, learned Features
	if err := network.extend(ctx, &test, pick(r.data.items, r.data.split.Test)); err != nil {
		return nil, err
	}
	var points []report.Point
	items := r.shuffled()
	for done := 0; done < len(items) && spent < r.options.Budget; {
		start, before := time.Now(), learned.X.Rows
		next := min(max(firstHead, done+done/2), len(items))
		if err := network.extendWithin(ctx, &learned, items[done:next], r.options.Budget-spent); err != nil {
			return nil, err
		}
		done = next
		if learned.X.Rows == before {
			break
		}
		h, err := r.fitHead(ctx, learned)
		if err != nil {
			return nil, err
		}
		if spent += time.Since(start); h == nil {
			continue
		}
		metrics, err := measure(h, test)
		if err != nil {
			return nil, err
		}
		points = append(points, report.Point{Seconds: spent.Seconds(), Images: learned.X.Rows, Accuracy: metrics.Accuracy, LogLoss: metrics.LogLoss})
		logrus.Infof("head on %s: accuracy %.2f %% after %.1f s", text.Plural(learned.X.Rows, "image"), 100*metrics.Accuracy, spent.Seconds())
	}
	return points, nil
}

// shuffled are the training images in random order.
func (r *race) shuffled() []pipeline.Item {
	items := pick(r.data.items, r.data.split.Train)
	random := rand.New(rand.NewPCG(r.options.Seed, 2))
	random.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	return items
}

// fitHead fits a head, nil where there are too few images of a class yet.
func (r *race) fitHead(ctx context.Context, f Features) (*head.Head, error) {
	if _, err := head.Classes(f.Labels); err != nil {
		logrus.Debugf("no head on %s yet: %v", text.Plural(f.X.Rows, "image"), err)
		return nil, nil
	}
	h, _, err := head.Train(ctx, f.X, f.Labels, head.TrainOptions{Seed: r.options.Seed})
	return h, err
}
