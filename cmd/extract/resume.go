package main

import (
	"context"
	"errors"
	"path"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/pipeline"
)

// create opens the dataset for writing. When an earlier run is gone on with, the rows of pictures
// that have changed since they were read are taken out, so that they are made anew, and so are
// the failures that are to be tried again.
func (o *options) create(ctx context.Context, listing pipeline.Listing, info featurestore.Info, options featurestore.Options) (*featurestore.Writer, error) {
	options.Selected = func(yield func(featurestore.Row) bool) {
		for _, item := range listing.Items {
			if !yield(featurestore.Row{Path: item.Path, Label: item.Label, Split: item.Split}) {
				return
			}
		}
	}
	writer, err := featurestore.Create(o.dir, info, options)
	if err != nil || !o.resume {
		return writer, err
	}
	again, err := o.compare(ctx, listing, writer)
	if err != nil {
		return nil, errors.Join(err, writer.Abort())
	}
	if len(again.rows) > 0 {
		if err := writer.Abort(); err != nil {
			return nil, err
		}
		if err := featurestore.Remove(ctx, o.dir, again.rows); err != nil {
			return nil, err
		}
		if writer, err = featurestore.Create(o.dir, info, options); err != nil {
			return nil, err
		}
	}
	writer.Forget(again.failures)
	return writer, nil
}

// again are the paths of pictures that are to be read again, though the dataset has them.
type again struct{ rows, failures map[string]bool }

// compare finds the pictures that are others than those that the dataset was made of.
func (o *options) compare(ctx context.Context, listing pipeline.Listing, writer *featurestore.Writer) (again, error) {
	c := pipeline.Comparison{Items: listing.Items, Known: func(path string) (pipeline.Known, bool) {
		known, ok := writer.Known(path)
		return pipeline.Known{Failed: known.Failed, SHA256: known.SHA256, Seen: known.Seen}, ok
	}}
	steps := o.log.NewSteps("looking for changes", "images", len(c.Items))
	c.Progress = steps.Update
	err := c.Look(ctx)
	steps.Done()
	if err != nil {
		return again{}, err
	}
	if len(c.Doubts) > 0 {
		logrus.Infof("%d of %d images may be others than those that were read, the first is %s: they are read to compare their SHA-256", len(c.Doubts), len(c.Items), c.Items[c.Doubts[0]].Path)
		steps = o.log.NewSteps("comparing", "images", len(c.Doubts))
		c.Progress = steps.Update
		err = c.Read(ctx)
		steps.Done()
		if err != nil {
			return again{}, err
		}
	}
	if c.Unread > 0 {
		logrus.Warnf("%d images could not be compared and stay as they are; the first is %s: %s", c.Unread, c.FirstUnread.Path, c.FirstUnread.Reason)
	}
	a := o.chooseAgain(listing, writer, &c)
	return a, writer.Remember(func(yield func(string, [16]byte) bool) {
		for _, r := range c.Same {
			if !yield(c.Items[r.Place].Path, r.Seen) {
				return
			}
		}
	})
}

// chooseAgain takes what has changed, and the failures that the flags want or that the listing
// shows to be none any more.
func (o *options) chooseAgain(listing pipeline.Listing, writer *featurestore.Writer, c *pipeline.Comparison) again {
	a := again{rows: map[string]bool{}, failures: map[string]bool{}}
	first := ""
	for _, i := range c.Changed {
		path := c.Items[i].Path
		if known, _ := writer.Known(path); known.Failed {
			a.failures[path] = true
			continue
		}
		if len(a.rows) == 0 {
			first = path
		}
		a.rows[path] = true
	}
	if len(a.rows) > 0 {
		logrus.Infof("%d images have changed since their features were extracted, the first is %s: they are read again", len(a.rows), first)
	}
	if len(a.failures) > 0 {
		logrus.Infof("%d images that could not be read may be others by now: they are read again", len(a.failures))
	}
	o.addFailures(a.failures, listing, writer.AllFailures())
	return a
}

// addFailures adds failures of earlier runs: with --retry-failed those of the selection, and in any case
// directories and archives that could not be listed and now are.
func (o *options) addFailures(again map[string]bool, listing pipeline.Listing, failures []featurestore.Failure) {
	if len(failures) == 0 {
		return
	}
	selected, holders := map[string]bool{}, map[string]bool{}
	for _, item := range listing.Items {
		selected[item.Path] = true
		for dir := path.Dir(item.Path); dir != "." && !holders[dir]; dir = path.Dir(dir) {
			holders[dir] = true
		}
	}
	for _, f := range failures {
		listed := f.Stage == string(pipeline.StageList) && holders[f.Path]
		if listed || o.retryFailed && (selected[f.Path] || o.takesAll()) {
			again[f.Path] = true
		}
	}
}

// takesAll says whether no flag selects pictures.
func (o *options) takesAll() bool {
	s := o.selection
	return len(s.Include)+len(s.Exclude) == 0 && s.Parts == 0 && s.Sample == 0 && s.Limit == 0
}
