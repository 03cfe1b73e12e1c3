package extraction

import (
	"errors"
	"fmt"
	"slices"

	"fovea/featurestore"
	"fovea/pipeline"
)

// Store appends the pipeline's rows to a dataset. One with a value that cannot be stored there, as
// float16 perhaps, is a *pipeline.Refusal.
func Store(w *featurestore.Writer, rows []pipeline.Row) error {
	stored := make([]featurestore.Row, len(rows))
	for i, r := range rows {
		stored[i] = featurestore.Row{
			Path: r.Path, Label: r.Label, Split: r.Split, SHA256: r.SHA256,
			Width: int32(r.Width), Height: int32(r.Height), Features: r.Features, Seen: r.Seen,
		}
	}
	err := w.Append(stored...)
	var row *featurestore.RowError
	if !errors.Is(err, featurestore.ErrNotFinite) || !errors.As(err, &row) {
		return err
	}
	at := slices.IndexFunc(rows, func(r pipeline.Row) bool { return r.Path == row.Path })
	return &pipeline.Refusal{Row: at, Err: fmt.Errorf("layer %s: %w", row.Layer, row.Err)}
}
