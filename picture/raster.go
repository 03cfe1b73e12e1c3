package picture

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// A raster is an image without compression, in which programs of this module hand on what they have taken out of a
// file with several: a line that begins with rasterStart and goes on in JSON, and then the samples, row by row.
const rasterStart = "fovea raster "

// maxRasterHeader bounds the first line.
const maxRasterHeader = 1 << 10

// Raster is an image in memory: Channels is 3 for RGB and 4 for RGB with alpha, not premultiplied. Pix has its rows from
// above, without gaps, pixel by pixel.
type Raster struct {
	Width    int `json:"width"`
	Height   int `json:"height"`
	Channels int `json:"channels"`
	// Orientation is how to turn it, 1 to 8 as in EXIF; 0 is upright.
	Orientation int `json:"orientation,omitempty"`
	// Bands are those that it shows, if they were chosen, Faint is as in Picture.
	Bands Bands   `json:"bands,omitempty"`
	Faint bool    `json:"faint,omitempty"`
	Pix   []uint8 `json:"-"`
}

// DecodeRaster decodes an image as it is stored, neither turned nor resized, of at most maxPixels (default
// DefaultMaxPixels). It has alpha where the file has some. Errors are as Decode's.
func DecodeRaster(data []byte, maxPixels int) (Raster, error) {
	return decodeScene(data, SceneOptions{MaxPixels: maxPixels})
}

// rasterJob is that of taking an image's pixels as they are.
func rasterJob(o SceneOptions) job {
	return job{limit: o.MaxPixels, ranged: o.Range, bands: o.Bands, parts: []part{{
		ranged: o.Range, bands: o.Bands,
		cost: func(width, height int) (result, scratch int64, err error) { return times(4, width, height), 0, nil },
	}}}
}

// Orientation is how an image is to be turned, 1 to 8 as in EXIF, of which 1 is upright; 0 stands for 1. Errors are as
// Inspect's.
func Orientation(data []byte, maxPixels int) (int, error) {
	if _, err := Inspect(data, maxPixels); err != nil {
		return 0, err
	}
	if o := sniff(data).orientation(data); o > 1 {
		return o, nil
	}
	return 0, nil
}

// raster decodes an image whose size has been checked.
func (w *workspace) raster(data []byte, p plan, j job) (r Raster, err error) {
	defer recoverDecoder(&err)
	s, err := w.decode(data, p, j)
	if err != nil {
		return r, err
	}
	return rasterOf(s, p.orientation), nil
}

// rasterOf is the pixels of an image that is to be turned as EXIF's orientation says.
func rasterOf(s source, orientation int) Raster {
	r := s.raster()
	if orientation > 1 {
		r.Orientation = orientation
	}
	return r
}

// raster is the pixels of an image, with alpha where it has some.
func (s source) raster() Raster {
	r := Raster{Width: s.width, Height: s.height, Channels: 3}
	if s.alpha != nil {
		r.Channels = 4
	}
	r.Pix = make([]uint8, r.Channels*s.width*s.height)
	opacity, line := make([]uint8, s.width), make([]uint8, 3*s.width)
	for y := range s.height {
		row := r.Pix[y*r.Channels*s.width:]
		if s.alpha == nil {
			s.row(y, row[:3*s.width])
			continue
		}
		s.row(y, line)
		s.alpha(y, opacity)
		for x, a := range opacity {
			copy(row[4*x:4*x+3], line[3*x:])
			row[4*x+3] = a
		}
	}
	return r
}

// Encode returns the bytes of a file that Decode reads. The same pixels give the same bytes.
func (r Raster) Encode() ([]byte, error) {
	if r.Width < 1 || r.Height < 1 || r.Channels != 3 && r.Channels != 4 || int64(len(r.Pix)) != times(r.Width, r.Height, r.Channels) {
		return nil, fmt.Errorf("image: a raster of %dx%d pixels of %d samples with %d bytes", r.Width, r.Height, r.Channels, len(r.Pix))
	}
	header, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("image: encode a raster: %w", err)
	}
	out := make([]byte, 0, len(rasterStart)+len(header)+1+len(r.Pix))
	out = append(append(append(out, rasterStart...), header...), '\n')
	return append(out, r.Pix...), nil
}

// readRaster is the raster in a file's bytes, which it shares.
func readRaster(data []byte) (Raster, error) {
	end := bytes.IndexByte(data[:min(len(data), maxRasterHeader)], '\n')
	if end < len(rasterStart) {
		return Raster{}, fmt.Errorf("%w: a raster without a header", ErrTruncated)
	}
	var r Raster
	if err := json.Unmarshal(data[len(rasterStart):end], &r); err != nil {
		return Raster{}, fmt.Errorf("%w: a raster's header: %w", ErrCorrupt, err)
	}
	if r.Channels != 3 && r.Channels != 4 || r.Width < 1 || r.Height < 1 {
		return Raster{}, fmt.Errorf("%w: a raster of %dx%d pixels of %d channels", ErrCorrupt, r.Width, r.Height, r.Channels)
	}
	r.Pix = data[end+1:]
	return r, nil
}

func rasterHeader(_ *workspace, data []byte) (header, error) {
	r, err := readRaster(data)
	if err != nil {
		return header{}, err
	}
	return header{r.Width, r.Height, extent{least: plus(times(r.Width, r.Height, r.Channels), int64(len(data)-len(r.Pix)))}}, nil
}

func rasterTurn(data []byte) int {
	r, err := readRaster(data)
	if err != nil || r.Orientation < 1 || r.Orientation > 8 {
		return 1
	}
	return r.Orientation
}

func decodeRaster(_ *workspace, data []byte, j job) (source, error) {
	r, err := readRaster(data)
	if err != nil {
		return source{}, err
	}
	out := source{width: r.Width, height: r.Height}
	if out.chosen = r.Bands != "" && r.Bands == j.bands; r.Bands != "" && !out.chosen {
		return out, fmt.Errorf("%w: a raster of the bands %q, not %q", ErrUnsupported, r.Bands, j.bands)
	}
	if r.Faint {
		out.faint = func() bool { return true }
	}
	if r.Channels == 3 {
		out.row = fromRGB(r.Pix, r.Width, r.Height).row
		return out, nil
	}
	stride := 4 * r.Width
	out.row = func(y int, dst []uint8) { spread(dst, r.Pix[y*stride:], r.Width, 4, 1) }
	out.alpha = func(y int, dst []uint8) { pick(dst, r.Pix[y*stride:], 4, 3) }
	return out, nil
}
