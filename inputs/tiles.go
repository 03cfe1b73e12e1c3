package inputs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"

	"github.com/sirupsen/logrus"

	"fovea/internal/redact"
	"fovea/internal/text"
	"fovea/picture"
	"fovea/picture/tiles"
	"fovea/pipeline"
	"fovea/recipe"
)

// openTiles is the pipeline.Opener of images that are cut into tiles, if any are: whatever is called or looks like one.
func (o Options) openTiles(file string, open pipeline.OpenFunc) (pipeline.Source, error) {
	if o.Tiles.Whole() {
		return nil, nil
	}
	scene := picture.SceneOptions{Bands: o.Bands, Range: o.Range, MaxPixels: o.MaxPixels, MaxTime: o.MaxTime}
	return &tileSource{file: file, open: open, spec: o.Tiles, options: scene}, nil
}

// Follow makes the options cut images as those of a recipe were.
func (o *Options) Follow(r recipe.Recipe) (err error) {
	o.Bands, o.Range = picture.Bands(r.Bands), picture.Range(r.Range)
	if o.Tiles, err = tiles.Parse(r.Tiles); err != nil {
		return fmt.Errorf("the recipe of the features: %w", err)
	}
	return nil
}

// whole refuses files whose images are not cut, if tiles are wanted.
func (o Options) whole(opener pipeline.Opener) pipeline.Opener {
	if o.Tiles.Whole() {
		return opener
	}
	return func(file string, open pipeline.OpenFunc) (pipeline.Source, error) {
		source, err := opener(file, open)
		if source != nil && err == nil {
			return nil, errors.New("its images are not cut into tiles: unpack it, or leave out --tile")
		}
		return source, err
	}
}

type tileSource struct {
	file    string
	open    pipeline.OpenFunc
	spec    tiles.Spec
	options picture.SceneOptions
	places  []image.Point
}

// List implements pipeline.Source. Tiles are called by where they begin: #0,0, #224,0 and so on.
func (s *tileSource) List(ctx context.Context, visit func(pipeline.Item) error) (pipeline.Others, error) {
	f, err := s.open(ctx)
	if err != nil {
		return pipeline.Others{}, err
	}
	defer f.Close() // read-only
	w := &witness{File: f}
	head := make([]byte, min(w.Size(), picture.HeadBytes))
	if _, err := w.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return pipeline.Others{}, w.ofTiles(err)
	}
	if !picture.Decodes(s.file, head) {
		return pipeline.Others{}, pipeline.ErrOneImage // or none, which is found out as of every file
	}
	cutter, err := tiles.Open(ctx, w, w.Size(), s.spec, s.options)
	if err != nil {
		return pipeline.Others{}, w.ofTiles(err)
	}
	places, empty, err := cutter.Places()
	if err != nil {
		return pipeline.Others{}, w.ofTiles(err)
	}
	if s.places = places; empty > 0 {
		logrus.Infof("%s: %s of %d left out, which are empty", redact.Place(s.file), text.Plural(empty, "tile"), empty+len(places))
	}
	for i, p := range places {
		if err := visit(pipeline.Item{Path: fmt.Sprintf("#%d,%d", p.X, p.Y), Index: i}); err != nil {
			return pipeline.Others{}, err
		}
	}
	return pipeline.Others{}, nil
}

// ofTiles says what an error of cutting a file means.
func (w *witness) ofTiles(err error) error {
	if failure := w.failure.Load(); failure != nil {
		return failure
	}
	return err
}

// Open implements pipeline.Source.
func (s *tileSource) Open(ctx context.Context, file pipeline.File) (pipeline.Contents, error) {
	w := &witness{File: file}
	cutter, err := tiles.Open(ctx, w, w.Size(), s.spec, s.options)
	if err != nil {
		return nil, errors.Join(w.ofTiles(err), file.Close())
	}
	return &tileContents{cutter, s.places, w}, nil
}

type tileContents struct {
	cutter *tiles.Cutter
	places []image.Point
	file   *witness
}

// Picture implements pipeline.Contents.
func (c *tileContents) Picture(item pipeline.Item) (io.Reader, int64, error) {
	if item.Index >= len(c.places) {
		return nil, 0, errors.New("it has changed: this tile has disappeared")
	}
	data, err := c.cutter.Tile(c.places[item.Index])
	if err != nil {
		return nil, 0, c.file.ofTiles(err)
	}
	return bytes.NewReader(data), int64(len(data)), nil
}

// Facts implements pipeline.FactsContents.
func (c *tileContents) Facts(item pipeline.Item) (facts picture.Facts, err error) {
	facts.Georeference, err = c.cutter.Georeference(c.places[item.Index])
	return facts, err
}

// Close implements pipeline.Contents.
func (c *tileContents) Close() error { return c.file.Close() }
