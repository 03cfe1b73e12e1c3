package extraction

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/sirupsen/logrus"

	"fovea/inference"
	"fovea/internal/text"
	"fovea/models"
	"fovea/objects"
	"fovea/pipeline"
	"fovea/projection"
	"fovea/recipe"
)

// project lets the group project its layers, unless the projection is yet to be fitted. It refuses one that does not fit
// the layers or how their features come to be.
func (f Features) project(group *inference.Group) error {
	if f.Project == nil {
		return nil
	}
	extractor := group.First()
	if err := cmp.Or(f.Project.Check(extractor.Computed()), f.Project.Suits(f.unprojected(extractor))); err != nil {
		return &OptionsError{err}
	}
	if f.Project.Unfitted() {
		return nil
	}
	return group.Project(f.Project.Layer)
}

// unprojected is the recipe of the features before the projection.
func (f Features) unprojected(extractor *inference.Extractor) recipe.Recipe {
	f.Project = nil
	r := f.Recipe(extractor)
	r.Layers = extractor.Computed()
	return r
}

// validateProjection refuses to fit a projection where several runs would each fit their own, or where its file has no
// place.
func (o Options) validateProjection() error {
	switch {
	case !o.Project.Unfitted():
	case o.Selection.Parts > 1:
		return wrong("each part of the images would get another projection %s: fit it once, on all or a sample of them, and give the file to all parts", o.Project.How())
	case objects.IsURL(o.Out):
		return wrong("projection %s is fitted with a dataset in a directory: run that once, on all or a sample of the images, and give the file here", o.Project.How())
	}
	return nil
}

// projectionFile is where the projection that is fitted for a dataset is written: beside its directory.
func projectionFile(out string) string { return filepath.Clean(out) + projection.Suffix }

// adoptProjection takes the projection of the dataset that is continued in the place of one to be fitted, and otherwise
// sees to it that there is a place for its file.
func (r *run) adoptProjection() error {
	if !r.Project.Unfitted() || r.Out == "" || r.Add { // placeProjection finds one
		return nil
	}
	out, err := objects.LocalPath(r.Out)
	if err != nil {
		return &OptionsError{err}
	}
	name, how := projectionFile(out), r.Project.How()
	if r.Resume || r.Sync {
		if dataset, err := r.reading().Open(out); err == nil {
			have, err := recipe.ParseProjection(dataset.Recipe().Projection)
			if err != nil {
				return fmt.Errorf("extraction: %s: %w", r.result.Dataset, err)
			}
			if have.Kind != how.Kind || have.Values != how.Values || have.Whiten != how.Whiten {
				return wrong("the dataset was made with --project %s, not %s: give that, or --overwrite to make it anew", cmp.Or(have.String(), "none"), how)
			}
			r.Project, err = models.FindProjection(have.String(), filepath.Dir(name))
			return err
		}
	}
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) && !r.Overwrite {
		return wrong("%s is there already: --project %s uses it, --overwrite replaces it", name, name)
	}
	return nil
}

// fitProjection fits the projection, where that is left to do, and keeps it where predictions find it.
func (r *run) fitProjection(ctx context.Context) error {
	if r.Project.Unfitted() {
		name, err := r.placeProjection()
		if err == nil && r.Project.Unfitted() {
			err = r.fit(ctx, name)
		}
		if err != nil {
			if errors.Is(err, projection.ErrUnsuitable) {
				err = &OptionsError{err}
			}
			return err
		}
		if err := r.group.Project(r.Project.Layer); err != nil {
			return err
		}
	}
	if err := models.KeepProjection(r.Project); err != nil {
		logrus.Warnf("predictions will find the projection only beside the head: %v", err)
	}
	return nil
}

// placeProjection is where the projection is written. For columns to add it looks for one first that was fitted in the same
// way for the same layers: a run that was interrupted leaves it, and so does one whose columns are there.
func (r *run) placeProjection() (name string, err error) {
	out, err := objects.LocalPath(r.Out)
	if err != nil || !r.Add {
		return projectionFile(out), err
	}
	how, of := r.Project.How(), r.unprojected(r.group.First())
	for n := 1; ; n++ {
		if name = projectionFile(out); n > 1 {
			name = projectionFile(out + "." + strconv.Itoa(n))
		}
		if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			return name, nil
		}
		p, err := projection.Load(name)
		if err != nil {
			return "", &OptionsError{err}
		}
		if have := p.How(); have.Kind == how.Kind && have.Values == how.Values && have.Whiten == how.Whiten && p.Check(of.Layers) == nil && p.Suits(of) == nil {
			logrus.Infof("the projection is that of %s, which was fitted for these columns", name)
			r.Project = p
			return name, nil
		}
	}
}

// fit finds the projection on a sample of the images, and writes its file.
func (r *run) fit(ctx context.Context, name string) error {
	how := r.Project.How()
	fitter, err := projection.NewFitter(how, r.unprojected(r.group.First()))
	if err != nil {
		return err
	}
	_, config, err := r.configure(r.group.First())
	if err != nil {
		return err
	}
	items := pipeline.Sample(r.listing.Items, projection.Images(how), 1)
	logrus.Infof("fitting the projection %s on %s", how, text.Plural(len(items), "image"))
	update, done := r.Steps("fitting the projection", len(items))
	if update != nil {
		config.Progress = func(s pipeline.Stats) { update(s.Rows + s.Failures) }
	}
	config.Grace = r.Grace
	_, err = pipeline.Run(ctx, items, r.group, fitSink{fitter}, config)
	done()
	if err != nil {
		return err
	}
	if r.Project, err = fitter.Fit(); err != nil {
		return err
	}
	if err := r.Project.Save(name); err != nil {
		return err
	}
	logrus.Infof("the projection is in %s: keep it with the dataset; --project %s uses it for other images", name, name)
	return nil
}

// fitSink is a pipeline.Sink that fits a projection. Images that cannot be read are left to the run that follows.
type fitSink struct{ fitter *projection.Fitter }

func (s fitSink) Append(rows []pipeline.Row) error {
	for _, row := range rows {
		if err := s.fitter.Add(row.Features); err != nil {
			return err
		}
	}
	return nil
}

func (s fitSink) Fail(pipeline.Failure) error { return nil }
