package picture

import (
	"fmt"
	"image"
	"io"

	"fovea/picture/internal/tiff"
)

// tiffScene decodes a page of a TIFF in units: a tile of it, or some strips.
type tiffScene struct {
	w    *workspace
	file *tiff.File
	kind *tiffKind
	job  job
	// width and height are a unit's, across the number of them in a row.
	width, height, across int
	// kept are decoded units, of which those that were used longest ago go first.
	kept  map[int]*keptUnit
	clock int64
	most  int64
	bytes int64
}

type keptUnit struct {
	Raster
	used int64
}

// What units may take: one while it is decoded, those of a part, and those that are kept for the next parts.
const (
	mostOfUnit  = 256 << 20
	mostOfPart  = 384 << 20
	mostOfUnits = 128 << 20
	// unitRows is how many rows of strips are decoded together at least, and of samples without compression at most.
	unitRows = 64
)

// openTIFF finds the level and what its samples are.
func (s *Scene) openTIFF(r io.ReaderAt, size int64) error {
	t := &tiffScene{w: &workspace{}, kept: map[int]*keptUnit{}}
	t.begin(s)
	defer t.w.clock.end()
	var err error
	if t.file, err = tiff.Open(r, size); err != nil {
		return err
	}
	t.file.Spend, t.w.jpeg.Spend = t.w.clock.spend, t.w.clock.spend
	t.file.Codec = t.w.tiffCodec
	first, err := t.file.Page()
	if err != nil {
		return err
	}
	if first, err = firstPage(t.file, first); err != nil {
		return err
	}
	layout, err := levelOf(t.file, first, s.options.Level)
	if err != nil {
		return err
	}
	if t.kind, err = kindOf(layout, s.options.Bands); err != nil {
		return err
	}
	s.Width, s.Height, s.tiff = layout.Width, layout.Height, t
	s.geo, err = geoOf(first)
	s.geoErr = err
	s.scaleX = float64(first.Uint(tiff.Width, 0)) / float64(layout.Width)
	s.scaleY = float64(first.Uint(tiff.Height, 0)) / float64(layout.Height)
	if o := first.Uint(tiff.Orientation, 1); o > 1 && o <= 8 {
		s.orientation = int(o)
	}
	t.job = job{ranged: s.options.Range, bands: s.options.Bands}
	return t.plan(s.options.MaxPixels)
}

// begin starts the clock of some work.
func (t *tiffScene) begin(s *Scene) { t.w.clock.begin(s.options.MaxTime) }

// plan chooses the units, and refuses those that are too large.
func (t *tiffScene) plan(limit int) error {
	k := t.kind
	t.width, t.height = k.BlockWidth, k.BlockHeight
	switch {
	case k.Compression == tiff.Uncompressed && k.Vertical == 1: // any rows can be had
		t.width, t.height = min(t.width, k.Width), min(t.height, unitRows)
		if !k.Tiled {
			t.height = min(k.Height, unitRows)
		}
	case !k.Tiled:
		t.height *= divided(unitRows, min(unitRows, t.height))
	}
	t.across = divided(k.Width, t.width)
	memory, err := k.Memory()
	if err != nil {
		return err
	}
	bytes := plus(memory, k.codecMemory(int(min(memory, mostOfUnit))), k.ResultMemory(t.width, t.height, len(k.channels)), times(4, t.width, t.height))
	if bytes > mostOfUnit || t.width > limit/t.height {
		return fmt.Errorf("%w: its strips or tiles have %dx%d pixels, which take %d MB of memory each: write it in tiles, as by gdal_translate -co TILED=YES",
			ErrTooLarge, k.BlockWidth, k.BlockHeight, bytes>>20)
	}
	return nil
}

// levelOf finds a level of the pyramid that a page is the base of: among its SubIFDs and the pages that follow, those
// of its proportions and kind of samples which are marked as reduced, or, as in whole-slide images, are tiled like it.
func levelOf(f *tiff.File, base *tiff.Directory, level int) (*tiff.Layout, error) {
	l, err := base.Layout()
	if level == 0 || err != nil {
		return l, err
	}
	const most = 64
	children, _ := base.Children(most)
	pages, _ := f.Pages(most) // as far as they are whole
	levels := []*tiff.Layout{l}
	for _, d := range append(children, pages...) {
		if smaller, err := d.Layout(); err == nil && isReduced(l, smaller) {
			levels = insertLevel(levels, smaller)
		}
	}
	if level < len(levels) {
		return levels[level], nil
	}
	var sizes []image.Point
	for _, l := range levels {
		sizes = append(sizes, image.Pt(l.Width, l.Height))
	}
	return nil, noLevel(level, sizes)
}

// insertLevel adds a level by its size, unless there is one of that size.
func insertLevel(levels []*tiff.Layout, l *tiff.Layout) []*tiff.Layout {
	i := len(levels)
	for i > 1 && levels[i-1].Width < l.Width {
		i--
	}
	if levels[i-1].Width == l.Width {
		return levels
	}
	levels = append(levels, nil)
	copy(levels[i+1:], levels[i:])
	levels[i] = l
	return levels
}

func isReduced(base, l *tiff.Layout) bool {
	kind := l.Directory().Uint(tiff.SubfileType, 0)
	marked := kind&1 != 0
	slide := l.Tiled && base.Tiled && kind == 0 && 3*l.Width <= 2*base.Width
	offset := int64(l.Width)*int64(base.Height) - int64(l.Height)*int64(base.Width)
	return (marked || slide) && kind&4 == 0 && l.Width < base.Width && max(offset, -offset) <= int64(base.Width)+int64(base.Height) &&
		l.Samples == base.Samples && l.Bits == base.Bits && l.Format == base.Format && sameColours(l, base)
}

// sameColours tells whether pages show the same kind of colours, in YCbCr or as RGB.
func sameColours(a, b *tiff.Layout) bool {
	own := func(p int) int {
		if p == tiff.YCbCr {
			return tiff.RGB
		}
		return p
	}
	return own(a.Photometric) == own(b.Photometric)
}

// partOfTIFF decodes the units that a part meets.
func (s *Scene) partOfTIFF(out *Raster, part, inside image.Rectangle) error {
	t := s.tiff
	t.begin(s)
	defer t.w.clock.end()
	if err := s.findRange(); err != nil {
		return err
	}
	t.begin(s) // the range of the scene has time of its own
	if err := t.reserve(inside); err != nil {
		return err
	}
	for down := inside.Min.Y / t.height; down*t.height < inside.Max.Y; down++ {
		for across := inside.Min.X / t.width; across*t.width < inside.Max.X; across++ {
			u, err := t.unit(across, down)
			if err != nil {
				return err
			}
			if out.Pix == nil {
				out.allocate(u.Channels, part != inside)
			}
			at := image.Pt(across*t.width, down*t.height)
			out.paste(u.Raster, at, part.Min, inside.Intersect(image.Rect(at.X, at.Y, at.X+u.Width, at.Y+u.Height)))
		}
	}
	out.Faint = t.kind.deep && out.faintly()
	return s.ctx.Err()
}

// reserve sets how much of decoded units is kept: those of a row of parts, within reason.
func (t *tiffScene) reserve(part image.Rectangle) error {
	rows := divided(part.Dy(), t.height) + 1
	columns := divided(part.Dx(), t.width) + 1
	unit := times(4, min(t.width, t.kind.Width), t.height)
	least := unit * int64(rows*min(columns, t.across))
	if least > mostOfPart {
		return fmt.Errorf("%w: the strips or tiles of %dx%d pixels that a part of %dx%d pixels meets take %d MB: write it in smaller tiles, as by gdal_translate -co TILED=YES, or use smaller parts",
			ErrTooLarge, t.kind.BlockWidth, t.kind.BlockHeight, part.Dx(), part.Dy(), least>>20)
	}
	t.most = max(least, min(unit*int64(rows*t.across), mostOfUnits))
	return nil
}

// unit decodes a unit, or finds it among those that are kept.
func (t *tiffScene) unit(across, down int) (*keptUnit, error) {
	t.clock++
	n := down*t.across + across
	if u := t.kept[n]; u != nil {
		u.used = t.clock
		return u, nil
	}
	samples, err := t.samples(across, down)
	if err != nil {
		return nil, err
	}
	rows, err := t.rows(samples)
	if err != nil {
		return nil, err
	}
	u := &keptUnit{rows, t.clock}
	t.keep(n, u)
	return u, nil
}

func (t *tiffScene) rows(samples *tiff.Samples) (r Raster, err error) {
	defer recoverDecoder(&err)
	rows, err := t.w.fromSamples(t.kind, samples, t.job)
	if err == nil {
		rows, err = rows.bands(t.job.bands)
	}
	if err != nil {
		return r, err
	}
	return rows.raster(), nil
}

// samples reads those of a unit.
func (t *tiffScene) samples(across, down int) (s *tiff.Samples, err error) {
	defer recoverDecoder(&err)
	k := t.kind
	x, y := across*t.width, down*t.height
	s, err = t.file.Read(k.Layout, image.Rect(x, y, min(x+t.width, k.Width), min(y+t.height, k.Height)), k.channels...)
	if late := t.w.clock.final(); late != nil {
		err = late
	}
	return s, err
}

// keep keeps a unit, and lets others go.
func (t *tiffScene) keep(n int, u *keptUnit) {
	for t.bytes+int64(len(u.Pix)) > t.most && len(t.kept) > 0 {
		oldest := -1
		for i, k := range t.kept {
			if oldest < 0 || k.used < t.kept[oldest].used {
				oldest = i
			}
		}
		t.bytes -= int64(len(t.kept[oldest].Pix))
		delete(t.kept, oldest)
	}
	t.kept[n] = u
	t.bytes += int64(len(u.Pix))
}
