package cli

import "fovea/pipeline"

// ParseLabels reads the value of a --labels flag as pipeline.ParseLabels does; the FILE of csv:FILE may
// be a file:// URL.
func ParseLabels(value string) (pipeline.Labeler, error) {
	labeler, err := pipeline.ParseLabels(value)
	if err != nil {
		return nil, UsageError{err}
	}
	if table, ok := labeler.(pipeline.CSVLabels); ok {
		if table.File, err = LocalPath(table.File); err != nil {
			return nil, err
		}
		labeler = table
	}
	return labeler, nil
}
