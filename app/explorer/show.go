package explorer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"fovea/picture"
)

// thumbSizes are the widths and heights of thumbnails, in pixels.
var thumbSizes = map[string]int{"": 128, "64": 64, "128": 128, "256": 256}

const (
	// shownSide bounds the longer side of an image that is converted, in pixels.
	shownSide    = 2048
	shownQuality = 90
	thumbQuality = 82
)

// getImage answers with the image of a row, as a browser can show it.
func (s *Server) getImage(w http.ResponseWriter, r *http.Request) {
	s.picture(w, r, "image", func(ctx context.Context, t *table, row int) ([]byte, error) {
		data, err := s.files.bytes(ctx, t, row)
		if err != nil || t.asStored() && browserShows(data) {
			return data, err
		}
		return t.convert(data, 0)
	})
}

// getThumb answers with the centre of a row's image, a square.
func (s *Server) getThumb(w http.ResponseWriter, r *http.Request) {
	size, ok := thumbSizes[r.URL.Query().Get("size")]
	if !ok {
		refuse(w, r, refusal(http.StatusBadRequest, "size=%q: give 64, 128 or 256", r.URL.Query().Get("size")))
		return
	}
	s.picture(w, r, "thumb"+strconv.Itoa(size), func(ctx context.Context, t *table, row int) ([]byte, error) {
		key := thumbKey{t.data, row, size}
		if thumb, ok := s.files.thumbs.get(key); ok {
			return thumb, nil
		}
		data, err := s.files.bytes(ctx, t, row)
		if err != nil {
			return nil, err
		}
		thumb, err := t.convert(data, size)
		if err == nil {
			s.files.thumbs.put(key, thumb)
		}
		return thumb, err
	})
}

// picture answers with what make returns for the row of a request. Browsers may keep it: under the address with a version
// for good, and otherwise as long as the row's image is the same.
func (s *Server) picture(w http.ResponseWriter, r *http.Request, what string, make func(context.Context, *table, int) ([]byte, error)) {
	t, err := s.edition(r)
	row := 0
	if err == nil {
		row, err = t.number(r.PathValue("row"))
	}
	if err != nil {
		refuse(w, r, err)
		return
	}
	tag := fmt.Sprintf("%q", what+"-"+t.sha256[row]+"-"+t.identity[:16]) // the place in a file of several is in the path
	if r.Header.Get("If-None-Match") == tag && t.sha256[row] != "" {
		keep(w, r, tag)
		w.WriteHeader(http.StatusNotModified)
		return
	}
	data, err := s.made(r.Context(), t, row, make)
	if err != nil {
		refuse(w, r, err)
		return
	}
	keep(w, r, tag)
	w.Header().Set("Content-Type", contentType(data))
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = w.Write(data) // fails only for a page that has gone
}

// made calls make when it is its turn, and gives errors their status.
func (s *Server) made(ctx context.Context, t *table, row int, make func(context.Context, *table, int) ([]byte, error)) ([]byte, error) {
	select {
	case s.files.busy <- struct{}{}:
		defer func() { <-s.files.busy }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	data, err := make(ctx, t, row)
	var unreadable *picture.Error
	switch {
	case errors.Is(err, errNoPicture):
		return nil, statusError{http.StatusNotFound, err}
	case errors.As(err, &unreadable):
		return nil, statusError{http.StatusUnprocessableEntity, err}
	}
	return data, err
}

// keep lets a browser keep an image.
func keep(w http.ResponseWriter, r *http.Request, tag string) {
	w.Header().Set("ETag", tag)
	w.Header().Set("Cache-Control", "private, no-cache")
	if r.URL.Query().Get("version") != "" {
		w.Header().Set("Cache-Control", "private, max-age=86400, immutable")
	}
}

// asStored says that the model saw the images' own colours.
func (t *table) asStored() bool {
	made, _ := t.dataset.Recipe().Part(t.layer.Name)
	return made.Bands == "" && (made.Range == "" || picture.Range(made.Range) == picture.RangeAuto)
}

// convert makes a JPEG of an image with the colours that the model saw: a square of that size, or for 0 the whole, at most
// shownSide wide and high.
func (t *table) convert(data []byte, square int) ([]byte, error) {
	made, _ := t.dataset.Recipe().Part(t.layer.Name)
	o := picture.Options{
		Width: square, Height: square, Resize: picture.Crop, Interpolation: picture.Bicubic,
		Background: picture.Background(made.Background), Bands: picture.Bands(made.Bands), Range: picture.Range(made.Range),
	}
	quality := thumbQuality
	if square == 0 {
		quality, o.Resize = shownQuality, picture.Squash
		var err error
		if o.Width, o.Height, err = shownSize(data); err != nil {
			return nil, err
		}
	}
	p, err := picture.Decode(data, o)
	if err != nil {
		return nil, err
	}
	return p.JPEG(quality)
}

// shownSize is the size of an image that is turned upright and converted.
func shownSize(data []byte) (width, height int, err error) {
	p, err := picture.Inspect(data, 0)
	if err != nil {
		return 0, 0, err
	}
	width, height = p.SourceWidth, p.SourceHeight
	if turn, err := picture.Orientation(data, 0); err == nil && turn >= 5 {
		width, height = height, width
	}
	if side := max(width, height); side > shownSide {
		width, height = max(1, width*shownSide/side), max(1, height*shownSide/side)
	}
	return width, height, nil
}

// browserShows says whether browsers show a file as it is.
func browserShows(data []byte) bool {
	switch contentType(data) {
	case "image/jpeg":
		return plainJPEG(data)
	case "image/png", "image/gif", "image/webp", "image/avif", "image/bmp":
		return true
	}
	return false
}

// contentType is that of an image, "application/octet-stream" where it is not one that browsers show.
func contentType(data []byte) string {
	if picture.IsAVIF(data) {
		return "image/avif"
	}
	switch kind := http.DetectContentType(data); kind {
	case "image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp":
		return kind
	}
	return "application/octet-stream"
}

// plainJPEG says whether a JPEG is coded as browsers know: by Huffman's codes, with samples of 8 bits.
func plainJPEG(data []byte) bool {
	for at := 2; at+4 < len(data) && data[at] == 0xff; {
		marker := data[at+1]
		switch {
		case marker == 0xff: // filling
			at++
			continue
		case marker >= 0xc0 && marker <= 0xc2:
			return data[at+4] == 8
		case marker > 0xc2 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc, marker == 0xda:
			return false
		}
		at += 2 + int(data[at+2])<<8 + int(data[at+3])
	}
	return false
}

// thumbCache keeps the thumbnails that were asked for last, in memory.
type thumbCache struct {
	mutex sync.Mutex
	// young and old are two generations: when the young one is full, it becomes the old one, which is forgotten.
	young, old map[thumbKey][]byte
	bytes      int
}

type thumbKey struct {
	of        *vectorData
	row, size int
}

// mostThumbBytes bounds each generation.
const mostThumbBytes = 32 << 20

func (c *thumbCache) get(key thumbKey) ([]byte, bool) {
	c.mutex.Lock()
	thumb, ok := c.young[key]
	if !ok {
		thumb, ok = c.old[key]
	}
	c.mutex.Unlock()
	return thumb, ok
}

func (c *thumbCache) put(key thumbKey, thumb []byte) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.young == nil || c.bytes > mostThumbBytes {
		c.old, c.young, c.bytes = c.young, map[thumbKey][]byte{}, 0
	}
	c.young[key] = thumb
	c.bytes += len(thumb)
}
