package extraction

import (
	"cmp"
	"context"
	"errors"
	"time"

	"fovea/featurestore"
	"fovea/featurestore/remote"
	"fovea/inference"
	"fovea/internal/spelling"
	"fovea/objects"
	"fovea/pipeline"
	"fovea/projection"
)

// Estimated says what a run would do. Names are spelled as datasets show them.
type Estimated struct {
	// Images is the number of images found and selected, Rows how many of them will become rows, judging by
	// their headers. Kinds counts them by format.
	Images int             `json:"images"`
	Rows   int             `json:"rows"`
	Kinds  []pipeline.Kind `json:"kinds"`
	// OtherFiles is the number of files that are not images.
	OtherFiles int `json:"other_files"`
	// NotRead counts images in unsupported formats, except those among Images whose names claim a format
	// that is supported.
	NotRead []pipeline.ForeignFiles `json:"not_read,omitempty"`
	// Unlisted are directories and archives that could not be read, or not to their end, and why.
	Unlisted []string `json:"unlisted,omitempty"`
	// Bytes is the size of all vectors before compression, Seconds the time for all rows, extrapolated from
	// one batch. Both are 0 without rows.
	Bytes   int64   `json:"feature_bytes"`
	Seconds float64 `json:"estimated_seconds"`
	// Plan is what Options.Sync would do to a dataset that is there. Images and all numbers but this then are of the
	// images that it would extract; Seconds counts comparing, too.
	Plan *Plan `json:"sync,omitempty"`
}

// Duration is Seconds.
func (e Estimated) Duration() time.Duration { return time.Duration(e.Seconds * float64(time.Second)) }

// Estimate reads the headers of the images, computes one batch, and says what Run would do with the options. It
// writes nothing. If the model cannot be opened, the counts in the result are still right.
func Estimate(ctx context.Context, options Options) (Estimated, error) {
	if err := options.Validate(); err != nil {
		return Estimated{}, err
	}
	if (options.Sync || options.Add) && options.Out == "" {
		return Estimated{}, wrong("no dataset is named to synchronize or to add columns to")
	}
	o := options.withDefaults()
	listing, err := o.list(ctx)
	if err != nil {
		return Estimated{}, err
	}
	if o.Sync {
		return o.estimateSync(ctx, listing)
	}
	if o.Add {
		return o.estimateAdd(ctx, listing)
	}
	return o.estimate(ctx, listing, nil)
}

// estimate surveys the images that are extracted, with a model that is open or, where that is nil, opened.
func (o *Options) estimate(ctx context.Context, listing listing, group *inference.Group) (Estimated, error) {
	kinds, readable, err := pipeline.Survey(ctx, listing.Items, o.MaxPixels, cmp.Or(o.Batch, inference.DefaultBatch()))
	if err != nil {
		return Estimated{}, err
	}
	e := survey(listing.Listing, kinds)
	switch {
	case len(readable) == 0:
	case group != nil:
		err = o.measure(ctx, &e, readable, group)
	default:
		if group, err = o.Open(); err == nil {
			defer group.Close() // nothing depends on it
			err = o.measure(ctx, &e, readable, group)
		}
	}
	return e, err
}

// estimateSync compares the images with the dataset first.
func (o *Options) estimateSync(ctx context.Context, found listing) (Estimated, error) {
	r := &run{Options: *o, listing: found}
	if err := cmp.Or(r.adoptPrecision(), r.adoptProjection(), r.openGroups()); err != nil {
		return Estimated{}, err
	}
	o.Project = r.Project
	dir, done, err := remote.Fetch(ctx, r.Out)
	if errors.Is(err, featurestore.ErrNotDataset) && objects.IsURL(r.Out) {
		return o.estimate(ctx, found, nil)
	}
	if err != nil {
		return Estimated{}, err
	}
	defer done()
	if exists, err := featurestore.HasDataset(dir); err != nil {
		return Estimated{}, err
	} else if !exists {
		return o.estimate(ctx, found, nil)
	}
	if err := r.requireKey(dir); err != nil {
		return Estimated{}, err
	}
	if r.group, err = r.Open(); err != nil {
		return Estimated{}, err
	}
	defer r.group.Close() // nothing depends on it
	return r.estimatePlan(ctx, dir)
}

// estimateAdd looks at the dataset first, and estimates the columns of all of its rows.
func (o *Options) estimateAdd(ctx context.Context, found listing) (_ Estimated, err error) {
	r := &run{Options: *o, listing: found}
	dir, done, err := remote.Fetch(ctx, r.Out)
	if err != nil {
		return Estimated{}, err
	}
	defer done()
	if r.group, err = r.Open(); err != nil {
		return Estimated{}, err
	}
	defer r.group.Close() // nothing depends on it
	if r.Project.Unfitted() {
		_, err := r.placeProjection()
		if err == nil && !r.Project.Unfitted() {
			err = r.group.Project(r.Project.Layer)
		}
		if err != nil {
			return Estimated{}, err
		}
	}
	if r.recipe, _, err = r.configure(r.group.First()); err != nil {
		return Estimated{}, err
	}
	u, err := featurestore.ExamineColumns(dir, featurestore.Options{MaxMemory: r.MaxMemory})
	if err != nil {
		return Estimated{}, err
	}
	there, err := r.suit(u.Manifest())
	if err != nil {
		return Estimated{}, err
	}
	var items []pipeline.Item
	if !there {
		if items, _, err = r.images(ctx, u, found); err != nil {
			return Estimated{}, err
		}
	}
	found.Items = items
	return r.estimate(ctx, found, r.group)
}

// estimatePlan estimates what the dataset in dir lacks.
func (r *run) estimatePlan(ctx context.Context, dir string) (_ Estimated, err error) {
	if r.recipe, _, err = r.configure(r.group.First()); err != nil {
		return Estimated{}, err
	}
	r.adoptNames()
	began := time.Now()
	u, err := featurestore.ExamineUpdate(dir, r.info(), r.writing())
	if err != nil {
		return Estimated{}, err
	}
	if err := driftsWithin(u.Manifest().Recipe, r.mostDrift); err != nil {
		return Estimated{}, err
	}
	plan, err := r.Options.plan(ctx, u, r.listing)
	if err != nil {
		return Estimated{}, err
	}
	compared := time.Since(began)
	found := r.listing
	found.Items = plan.extract
	e, err := r.estimate(ctx, found, r.group)
	e.Plan = plan.spelled()
	e.Seconds += compared.Seconds()
	return e, err
}

// survey counts what was found.
func survey(listing pipeline.Listing, kinds []pipeline.Kind) Estimated {
	e := Estimated{Images: len(listing.Items), Kinds: kinds, OtherFiles: listing.Skipped, NotRead: listing.Foreign}
	for i := range e.Kinds {
		k := &e.Kinds[i]
		k.First, k.Reason = spelling.Spell(k.First), spelling.Spell(k.Reason)
		if k.Finding == pipeline.Readable {
			e.Rows += k.Pictures
		}
	}
	for i := range e.NotRead {
		e.NotRead[i].First = spelling.Spell(e.NotRead[i].First)
	}
	for _, failure := range listing.Failures {
		e.Unlisted = append(e.Unlisted, spelling.Spell(failure.Path+": "+failure.Reason))
	}
	return e
}

// measure computes a batch of images to see how long all would take.
func (o *Options) measure(ctx context.Context, e *Estimated, sample []pipeline.Item, group *inference.Group) error {
	for _, l := range group.First().Layers() {
		e.Bytes += int64(e.Rows) * int64(o.Project.How().Stored(l).Size()) * int64(o.DType.Size())
	}
	_, config, err := o.configure(group.First())
	if err != nil {
		return err
	}
	if err := group.First().WarmUp(); err != nil {
		return err
	}
	stats, err := pipeline.Run(ctx, sample, group.First(), discard{}, config)
	if err != nil {
		return err
	}
	computed := e.Rows
	if o.Project.Unfitted() {
		computed += min(e.Rows, projection.Images(o.Project.How()))
	}
	e.Seconds = extrapolate(stats, computed, o.ImagesPerBatch(group), group.Devices())
	return nil
}

// extrapolate is the time in seconds for so many rows, from that of one batch on one device. A batch that is
// not full takes as long as a full one.
func extrapolate(stats pipeline.Stats, rows, batch, devices int) float64 {
	computed := max(stats.Rows, min(batch, rows))
	return stats.Elapsed.Seconds() * float64(rows) / float64(computed*devices)
}

// discard is a pipeline.Sink that keeps nothing.
type discard struct{}

func (discard) Append([]pipeline.Row) error { return nil }
func (discard) Fail(pipeline.Failure) error { return nil }
