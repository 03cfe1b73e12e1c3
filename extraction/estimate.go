package extraction

import (
	"cmp"
	"context"
	"time"

	"fovea/inference"
	"fovea/internal/spelling"
	"fovea/pipeline"
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
}

// Duration is Seconds.
func (e Estimated) Duration() time.Duration { return time.Duration(e.Seconds * float64(time.Second)) }

// Estimate reads the headers of the images, computes one batch, and says what Run would do with the options. It
// writes nothing. If the model cannot be opened, the counts in the result are still right.
func Estimate(ctx context.Context, options Options) (Estimated, error) {
	if err := options.Validate(); err != nil {
		return Estimated{}, err
	}
	o := options.withDefaults()
	listing, err := o.list(ctx)
	if err != nil {
		return Estimated{}, err
	}
	kinds, readable, err := pipeline.Survey(ctx, listing.Items, o.MaxPixels, cmp.Or(o.Batch, inference.DefaultBatch()))
	if err != nil {
		return Estimated{}, err
	}
	e := survey(listing, kinds)
	if len(readable) > 0 {
		err = o.measure(ctx, &e, readable)
	}
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
func (o *Options) measure(ctx context.Context, e *Estimated, sample []pipeline.Item) error {
	group, err := o.Open()
	if err != nil {
		return err
	}
	defer group.Close() // nothing depends on it
	for _, l := range group.First().Layers() {
		e.Bytes += int64(e.Rows) * int64(l.Size()) * int64(o.DType.Size())
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
	e.Seconds = extrapolate(stats, e.Rows, o.ImagesPerBatch(group), group.Devices())
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
