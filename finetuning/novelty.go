package finetuning

import (
	"context"
	"errors"
	"fmt"

	"github.com/sirupsen/logrus"

	"fovea/head"
	"fovea/internal/text"
)

// novelty makes the model by which a head tells what it does not know, unless the rate is 0.
func (o *TrainOptions) novelty(ctx context.Context, f Features, groups []string) (*head.Novelty, error) {
	if o.NoveltyRate == 0 {
		return nil, nil
	}
	if zeros := f.X.ZeroRows(); len(zeros) > 0 {
		logrus.Warnf("%d of the %d training images have features that are all 0 (%s): the head will call all such images unknown; look whether they are pictures without content", len(zeros), f.X.Rows, text.Some(pick(f.Paths, zeros)))
	}
	n, err := head.TrainNovelty(ctx, f.X, f.Labels, head.NoveltyOptions{Layers: f.Layers, Groups: groups, Rate: o.NoveltyRate, Seed: o.Seed})
	if errors.Is(err, head.ErrCopies) {
		return nil, fmt.Errorf("%w: use more images, or --novelty-rate 0 for a head that does not tell what it does not know", err)
	}
	if err != nil {
		return nil, err
	}
	if least := 1 / o.NoveltyRate; float64(n.Measured+1) < least {
		logrus.Warnf("%s too few for a novelty rate of %g: more than that may be above the cutoff; it takes %.0f", text.Count(n.Measured, "different image is", "different images are"), o.NoveltyRate, least-1)
	}
	return n, nil
}
