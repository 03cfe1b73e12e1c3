package featurestore

import (
	"context"
	"maps"
)

// Counts are the numbers of rows by label and by split, spelled as in the manifest; "" stands for
// rows without one.
type Counts struct{ Labels, Splits map[string]int }

// Counts counts the rows. If a writer is at work or was killed it reads them, because the manifest
// lags behind.
func (d *Dataset) Counts(ctx context.Context) (Counts, error) {
	m := d.manifest
	if m.Status != StatusWriting {
		return Counts{withRest(m.Labels, m.Rows), withRest(m.Splits, m.Rows)}, nil
	}
	index, err := d.Index(ctx)
	if err != nil {
		return Counts{}, err
	}
	c := Counts{map[string]int{}, map[string]int{}}
	for i := range index.Paths {
		c.Labels[EscapeText(index.Labels[i])]++
		c.Splits[EscapeText(index.Splits[i])]++
	}
	return c, nil
}

// withRest adds the number of rows without a value.
func withRest(counts map[string]int, rows int) map[string]int {
	all := maps.Clone(counts)
	if all == nil {
		all = map[string]int{}
	}
	for _, n := range counts {
		rows -= n
	}
	if rows > 0 {
		all[""] = rows
	}
	return all
}
