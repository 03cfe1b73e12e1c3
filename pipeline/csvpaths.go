package pipeline

import (
	"errors"
	"fmt"
	"slices"

	"fovea/internal/labeltable"
)

// labelPaths is Label for paths. A table that has none of them is an error, too.
func (c CSVLabels) labelPaths(p *PathLabels, paths []string, demanded func(i int) bool) error {
	table, err := c.read()
	if err != nil {
		return fmt.Errorf("pipeline: %w", err)
	}
	matching, err := table.MatchSome(paths)
	if err == nil && len(paths) > 0 && !slices.Contains(matching.Found, true) {
		demanded = nil
	}
	for i, found := range matching.Found {
		if !found && (demanded == nil || demanded(i)) {
			matching, err = table.Match(paths, demanded)
			break
		}
	}
	if missing := (*labeltable.Missing)(nil); errors.As(err, &missing) {
		return &MissingLabels{missing.Count, fmt.Errorf("pipeline: %w", err)}
	}
	if err != nil {
		return fmt.Errorf("pipeline: %w", err)
	}
	for i, label := range matching.Labels {
		p.Labels[i], p.Splits[i], p.Found[i] = label.Label, label.Split, matching.Found[i]
	}
	p.HasSplits = table.HasSplits()
	p.Unused, p.FirstUnused = table.Unused(matching)
	c.tell(table, matching, 0, "") // whoever asks for paths tells of the rest
	return nil
}
