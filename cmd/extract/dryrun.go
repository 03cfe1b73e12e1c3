package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"fovea/app/cli"
	"fovea/inference"
	"fovea/internal/spelling"
	"fovea/pipeline"
)

// forecast is what a dry run says.
type forecast struct {
	// Pictures are all that were found and selected, Rows those of them that will be rows as
	// far as headers tell.
	Pictures   int             `json:"images"`
	Rows       int             `json:"rows"`
	Kinds      []pipeline.Kind `json:"kinds"`
	OtherFiles int             `json:"other_files"`
	// NotRead are pictures of kinds that are not decoded, beside those among Pictures whose names
	// say that they are photographs.
	NotRead []pipeline.ForeignFiles `json:"not_read,omitempty"`
	// Unlisted are directories and archives that could not be read, or not to their end.
	Unlisted []string `json:"unlisted,omitempty"`
	// Bytes is the size of the vectors before compression; Seconds is the time for all rows,
	// from that which a few took.
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
}

// foretell reads the headers of the pictures and computes a few.
func (o *options) foretell(ctx context.Context, listing pipeline.Listing, session inference.SessionConfig) error {
	kinds, readable, err := pipeline.Survey(ctx, listing.Items, o.maxPixels, cmp.Or(o.session.Batch, inference.DefaultBatch()))
	if err != nil {
		return err
	}
	f := forecast{Pictures: len(listing.Items), Kinds: kinds, OtherFiles: listing.Skipped, NotRead: listing.Foreign}
	for _, failure := range listing.Failures {
		f.Unlisted = append(f.Unlisted, spelling.Spell(failure.Path+": "+failure.Reason))
	}
	f.spell()
	for _, k := range kinds {
		if k.Finding == pipeline.Readable {
			f.Rows += k.Pictures
		}
	}
	if !o.json {
		if err := f.printKinds(os.Stdout); err != nil {
			return err
		}
	}
	if len(readable) > 0 {
		if err := o.estimate(ctx, &f, readable, session); err != nil {
			return err
		}
	}
	if o.json {
		return cli.PrintJSON(os.Stdout, f)
	}
	return f.printEstimate(os.Stdout)
}

// spell writes names as datasets show them.
func (f *forecast) spell() {
	for i := range f.Kinds {
		f.Kinds[i].First, f.Kinds[i].Reason = spelling.Spell(f.Kinds[i].First), spelling.Spell(f.Kinds[i].Reason)
	}
	for i := range f.NotRead {
		f.NotRead[i].First = spelling.Spell(f.NotRead[i].First)
	}
}

// discard is a Sink that keeps nothing.
type discard struct{}

func (discard) Append([]pipeline.Row) error { return nil }
func (discard) Fail(pipeline.Failure) error { return nil }

// estimate computes a batch of pictures to see how long all would take.
func (o *options) estimate(ctx context.Context, f *forecast, sample []pipeline.Item, session inference.SessionConfig) error {
	group, err := o.openGroup(session)
	if err != nil {
		return err
	}
	defer group.Close() //nolint:errcheck // the process ends here
	for _, l := range group.First().Layers() {
		f.Bytes += int64(f.Rows) * int64(l.Size()) * int64(o.storedType().Size())
	}
	config, err := pipeline.ConfigFor(o.recipe(group.First()))
	if err != nil {
		return cli.UsageError{Err: err}
	}
	config.Workers, config.Picture.MaxPixels, config.Dense.MaxPixels = o.workers, o.maxPixels, o.maxPixels
	if err := group.First().WarmUp(); err != nil {
		return err
	}
	stats, err := pipeline.Run(ctx, sample, group.First(), discard{}, config)
	if err == nil {
		// A batch that is not full takes as long as a full one.
		batch := o.pictures(group)
		f.Seconds = stats.Elapsed.Seconds() * float64(f.Rows) / float64(max(stats.Rows, min(batch, f.Rows))*group.Devices())
	}
	return err
}

func (f *forecast) printKinds(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FINDING\tFORMAT\tPICTURES\tMB\tMEGAPIXELS\tFIRST")
	for _, k := range f.Kinds {
		fmt.Fprintf(table, "%s\t%s\t%d\t%.1f\t%.1f\t%q\n", k.Finding, cmp.Or(k.Format, "-"), k.Pictures, float64(k.Bytes)/1e6, float64(k.Pixels)/1e6, k.First)
	}
	fmt.Fprintf(table, "all\t\t%d\t\t\t\n", f.Pictures)
	if err := table.Flush(); err != nil {
		return err
	}
	for _, k := range f.Kinds {
		if k.Reason != "" {
			fmt.Fprintf(w, "%q: %s\n", k.First, k.Reason)
		}
	}
	for _, u := range f.Unlisted {
		fmt.Fprintf(w, "not listed: %s\n", u)
	}
	for _, r := range f.NotRead {
		fmt.Fprintf(w, "not read: %s\n", r)
	}
	_, err := fmt.Fprintf(w, "other files: %d\n", f.OtherFiles)
	return err
}

func (f *forecast) printEstimate(w io.Writer) error {
	if f.Rows == 0 {
		_, err := fmt.Fprintln(w, "no row can be made of them")
		return err
	}
	duration := time.Duration(f.Seconds * float64(time.Second)).Round(time.Second)
	_, err := fmt.Fprintf(w, "estimate: %d rows, %.1f MB before compression, %s\n", f.Rows, float64(f.Bytes)/1e6, max(duration, time.Second))
	return err
}
