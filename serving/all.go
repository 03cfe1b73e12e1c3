package serving

import (
	"context"

	"github.com/sirupsen/logrus"

	"fovea/internal/spelling"
	"fovea/pipeline"
)

// PredictAll predicts the images of a listing, several at a time, and writes a row for each, in their
// order; what failed to be listed comes first. It logs why an image cannot be read, and returns how
// many there were. An error is one of the run, as pipeline.Run's, or pipeline.ErrNothingReadable.
// The writer is not closed. Progress, if set, is called after each batch.
func (p *Predictor) PredictAll(ctx context.Context, listing pipeline.Listing, w Writer, d Decision, progress func(pipeline.Stats)) (failures int, err error) {
	sink := &writerSink{predictor: p, decision: d, writer: w}
	for _, f := range listing.Failures {
		if err := sink.Fail(f); err != nil {
			return sink.failures, err
		}
	}
	config := p.config
	config.Progress = progress
	stats, err := pipeline.Run(ctx, listing.Items, p.features.extractor, sink, config)
	if err == nil {
		err = stats.Check()
	}
	return sink.failures, err
}

// writerSink applies the head to the pipeline's features and writes what comes out.
type writerSink struct {
	predictor *Predictor
	decision  Decision
	writer    Writer
	failures  int
}

// Append implements pipeline.Sink.
func (s *writerSink) Append(rows []pipeline.Row) error {
	for _, row := range rows {
		outcomes, err := s.predictor.classify(row.Features, 1)
		if err != nil {
			return err
		}
		if err := s.writer.Write(s.decision.Prediction(row.Path, outcomes[0], s.predictor.Classes())); err != nil {
			return err
		}
	}
	return nil
}

// Fail implements pipeline.Sink.
func (s *writerSink) Fail(f pipeline.Failure) error {
	logrus.WithFields(logrus.Fields{"path": spelling.Spell(f.Path), "stage": f.Stage}).Warn(spelling.Spell(f.Reason))
	s.failures++
	return s.writer.Write(Prediction{Path: f.Path, Error: f.Reason})
}
