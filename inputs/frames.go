package inputs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"fovea/objects"
	"fovea/picture"
	"fovea/picture/frames"
	"fovea/pipeline"
)

// openFrames is the pipeline.Opener of files with several frames, if more than the first is wanted.
func (o Options) openFrames(file string, open pipeline.OpenFunc) (pipeline.Source, error) {
	if o.Frames.First() || !frames.MayHave(file) && !frames.Unnamed(file) {
		return nil, nil
	}
	return &frameSource{file, open, o.Frames, frames.Options{MaxPixels: o.MaxPixels}}, nil
}

type frameSource struct {
	file    string
	open    pipeline.OpenFunc
	wanted  frames.Selection
	options frames.Options
}

// List implements pipeline.Source. Frames are called #1, #2 and so on.
func (s *frameSource) List(ctx context.Context, visit func(pipeline.Item) error) (pipeline.Others, error) {
	f, err := s.open(ctx)
	if err != nil {
		return pipeline.Others{}, err
	}
	defer f.Close() // read-only
	w := &witness{File: f}
	reader, err := s.frames(ctx, w)
	if err != nil {
		if errors.Is(err, frames.ErrNone) && picture.Decodes(s.file, nil) {
			return pipeline.Others{}, pipeline.ErrOneImage // whose content will be refused, as without frames
		}
		return pipeline.Others{}, w.ofFrames(err)
	}
	defer closeFrames(reader)
	wanted, err := s.wanted.Of(reader.Times())
	if err != nil {
		return pipeline.Others{}, err
	}
	for _, i := range wanted {
		if err := visit(pipeline.Item{Path: "#" + strconv.Itoa(i+1), Index: i}); err != nil {
			return pipeline.Others{}, err
		}
	}
	return pipeline.Others{}, nil
}

// frames lists those of a file, which is open; those of a video that only ffmpeg can read by its name.
func (s *frameSource) frames(ctx context.Context, w *witness) (frames.Reader, error) {
	reader, err := frames.Open(w, w.Size(), s.options)
	if !frames.MayHave(s.file) && (errors.Is(err, frames.ErrVideo) || errors.Is(err, frames.ErrNone)) {
		return nil, frames.ErrSingle // whose name says nothing
	}
	if !errors.Is(err, frames.ErrVideo) {
		return reader, err
	}
	if objects.IsURL(s.file) {
		return nil, fmt.Errorf("%w: copy it from the object store first, so that ffmpeg can read it", err)
	}
	return frames.OpenVideo(ctx, s.file, s.options)
}

// closeFrames ends the program that some are read through.
func closeFrames(r frames.Reader) {
	if c, ok := r.(io.Closer); ok {
		_ = c.Close() // opened for reading
	}
}

// ofFrames says what an error of opening a file for its frames means for the listing.
func (w *witness) ofFrames(err error) error {
	switch failure := w.failure.Load(); {
	case failure != nil:
		return failure
	case errors.Is(err, frames.ErrSingle):
		return pipeline.ErrOneImage
	case errors.Is(err, frames.ErrNone):
		return fmt.Errorf("%w: %w", pipeline.ErrNoPictures, err)
	}
	return err
}

// Open implements pipeline.Source.
func (s *frameSource) Open(ctx context.Context, file pipeline.File) (pipeline.Contents, error) {
	w := &witness{File: file}
	reader, err := s.frames(ctx, w)
	if err != nil {
		if errors.Is(err, frames.ErrSingle) {
			err = errors.New("it has changed: it has one image now")
		}
		return nil, errors.Join(w.ofFrames(err), file.Close())
	}
	return &frameContents{ctx, reader, w}, nil
}

type frameContents struct {
	ctx    context.Context
	reader frames.Reader
	file   *witness
}

// Picture implements pipeline.Contents.
func (c *frameContents) Picture(item pipeline.Item) (io.Reader, int64, error) {
	if item.Index >= len(c.reader.Times().Starts) {
		return nil, 0, errors.New("it has changed: this frame has disappeared")
	}
	data, err := c.reader.Frame(c.ctx, item.Index)
	if err != nil {
		return nil, 0, c.file.ofFrames(err)
	}
	return bytes.NewReader(data), int64(len(data)), nil
}

// Facts implements pipeline.FactsContents.
func (c *frameContents) Facts(pipeline.Item) (picture.Facts, error) {
	if of, ok := c.reader.(interface{ Facts() picture.Facts }); ok {
		return of.Facts(), nil
	}
	return picture.Facts{}, nil
}

// Close implements pipeline.Contents.
func (c *frameContents) Close() error {
	closeFrames(c.reader)
	return c.file.Close()
}
