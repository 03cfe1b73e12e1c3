package extraction

import (
	"errors"
	"fmt"
	"slices"

	"fovea/featurestore"
	"fovea/inputs"
	"fovea/pipeline"
)

// Sink stores the pipeline's results in a dataset. It is a pipeline.Sink, for one goroutine.
type Sink struct{ Writer *featurestore.Writer }

// Append stores rows. A row with a value that the dataset cannot hold, such as one too large for float16, is a
// *pipeline.Refusal.
func (s Sink) Append(rows []pipeline.Row) error {
	stored := make([]featurestore.Row, len(rows))
	for i, r := range rows {
		stored[i] = featurestore.Row{
			Path: r.Path, Label: r.Label, Split: r.Split, SHA256: r.SHA256,
			Width: int32(r.Width), Height: int32(r.Height), Features: r.Features, Seen: r.Seen,
			Group: r.Group,
		}
		if g := r.Georeference; g != nil {
			stored[i].Georeference = &featurestore.Georeference{CRS: g.CRS, XMin: g.XMin, YMin: g.YMin, XMax: g.XMax, YMax: g.YMax}
		}
	}
	err := s.Writer.Append(stored...)
	var row *featurestore.RowError
	if !errors.Is(err, featurestore.ErrNotFinite) || !errors.As(err, &row) {
		return err
	}
	at := slices.IndexFunc(rows, func(r pipeline.Row) bool { return r.Path == row.Path })
	return &pipeline.Refusal{Row: at, Err: fmt.Errorf("layer %s: %w", row.Layer, row.Err)}
}

// Fail stores an image that cannot be read, and why.
func (s Sink) Fail(f pipeline.Failure) error {
	return s.Writer.AppendFailure(stored(f))
}

// stored is a failure as a dataset has it.
func stored(f pipeline.Failure) featurestore.Failure {
	return featurestore.Failure{
		Path: f.Path, Label: f.Label, Split: f.Split, Stage: string(f.Stage), Reason: f.Reason, SHA256: f.SHA256, Seen: f.Seen,
	}
}

// loudSink logs the failures as well.
type loudSink struct{ Sink }

// doubtingSink is a loudSink that also looks for mistakes in the rows.
type doubtingSink struct {
	loudSink
	doubts *doubts
}

func (s doubtingSink) Append(rows []pipeline.Row) error {
	err := s.Sink.Append(rows)
	if err == nil {
		s.doubts.see(rows)
	}
	return err
}

func (s loudSink) Fail(f pipeline.Failure) error {
	inputs.WarnFailure(f)
	return s.Sink.Fail(f)
}
