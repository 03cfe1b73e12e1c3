package cli

import (
	"strings"

	"fovea/pipeline"
)

// ParseLabels reads the value of a --labels flag as pipeline.ParseLabels does; the FILE of csv:FILE may
// be a file:// URL.
func ParseLabels(value string) (pipeline.Labeler, error) {
	if file, found := strings.CutPrefix(value, "csv:"); found {
		path, err := LocalPath(file)
		if err != nil {
			return nil, err
		}
		value = "csv:" + path
	}
	labeler, err := pipeline.ParseLabels(value)
	if err != nil {
		return nil, UsageError{err}
	}
	return labeler, nil
}
