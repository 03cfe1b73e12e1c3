package extraction

import (
	"context"
	"errors"
	"fmt"

	"github.com/sirupsen/logrus"

	"fovea/inputs"
	"fovea/internal/redact"
	"fovea/internal/text"
	"fovea/pipeline"
)

// listing is what was found and selected.
type listing struct {
	pipeline.Listing
	// bare are the arguments in which there is no image at all.
	bare []string
}

// list finds the images and keeps the selected ones.
func (o *Options) list(ctx context.Context) (listing listing, err error) {
	listing.Listing, err = o.find(ctx)
	listing.bare = o.bare(listing.Items)
	empty := o.Sync && o.AllowEmpty
	if err != nil && !(empty && errors.Is(err, pipeline.ErrNoPictures)) {
		inputs.WarnForeign(listing.Others) // which may explain it
		return listing, err
	}
	if o.Add { // rows keep the labels that they have
		listing.Labeled = 0
	}
	inputs.WarnLabels(listing.Listing, o.Labels)
	found := len(listing.Items)
	listing.Items = o.Selection.Apply(listing.Items)
	if err := o.GroupBy.Group(listing.Items, o.Labels, o.MaxMemory); err != nil {
		return listing, err
	}
	logrus.Infof("%s found, %s skipped", text.Plural(found, "image"), text.Plural(listing.Skipped, "other file"))
	if len(listing.Items) < found {
		logrus.Infof("%d of them are selected", len(listing.Items))
	}
	if !o.Add {
		inputs.TellLabels(listing.Items)
	}
	if len(listing.Items) == 0 && !empty {
		return listing, fmt.Errorf("%w are left of %d by --include, --exclude and --shard", pipeline.ErrNoPictures, found)
	}
	return listing, nil
}

// bare returns the arguments of which no item is.
func (o *Options) bare(items []pipeline.Item) (bare []string) {
	held := map[string]bool{}
	for i := range items {
		held[items[i].Argument] = true
	}
	for _, argument := range o.Images {
		if !held[argument] {
			bare = append(bare, redact.Place(argument))
		}
	}
	return bare
}

func (o *Options) find(ctx context.Context) (pipeline.Listing, error) {
	options := inputs.Options{MaxMemory: o.MaxMemory, Frames: o.Frames, MaxPixels: o.MaxPixels, Tiles: o.Tiles, Bands: o.Bands, Range: o.Range, MaxTime: o.MaxTime}
	finder, labels := options.Finder(), options.Labeler(o.Labels)
	finder.Selection = o.Selection
	if o.FilesFrom != nil {
		return finder.ListPaths(ctx, o.FilesFrom, labels)
	}
	return finder.List(ctx, o.Images, labels)
}
