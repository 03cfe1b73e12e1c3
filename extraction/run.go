package extraction

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/inference"
	"fovea/inputs"
	"fovea/internal/redact"
	"fovea/internal/text"
	"fovea/pipeline"
	"fovea/recipe"
)

// Run makes or continues the dataset in options.Out. An image that cannot be read is counted in the Result and
// is no error, unless all of them fail: that is pipeline.ErrNothingReadable, with a dataset that lists the
// failures.
//
// When ctx is cancelled, the error is its cause, and the dataset holds all finished rows. A store or machine
// that fails is a *pipeline.StoreError, with the same effect. After any other error the dataset keeps the files
// that were complete. The Result says how far the run came, also with an error.
func Run(ctx context.Context, options Options) (Result, error) {
	if err := options.Validate(); err != nil {
		return Result{}, err
	}
	if options.Out == "" {
		return Result{}, wrong("no output dataset is named")
	}
	r := &run{Options: options.withDefaults(), began: time.Now()}
	r.result.Dataset = redact.Place(r.Out)
	err := r.all(ctx)
	return r.result, err
}

// run is the state of one Run.
type run struct {
	Options
	began time.Time
	// mostDrift is Session.MaxDrift until the dataset has been compared with it.
	mostDrift float64
	listing   listing
	group     *inference.Group
	recipe    recipe.Recipe
	config    pipeline.Config
	result    Result
	// gone are the rows that have lost their images; see doubts.
	gone map[[16]byte]string
	// key is that of patients' groups. byStudy counts images grouped by study for want of a patient.
	key     groupKey
	byStudy atomic.Int64
}

func (r *run) all(ctx context.Context) (err error) {
	if err := r.vacant(); err != nil {
		return err
	}
	if err := cmp.Or(r.adoptPrecision(), r.adoptProjection(), r.openGroups()); err != nil {
		return err
	}
	if err := r.listAndOpen(ctx); err != nil {
		return err
	}
	if err = r.fitProjection(ctx); err == nil {
		r.recipe, r.config, err = r.configure(r.group.First())
	}
	if err == nil {
		r.adoptNames()
		r.describe(&r.config)
		r.config.Monitor, r.config.Grace = &r.Metrics.Monitor, r.Grace
		err = r.write(ctx)
	}
	if ctx.Err() == nil { // else a batch may still be computed, and closing would wait for it
		err = errors.Join(err, r.group.Close())
	}
	return err
}

// listAndOpen lists the images while the model is opened. An error of the listing comes first.
func (r *run) listAndOpen(ctx context.Context) error {
	if err := r.Session.Slower(); err != nil {
		logrus.Warn(err)
	}
	var openErr error
	opened, listed := make(chan struct{}), make(chan struct{})
	r.pictures = func() int {
		<-listed
		return len(r.listing.Items) * r.Views.Count()
	}
	go func() {
		defer close(opened)
		r.group, openErr = r.Open()
	}()
	var err error
	r.listing, err = r.list(ctx)
	close(listed)
	<-opened
	if err != nil {
		if openErr == nil {
			err = errors.Join(err, r.group.Close())
		}
		return err
	}
	inputs.WarnForeign(r.listing.Others)
	r.result.Foreign = r.listing.Others
	return openErr
}

// configure says how images are prepared for the model.
func (o *Options) configure(extractor *inference.Extractor) (recipe.Recipe, pipeline.Config, error) {
	r := o.Recipe(extractor)
	config, err := pipeline.ConfigFor(r)
	if err != nil {
		return r, config, &OptionsError{err}
	}
	config.Workers = o.Workers
	config.Limit(o.MaxPixels, o.MaxTime)
	return r, config, nil
}

// write makes the dataset and, for a URL, uploads it.
func (r *run) write(ctx context.Context) (err error) {
	to, err := r.destination(ctx)
	if err != nil {
		return err
	}
	r.result.Dir = to.dir
	defer func() { err = errors.Join(err, to.upload.Abandon(ctx)) }()
	ctx, release := to.upload.Context(ctx)
	defer release()
	if err := r.keyGroups(to.dir); err != nil {
		return err
	}
	if r.Add {
		return r.add(ctx, to)
	}
	if r.Sync {
		if exists, err := featurestore.HasDataset(to.dir); err != nil || exists {
			if err == nil {
				err = r.sync(ctx, to)
			}
			return err
		}
		if len(r.listing.Items) == 0 {
			return fmt.Errorf("extraction: %w, and no dataset in %s to take rows out of", pipeline.ErrNoPictures, r.result.Dataset)
		}
	}
	return r.writeRows(ctx, to)
}

// writeRows begins or continues a dataset, and closes it however the run ends.
func (r *run) writeRows(ctx context.Context, to destination) error {
	options := r.writing()
	options.Selected, options.OwnGroups = selected(r.listing.Items), r.GroupBy.ByPatient()
	writer, err := r.takeOver(ctx, to, options, r.listing.Items)
	if err != nil {
		return err
	}
	r.result.Begun = true
	items, err := r.begin(writer)
	if err != nil {
		return errors.Join(err, writer.Abort())
	}
	sink := doubtingSink{loudSink{Sink{writer}}, newDoubts()}
	sink.doubts.gone = r.gone
	runErr := r.extract(ctx, items, sink)
	sink.doubts.conclude()
	if err := closeDataset(ctx, writer, runErr); err != nil {
		return errors.Join(runErr, err)
	}
	if err := to.finish(ctx, runErr); err != nil {
		return errors.Join(runErr, err)
	}
	r.result.Rows, r.result.Failures, r.result.Saved = writer.Rows(), writer.Failures(), true
	r.result.Status = featurestore.StatusInterrupted
	if runErr == nil {
		r.result.Status = featurestore.StatusComplete
		return r.result.check()
	}
	return runErr
}

// begin finds out what is left to do: it records the failures of the listing, and returns the images that the
// dataset does not have yet.
func (r *run) begin(writer *featurestore.Writer) (items []pipeline.Item, err error) {
	r.result.Present = writer.Rows()
	items = remaining(r.listing.Items, writer.Done())
	if writer.Rows() == 0 {
		if r.config.First, err = r.First(r.group); err != nil {
			return nil, err
		}
	}
	for _, failure := range r.listing.Failures {
		if err := (loudSink{Sink{writer}}).Fail(failure); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// remaining are the items that are not done.
func remaining(items []pipeline.Item, done map[string]bool) []pipeline.Item {
	if len(done) == 0 {
		return items
	}
	var rest []pipeline.Item
	for _, item := range items {
		if !done[item.Path] {
			rest = append(rest, item)
		}
	}
	return rest
}

// extract carries the items through the pipeline.
func (r *run) extract(ctx context.Context, items []pipeline.Item, sink pipeline.Sink) (err error) {
	r.result.StartUp = time.Since(r.began)
	r.Metrics.begin(len(items), r.result.Present, r.ImagesPerBatch(r.group))
	logrus.WithFields(logrus.Fields{
		"model": r.recipe.Model, "layers": strings.Join(r.Layers, ","), "device": r.group.Device(),
		"precision": r.recipe.Arithmetic(), "library": r.recipe.Library, "convolutions": r.group.First().Model().Convolutions.String(),
	}).Infof("extracting features of %s", text.Plural(len(items), "image"))
	if len(items) == 0 {
		return nil
	}
	update, done := r.Progress(len(items))
	defer done()
	r.config.Progress = update
	defer r.noteStudies()
	r.result.Stats, err = pipeline.Run(ctx, items, r.group, sink, r.config)
	return err
}

// closeDataset closes a dataset after a run that ended with runErr: complete after a run without error, and
// interrupted, with all finished rows, when the run was cancelled, when the images' store or the machine
// failed, or when another run has taken the dataset's lock. After any other error only finished files stay.
func closeDataset(ctx context.Context, writer *featurestore.Writer, runErr error) error {
	var store *pipeline.StoreError
	switch {
	case runErr == nil:
		return writer.Close(featurestore.StatusComplete)
	case cancelled(ctx, runErr) || errors.As(runErr, &store) || errors.Is(runErr, featurestore.ErrLocked):
		return writer.Close(featurestore.StatusInterrupted)
	}
	return writer.Abort()
}

// cancelled reports whether a run ended because its context did.
func cancelled(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (errors.Is(err, context.Cause(ctx)) || errors.Is(err, ctx.Err()))
}

// info is what the dataset's rows have in common.
func (r *run) info() featurestore.Info {
	extra, grouping := r.extra()
	return featurestore.Info{
		Recipe: r.recipe, DType: r.DType, ToolVersion: r.ToolVersion, Device: r.group.Device(), Extra: extra, Grouping: grouping,
	}
}

// check is an error if the dataset has failures and not one row.
func (r Result) check() error {
	if r.Rows > 0 || r.Failures == 0 {
		return nil
	}
	if err := r.Stats.Check(); err != nil {
		return err
	}
	return fmt.Errorf("extraction: %w: all %d failed in earlier runs; --retry-failed reads them again", pipeline.ErrNothingReadable, r.Failures)
}
