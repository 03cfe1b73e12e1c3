package extraction

import (
	"context"
	"path/filepath"

	"fovea/featurestore/remote"
	"fovea/models"
)

// CreateOutput begins to write a dataset to a URL; see remote.Create. No staging directory
// means the one in the cache.
func CreateOutput(ctx context.Context, url string, options remote.Options) (*remote.Output, error) {
	if options.Staging == "" {
		weights, err := models.Dir()
		if err != nil {
			return nil, err
		}
		options.Staging = filepath.Join(filepath.Dir(weights), "staging")
	}
	return remote.Create(ctx, url, options)
}
