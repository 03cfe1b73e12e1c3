package picture

import (
	"fmt"

	"fovea/picture/internal/codec"
	"fovea/picture/internal/jpeg2000"
)

// jpeg2000Header reads what a file says about its image, and refuses colours that are not converted.
func jpeg2000Header(_ *workspace, data []byte) (header, error) {
	f, err := jpeg2000.Read(data)
	if err != nil {
		return header{}, err
	}
	channels := f.Channels()
	h := header{width: f.Width, height: f.Height, extent: jpeg2000Extent(f, len(data))}
	refuse := ""
	switch {
	case len(channels) > 4:
		refuse = fmt.Sprintf("of %d components", len(channels))
	case f.Space == jpeg2000.Lab:
		refuse = "in CIE Lab"
	case f.Space == jpeg2000.Other:
		refuse = "in a colour space that is not converted"
	case f.Space == jpeg2000.CMYK && len(channels) < 4, f.Space == jpeg2000.YCC && len(channels) < 3, f.Space == jpeg2000.Grey && len(channels) > 2:
		refuse = fmt.Sprintf("of %d components for other colours", len(channels))
	}
	if refuse != "" {
		return h, fmt.Errorf("%w: JPEG 2000 %s: %s", ErrUnsupported, refuse, toPNG)
	}
	for _, c := range channels[:jpeg2000Colours(f)] {
		h.deep = h.deep || c.Bits > 8
		if c.Signed != channels[0].Signed && c.Bits > 8 && f.Space != jpeg2000.YCC {
			return h, fmt.Errorf("%w: JPEG 2000 of components with and without sign: %s", ErrUnsupported, toPNG)
		}
	}
	return h, nil
}

// jpeg2000Colours is how many channels are not opacity.
func jpeg2000Colours(f jpeg2000.File) int {
	switch n := len(f.Channels()); {
	case f.Space == jpeg2000.CMYK:
		return n
	case n <= 2:
		return 1
	}
	return 3
}

// jpeg2000Extent is what decoding takes, as measured: OpenJPEG has 4 bytes for each sample of the image, and of a tile if
// there are several, and what it knows of each block; the interleaved samples are in its process and in this one.
func jpeg2000Extent(f jpeg2000.File, size int) extent {
	const ofBlock = 640
	samples, ofTile, wide := int64(0), int64(0), 1
	count := len(f.Components)
	for _, c := range f.Components {
		samples = plus(samples, f.Grid/int64(c.DX)/int64(c.DY))
		ofTile = plus(ofTile, f.Tile/int64(c.DX)/int64(c.DY))
	}
	for _, c := range f.Channels() {
		wide = max(wide, (c.Bits+7)/8)
	}
	if wide == 3 {
		wide = 4
	}
	out := times(f.Width, f.Height, len(f.Channels()), wide)
	bytes := plus(times(5, int(min(samples, 1<<56))), ofTile/max(1, f.Blocks)*ofBlock, out, out, int64(2*size), codecProcess)
	if f.Tile < f.Grid {
		bytes = plus(bytes, times(5, int(min(ofTile, 1<<56))))
	}
	if f.Palette != nil {
		bytes = plus(bytes, times(4, f.Width, f.Height, max(0, len(f.Palette)-count)))
	}
	return extent{bytes: bytes, least: int64(f.End), pixels: f.Grid}
}

// jpeg2000Samples decodes a file or codestream to the samples of its channels, without any conversion of colours but the
// codestream's own transform.
func (w *workspace) jpeg2000Samples(data []byte, j job) (codec.Picture, error) {
	return w.byCodec(codec.JPEG2000, data, j)
}

func decodeJPEG2000(w *workspace, data []byte, j job) (source, error) {
	f, err := jpeg2000.Read(data)
	if err != nil {
		return source{}, err
	}
	p, err := w.jpeg2000Samples(data, j)
	if err != nil {
		return source{}, err
	}
	if p.Channels != len(f.Channels()) {
		return source{}, fmt.Errorf("%w: %d channels, of which the header knows %d", ErrCorrupt, p.Channels, len(f.Channels()))
	}
	s := interleaved{p, jpeg2000Colours(f), f.Space}
	if s.bits() > 8 && f.Space != jpeg2000.CMYK {
		return w.ranged(s.deep(f.Premultiplied), j.ranged)
	}
	return s.source(f.Premultiplied), nil
}
