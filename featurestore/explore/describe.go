package explore

import (
	"context"
	"fmt"

	"fovea/featurestore"
	"fovea/vectors"
)

// Inspection is what a dataset consists of: its manifest, with the numbers of rows as they are, even where its
// writer was killed.
type Inspection struct {
	// Bytes is the size of the shards' files.
	Bytes   int64                 `json:"bytes"`
	Columns []featurestore.Column `json:"columns"`
	// FailuresByStage counts the images that could not be read.
	FailuresByStage map[string]int `json:"failures_by_stage"`
	featurestore.Manifest
}

// Inspect reads everything about a dataset but its vectors.
func Inspect(ctx context.Context, d *featurestore.Dataset) (Inspection, error) {
	m, err := counted(ctx, d)
	if err != nil {
		return Inspection{}, err
	}
	failures, err := d.Failures()
	if err != nil {
		return Inspection{}, fmt.Errorf("read the failures: %w", err)
	}
	i := Inspection{Columns: d.Columns(), Manifest: m, FailuresByStage: map[string]int{}, Bytes: shardBytes(d)}
	for _, f := range failures {
		i.FailuresByStage[f.Stage]++
	}
	return i, nil
}

// counted is the manifest with the labels and splits of the rows.
func counted(ctx context.Context, d *featurestore.Dataset) (featurestore.Manifest, error) {
	m := d.Manifest()
	counts, err := d.Counts(ctx)
	if err != nil {
		return m, fmt.Errorf("count the rows: %w", err)
	}
	m.Labels, m.Splits = counts.Labels, counts.Splits
	delete(m.Labels, "")
	delete(m.Splits, "")
	return m, nil
}

func shardBytes(d *featurestore.Dataset) (bytes int64) {
	for _, s := range d.Shards() {
		bytes += s.Bytes
	}
	return bytes
}

// Statistics describe the vectors of a dataset.
type Statistics struct {
	Rows     int            `json:"rows"`
	Failures int            `json:"failures"`
	Labels   map[string]int `json:"labels"`
	Splits   map[string]int `json:"splits"`
	Shards   int            `json:"shards"`
	// Bytes is the size of the shards' files, RawBytes that of the values without compression.
	Bytes    int64             `json:"bytes"`
	RawBytes int64             `json:"raw_bytes"`
	Layers   []LayerStatistics `json:"layers"`
}

// LayerStatistics describe the vectors of one layer.
type LayerStatistics struct {
	Name string `json:"name"`
	vectors.Statistics
}

// Describe reads all vectors of a dataset and describes them.
func Describe(ctx context.Context, d *featurestore.Dataset) (Statistics, error) {
	m, err := counted(ctx, d)
	if err != nil {
		return Statistics{}, err
	}
	s := Statistics{Rows: m.Rows, Failures: m.Failures, Labels: m.Labels, Splits: m.Splits, Shards: len(m.Shards), Bytes: shardBytes(d)}
	for _, l := range m.Recipe.Layers {
		s.RawBytes += int64(m.Rows) * int64(l.Size()) * int64(m.DType.Size())
		described, err := vectors.Describe(ctx, streamed(d, l, featurestore.ScanOptions{Layers: []string{l.Name}}, nil))
		if err != nil {
			return s, fmt.Errorf("describe layer %s: %w", l.Name, err)
		}
		described.Cols = l.Size() // known even without rows
		s.Layers = append(s.Layers, LayerStatistics{l.Name, described})
	}
	return s, nil
}
