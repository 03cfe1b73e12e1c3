package extraction

import (
	"context"
	"fmt"

	"github.com/sirupsen/logrus"

	"fovea/inputs"
	"fovea/internal/text"
	"fovea/pipeline"
)

// list finds the images and keeps the selected ones.
func (o *Options) list(ctx context.Context) (pipeline.Listing, error) {
	listing, err := o.find(ctx)
	if err != nil {
		inputs.WarnForeign(listing.Others) // which may explain it
		return listing, err
	}
	inputs.WarnLabels(listing, o.Labels)
	found := len(listing.Items)
	listing.Items = o.Selection.Apply(listing.Items)
	logrus.Infof("%s found, %s skipped", text.Plural(found, "image"), text.Plural(listing.Skipped, "other file"))
	if len(listing.Items) < found {
		logrus.Infof("%d of them are selected", len(listing.Items))
	}
	if len(listing.Items) == 0 {
		return listing, fmt.Errorf("%w are left of %d by --include, --exclude and --shard", pipeline.ErrNoPictures, found)
	}
	return listing, nil
}

func (o *Options) find(ctx context.Context) (pipeline.Listing, error) {
	options := inputs.Options{MaxMemory: o.MaxMemory}
	finder, labels := options.Finder(), options.Labeler(o.Labels)
	finder.Exclude = o.Selection.Exclude
	if o.FilesFrom != nil {
		return finder.ListPaths(ctx, o.FilesFrom, labels)
	}
	return finder.List(ctx, o.Images, labels)
}
