package cli

import (
	"fmt"

	"fovea/pipeline"
)

// ParseLabels reads the value of a --labels flag as pipeline.ParseLabels does; the FILE of csv:FILE may
// be a file:// URL.
func ParseLabels(value string) (pipeline.Labeler, error) {
	labeler, err := pipeline.ParseLabels(value)
	if err != nil {
		return nil, UsageError{fmt.Errorf("--labels: %w", err)}
	}
	if table, ok := labeler.(pipeline.CSVLabels); ok {
		if table.File, err = LocalPath(table.File); err != nil {
			return nil, err
		}
		labeler = table
	}
	return labeler, nil
}

// ParseGrouping reads the value of a --group-by flag in the same way.
func ParseGrouping(value string) (pipeline.Grouping, error) {
	grouping, err := pipeline.ParseGrouping(value)
	if err != nil {
		return grouping, UsageError{fmt.Errorf("--group-by: %w", err)}
	}
	if file := grouping.File(); file != "" {
		if file, err = LocalPath(file); err != nil {
			return grouping, err
		}
		grouping = grouping.WithFile(file)
	}
	return grouping, nil
}
