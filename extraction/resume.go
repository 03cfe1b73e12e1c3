package extraction

import (
	"context"
	"errors"
	"iter"
	"path"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/inference"
	"fovea/internal/text"
	"fovea/objects"
	"fovea/pipeline"
	"fovea/recipe"
)

// writing says how the dataset is written.
func (r *run) writing() featurestore.Options {
	return featurestore.Options{
		Format: r.Format, TensorExtension: r.TensorExtension, Resume: r.Resume || r.Sync, Overwrite: r.Overwrite,
		ShardRows: r.RowsPerFile, ShardBytes: r.BytesPerFile, MaxMemory: r.MaxMemory,
	}
}

// takeOver opens the dataset for writing. When an earlier run is resumed, it takes out what is to be read
// again: rows of images that have changed since, and failures that are worth another attempt; where the dataset is only
// staged for another one, also rows of images that cannot be read any more.
func (r *run) takeOver(ctx context.Context, to destination, options featurestore.Options, items []pipeline.Item) (*featurestore.Writer, error) {
	options.Written = to.upload.Written
	writer, err := featurestore.Create(to.dir, r.info(), options)
	if errors.Is(err, featurestore.ErrLabels) {
		if err := r.relabel(ctx, to, err); err != nil {
			return nil, err
		}
		writer, err = featurestore.Create(to.dir, r.info(), options)
	}
	if err != nil || !options.Resume {
		return writer, err
	}
	if err := driftsWithin(writer.Recipe(), r.mostDrift); err != nil {
		return nil, errors.Join(err, writer.Abort())
	}
	r.noteArithmetic(writer.Recipe())
	again, err := r.findChanged(ctx, writer, items, to.staged)
	if err != nil {
		return nil, errors.Join(err, writer.Abort())
	}
	if len(again.rows) > 0 {
		if err := writer.Abort(); err != nil {
			return nil, err
		}
		if err := to.read.Remove(ctx, to.dir, again.rows); err != nil {
			return nil, err
		}
		if writer, err = featurestore.Create(to.dir, r.info(), options); err != nil {
			return nil, err
		}
	}
	writer.Forget(again.failures)
	return writer, nil
}

// noteArithmetic warns that new rows are computed otherwise than those of the dataset.
func (r *run) noteArithmetic(have recipe.Recipe) {
	if len(have.Compare(r.recipe)) > 0 { // only arithmetics that may be mixed
		logrus.Warnf("the dataset's rows are computed in %s, those of this run in %s, which is no less exact: they are not the bytes of an uninterrupted run", have.Arithmetic(), r.recipe.Arithmetic())
	}
}

// adoptPrecision lets precision auto continue a dataset as it was begun, where this machine can. It refuses one that
// drifts further than was asked for.
func (r *run) adoptPrecision() error {
	r.mostDrift = r.Session.MaxDrift
	dir, err := objects.LocalPath(r.Out)
	if r.Session.Precision != inference.PrecisionAuto || !r.Resume && !r.Sync || err != nil || objects.IsURL(r.Out) {
		return nil
	}
	dataset, err := r.reading().Open(dir)
	if err != nil {
		return nil // there is none, or writing to it will say what is wrong
	}
	if err := driftsWithin(dataset.Recipe(), r.mostDrift); err != nil {
		return err
	}
	r.mostDrift = 0 // is looked at
	session := r.Session
	session.Precision, session.MaxDrift = inference.Precision(dataset.Recipe().Precision), 0
	if errors.Is(session.Validate(), inference.ErrDevice) {
		session.Precision = inference.Float32
	}
	r.Session = session
	logrus.Infof("--precision auto: computing in %s: the dataset was begun in %s", session.Precision, dataset.Recipe().Arithmetic())
	return nil
}

// driftsWithin refuses to continue a dataset whose rows are known to drift from float32 by more than most, which
// is 0 where nothing was asked for.
func driftsWithin(have recipe.Recipe, most float64) error {
	drift, known := have.Drift()
	switch {
	case most == 0 || known && drift <= most:
		return nil
	case !known:
		logrus.Warnf("the dataset was begun in %s, whose drift with this model is not published: --max-drift %g cannot be checked", have.Arithmetic(), most)
		return nil
	}
	return wrong("the dataset was begun in %s, whose published drift of %.1e is above --max-drift %g: give --max-drift %.1e or more, or none, to continue it, or --overwrite to make it anew", have.Arithmetic(), drift, most, drift)
}

// selected yields the images with the labels, splits and groups that they have now.
func selected(items []pipeline.Item) iter.Seq[featurestore.Row] {
	return func(yield func(featurestore.Row) bool) {
		for _, item := range items {
			if !yield(featurestore.Row{Path: item.Path, Label: item.Label, Split: item.Split, Group: item.Group}) {
				return
			}
		}
	}
}

// readAgain holds the paths of images to read again although the dataset has them.
type readAgain struct{ rows, failures map[string]bool }

// addLost adds the images that are missing or cannot be read, so that they become failures.
func (a readAgain) addLost(c *pipeline.Comparison) {
	for _, i := range c.Lost {
		path := c.Items[i].Path
		if known, ok := c.Known(path); known.Failed {
			a.failures[path] = true
		} else if ok {
			a.rows[path] = true
		}
	}
}

// findChanged compares the images with those the dataset was made from.
func (r *run) findChanged(ctx context.Context, writer *featurestore.Writer, items []pipeline.Item, staged bool) (readAgain, error) {
	c := pipeline.Comparison{Items: items, Known: knownBy(writer)}
	if err := r.Options.compare(ctx, &c, func() { r.noteGone(writer, &c) }); err != nil {
		return readAgain{}, err
	}
	if c.Unread > 0 && !staged {
		logrus.Warnf("%s as before; the first is %s: %s", text.Count(c.Unread, "image could not be compared and stays", "images could not be compared and stay"), c.FirstUnread.Path, c.FirstUnread.Reason)
	}
	again := r.chooseAgain(writer, &c)
	if staged {
		again.addLost(&c)
	}
	return again, writer.Remember(func(yield func(string, [16]byte) bool) {
		for _, same := range c.Same {
			if !yield(c.Items[same.Place].Path, same.Seen) {
				return
			}
		}
	})
}

// knownBy is what a dataset knows about an image.
func knownBy(dataset interface {
	Known(path string) (featurestore.Known, bool)
}) func(string) (pipeline.Known, bool) {
	return func(path string) (pipeline.Known, bool) {
		known, ok := dataset.Known(path)
		return pipeline.Known{Failed: known.Failed, SHA256: known.SHA256, Seen: known.Seen}, ok
	}
}

// compare looks at images, and reads those that may have changed; looked is called in between.
func (o *Options) compare(ctx context.Context, c *pipeline.Comparison, looked func()) error {
	if err := o.step(ctx, "looking for changes", len(c.Items), c, c.Look); err != nil {
		return err
	}
	looked()
	if len(c.Doubts) == 0 {
		return nil
	}
	logrus.Infof("%d of %d images may be different by now, the first is %s: reading them to compare their SHA-256", len(c.Doubts), len(c.Items), c.Items[c.Doubts[0]].Path)
	return o.step(ctx, "comparing", len(c.Doubts), c, c.Read)
}

// step does a part of the comparison and shows its progress.
func (o *Options) step(ctx context.Context, action string, total int, c *pipeline.Comparison, do func(context.Context) error) error {
	update, done := o.Steps(action, total)
	defer done()
	c.Progress = update
	return do(ctx)
}

// noteGone says how many rows are of images that were not found.
func (r *run) noteGone(writer *featurestore.Writer, c *pipeline.Comparison) {
	gone := writer.Rows()
	for i := range c.Items {
		if known, ok := c.Known(c.Items[i].Path); ok && !known.Failed {
			gone--
		}
	}
	if gone > 0 && r.Resume && takesAll(r.Selection) {
		r.gone = goneRows(writer, c)
		logrus.Infof("%s of the dataset: the image is not among those found now; --sync instead of --resume finds moved ones and removes the rows of those that are gone", text.Plural(gone, "row"))
	}
}

// goneRows are the rows of images that were not found, by half the SHA-256 of their files.
func goneRows(writer *featurestore.Writer, c *pipeline.Comparison) map[[16]byte]string {
	found := make(map[string]bool, len(c.Items))
	for i := range c.Items {
		found[c.Items[i].Path] = true
	}
	gone := map[[16]byte]string{}
	for path, known := range writer.KnownRows() {
		sum := [16]byte(known.SHA256[:16])
		if former, copied := gone[sum]; !found[path] && (copied && path < former || !copied && len(gone) < mostRemembered) {
			gone[sum] = path
		}
	}
	return gone
}

// chooseAgain takes what has changed, and the failures that are worth another attempt.
func (r *run) chooseAgain(writer *featurestore.Writer, c *pipeline.Comparison) readAgain {
	again := readAgain{rows: map[string]bool{}, failures: map[string]bool{}}
	first := ""
	for _, i := range c.Changed {
		path := c.Items[i].Path
		if known, _ := writer.Known(path); known.Failed {
			again.failures[path] = true
			continue
		}
		if len(again.rows) == 0 {
			first = path
		}
		again.rows[path] = true
	}
	if len(again.rows) > 0 {
		logrus.Infof("%s features were extracted, the first is %s: reading again", text.Count(len(again.rows), "image has changed since its", "images have changed since their"), first)
	}
	if len(again.failures) > 0 {
		logrus.Infof("%s that could not be read may have changed: reading again", text.Plural(len(again.failures), "image"))
	}
	for _, path := range worthRetrying(writer.AllFailures(), c.Items, r.RetryFailed, takesAll(r.Selection)) {
		again.failures[path] = true
	}
	return again
}

// worthRetrying returns the failures of earlier runs to retry, apart from changed images: directories and archives that
// could not be listed and now are, images that took too long or lacked a library, and with retry all failures among the
// items, or, where nothing was left out of the items, all failures.
func worthRetrying(failures []featurestore.Failure, items []pipeline.Item, retry, all bool) (paths []string) {
	if len(failures) == 0 {
		return nil
	}
	selected, holders := map[string]bool{}, map[string]bool{}
	for _, item := range items {
		selected[item.Path] = true
		for dir := path.Dir(item.Path); dir != "." && !holders[dir]; dir = path.Dir(dir) {
			holders[dir] = true
		}
	}
	for _, f := range failures {
		listed := f.Stage == string(pipeline.StageList) && holders[f.Path]
		passing := pipeline.Stage(f.Stage).Passes() && selected[f.Path]
		if listed || passing || retry && (selected[f.Path] || all) {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

// takesAll reports whether a selection leaves nothing out.
func takesAll(s pipeline.Selection) bool {
	return len(s.Include)+len(s.Exclude) == 0 && s.Parts == 0 && s.Sample == 0 && s.Limit == 0
}
