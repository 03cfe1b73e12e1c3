package picture

import (
	"fmt"
	"slices"

	"fovea/picture/internal/tiff"
)

// fromSamples supplies the rows of a page's samples.
func (w *workspace) fromSamples(k *tiffKind, s *tiff.Samples, j job) (source, error) {
	if k.deep {
		out, err := w.deepTIFF(k, s, j)
		out.chosen = k.chosen
		return out, err
	}
	out := source{chosen: k.chosen, width: s.Width, height: s.Height}
	n := s.Width * s.Channels
	line := func(y int) []uint8 { return s.Bytes[y*n : (y+1)*n] }
	if k.alpha {
		scale := 255 / (1<<k.Bits - 1)
		out.alpha = func(y int, dst []uint8) {
			pick(dst, line(y), s.Channels, k.colours)
			for x := range dst {
				dst[x] *= uint8(scale)
			}
		}
	}
	if noData := noDataOf(k.Directory(), k.Layout); noData != nil && k.Photometric <= tiff.Palette {
		out.alpha = k.present(*noData, out.alpha, s.Channels, line)
	}
	var err error
	switch k.Photometric {
	case tiff.Palette:
		out.row, err = paletteTIFF(k, s, line)
	case tiff.CMYK:
		out.row = cmykTIFF(s)
	case tiff.YCbCr, tiff.CIELab, tiff.ICCLab:
		out.row, err = convertedTIFF(k, s, line)
	default:
		out.row = plainTIFF(k, s, line)
	}
	return out, err
}

// present is the opacity of an image of which some pixels are missing: those whose colours are all NoData.
func (k *tiffKind) present(noData float64, alpha func(int, []uint8), channels int, line func(int) []uint8) func(y int, dst []uint8) {
	return func(y int, dst []uint8) {
		if alpha != nil {
			alpha(y, dst)
		}
		row := line(y)
		for x := range dst {
			colours := row[x*channels : x*channels+k.colours]
			if !slices.ContainsFunc(colours, func(v uint8) bool { return float64(v) != noData }) {
				dst[x] = 0
			} else if alpha == nil {
				dst[x] = 255
			}
		}
	}
}

// plainTIFF is the rows of grey or RGB of up to 8 bits.
func plainTIFF(k *tiffKind, s *tiff.Samples, line func(int) []uint8) func(y int, dst []uint8) {
	levels, changed := k.levels()
	every := 0
	if k.colours == 3 {
		every = 1
	}
	return func(y int, dst []uint8) {
		row := line(y)
		spread(dst, row, s.Width, s.Channels, every)
		if changed {
			for i, v := range dst {
				dst[i] = levels[v]
			}
		}
		if k.premultiplied {
			k.unmultiply(dst, row, s.Channels)
		}
	}
}

// levels are the bytes that samples of up to 8 bits become, and whether they are others.
func (k *tiffKind) levels() (levels [256]uint8, changed bool) {
	top := 1<<k.Bits - 1
	for v := range top + 1 {
		levels[v] = uint8((v*255*2 + top) / (2 * top))
		if k.Photometric == tiff.WhiteIsZero {
			levels[v] = ^levels[v]
		}
	}
	return levels, k.Bits < 8 || k.Photometric == tiff.WhiteIsZero
}

// unmultiply undoes the multiplication by alpha, with Pillow's rounding; where there are samples after alpha, its
// pixels without opacity are black.
func (k *tiffKind) unmultiply(dst, row []uint8, channels int) {
	top := 1<<k.Bits - 1
	for x := range len(dst) / 3 {
		pixel := dst[3*x : 3*x+3]
		switch alpha := int(row[x*channels+k.colours]) * 255 / top; {
		case alpha == 0 && k.colours == 3 && k.Samples > 4:
			clear(pixel)
		case alpha > 0 && alpha < 255:
			for i, v := range pixel {
				pixel[i] = uint8(min(255, 255*int(v)/alpha))
			}
		}
	}
}

// paletteTIFF is the rows of a palette, whose colours have 16 bits, of which the high byte is kept.
func paletteTIFF(k *tiffKind, s *tiff.Samples, line func(int) []uint8) (func(y int, dst []uint8), error) {
	size := 1 << k.Bits
	colours, err := k.Directory().Uints(tiff.ColorMap, int64(3*size))
	if err != nil {
		return nil, err
	}
	if len(colours) < 3*size {
		return nil, fmt.Errorf("%w: its palette has %d numbers, not %d", ErrCorrupt, len(colours), 3*size)
	}
	var palette [256][3]uint8
	for i := range size {
		palette[i] = [3]uint8{uint8(colours[i] >> 8), uint8(colours[size+i] >> 8), uint8(colours[2*size+i] >> 8)}
	}
	return func(y int, dst []uint8) {
		row := line(y)
		for x := range s.Width {
			*(*[3]uint8)(dst[3*x:]) = palette[row[x*s.Channels]]
		}
	}, nil
}

// cmykTIFF is the rows of inks, as Pillow shows them.
func cmykTIFF(s *tiff.Samples) func(y int, dst []uint8) {
	black := make([]uint8, s.Width)
	return func(y int, dst []uint8) {
		for x := range s.Width {
			var ink [4]uint8
			for c := range ink {
				if i := (y*s.Width+x)*s.Channels + c; s.Words != nil {
					ink[c] = uint8(s.Words[i] >> 8)
				} else {
					ink[c] = s.Bytes[i]
				}
			}
			copy(dst[3*x:], ink[:3])
			black[x] = ^ink[3]
		}
		multiply(dst, black, 0)
	}
}
