package tiff

import (
	"math"
	"slices"

	"fovea/picture/internal/fault"
)

// Layout is how a page stores its samples.
type Layout struct {
	Width, Height int
	// Samples is the number of samples of a pixel, Bits and Format what each is.
	Samples, Bits, Format    int
	Photometric, Compression int
	// Planes says that each sample has blocks of its own.
	Planes    bool
	Predictor int
	// Reversed says that bits come in the other order.
	Reversed bool
	// Tiled blocks are tiles, others are strips, which are as wide as the page. The last strip may have fewer rows.
	Tiled                   bool
	BlockWidth, BlockHeight int
	// Across and Down are the blocks of a plane.
	Across, Down int
	// Horizontal and Vertical are the pixels that share a sample of chroma in YCbCr.
	Horizontal, Vertical int
	// Extra are the meanings of the samples after the colours.
	Extra []int
	// Empty is the sample of blocks that the file leaves out, which Read takes; 0 unless it is set, such as to GDAL's NoData.
	Empty float64

	dir             *Directory
	faxOptions      uint64
	offsets, counts uint16
	tables          []byte
}

// Directory is the page's.
func (l *Layout) Directory() *Directory { return l.dir }

// maxSide bounds a page's sides; larger ones cannot be decoded by anyone.
const maxSide = math.MaxInt32

// Layout reads the tags that say how samples are stored, and refuses what is not read.
func (d *Directory) Layout() (*Layout, error) {
	l := &Layout{
		dir: d, Samples: d.small(SamplesPer, 1), Photometric: d.small(Photometric, WhiteIsZero),
		Compression: max(Uncompressed, d.small(Compression, Uncompressed)), // some write 0
		Planes:      d.small(Planar, 1) == 2, Predictor: d.small(Predictor, 1), Reversed: d.small(FillOrder, 1) == 2,
		Horizontal: 1, Vertical: 1, faxOptions: d.Uint(T4Options, 0),
	}
	if l.Compression == OldJPEG && !d.Has(SamplesPer) {
		l.Samples = 3
	}
	l.Planes = l.Planes && l.Samples > 1
	for _, read := range []func() error{l.readCoding, l.readSamples, l.readColours, l.readSize, l.readBlocks} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	if !d.Whole {
		return nil, fault.Truncated("its directory is longer than the file")
	}
	return l, nil
}

// small is a tag's first value, of at most 31 bits.
func (d *Directory) small(tag uint16, missing uint64) int {
	return int(min(d.Uint(tag, missing), maxSide))
}

// compressions are those that are not read, by name.
var compressions = map[int]string{
	9: "as JBIG", 10: "as JBIG", 32766: "by NeXT's run lengths", 32809: "by ThunderScan", 32908: "by Pixar's coding", 32909: "by Pixar's coding",
	34661: "as JBIG", 34676: "as SGI LogLuv", 34677: "as SGI LogLuv", 34712: "as JPEG 2000", 33003: "as JPEG 2000", 33005: "as JPEG 2000",
	34887: "as LERC", 34892: "as lossy JPEG", 34925: "by LZMA", 50002: "as JPEG XL", 52546: "as JPEG XL",
}

func (l *Layout) readCoding() error {
	switch l.Compression {
	case Uncompressed, LZW, Deflate, DeflateOld, Zstandard, WebP, PackBits:
	case JPEG, OldJPEG:
		if l.Compression == JPEG && l.dir.Has(JPEGTables) {
			var err error
			if l.tables, err = l.dir.Bytes(JPEGTables, 1<<16); err != nil {
				return err
			}
		}
	case FaxRLE, FaxRLEWords, FaxGroup3, FaxGroup4:
		if l.Photometric != WhiteIsZero && l.Photometric != BlackIsZero && l.Photometric != Mask {
			return fault.Unsupported("TIFF compressed as a fax that is not in black and white: convert it to PNG")
		}
	default:
		if how, known := compressions[l.Compression]; known {
			return fault.Unsupported("TIFF compressed %s: convert it to PNG", how)
		}
		return fault.Unsupported("TIFF of compression %d: convert it to PNG", l.Compression)
	}
	return nil
}

// fax tells whether blocks are coded as a fax.
func (l *Layout) fax() bool {
	return l.Compression >= FaxRLE && l.Compression <= FaxGroup4 || l.Compression == FaxRLEWords
}

// differences tells whether the compression has predictors.
func (l *Layout) differences() bool {
	switch l.Compression {
	case LZW, Deflate, DeflateOld, Zstandard:
		return true
	}
	return false
}

func (l *Layout) readSamples() error {
	const most = 1 << 16
	if l.Samples < 1 || l.Samples >= most {
		return fault.Corrupt("%d samples a pixel", l.Samples)
	}
	bits, err := l.dir.same(BitsPerSample, 1)
	if err != nil {
		return err
	}
	if l.Compression == OldJPEG && !l.dir.Has(BitsPerSample) {
		bits = 8
	}
	format, err := l.dir.same(SampleFormat, Unsigned)
	if err != nil {
		return err
	}
	if l.Bits, l.Format = bits, format; format == 4 { // nobody knows
		l.Format = Unsigned
	}
	switch whole := l.Format == Unsigned || l.Format == Signed; {
	case whole && (bits >= 1 && bits <= 32 || bits == 64), l.Format == Float && (bits == 16 || bits == 24 || bits == 32 || bits == 64):
	case whole, l.Format == Float:
		return fault.Unsupported("TIFF with samples of %d bits: convert it to PNG", bits)
	default:
		return fault.Unsupported("TIFF with samples of kind %d, such as complex numbers: convert it to PNG", l.Format)
	}
	return l.checkCompressed(bits)
}

// checkCompressed refuses samples that the compression or the predictor cannot have.
func (l *Layout) checkCompressed(bits int) error {
	switch {
	case l.fax() && (bits != 1 || l.Samples > 1 && !l.Planes):
		return fault.Unsupported("TIFF compressed as a fax with more than one bit a pixel: convert it to PNG")
	case (l.Compression == JPEG || l.Compression == OldJPEG || l.Compression == WebP) && bits != 8:
		return fault.Unsupported("TIFF compressed as JPEG or WebP with samples of %d bits: convert it to PNG", bits)
	case l.Predictor > 3:
		return fault.Unsupported("TIFF with predictor %d: convert it to PNG", l.Predictor)
	case l.Predictor > 1 && !l.differences():
		l.Predictor = 1 // libtiff does not look at it either
	case l.Predictor == 2 && bits != 8 && bits != 16 && bits != 32 && bits != 64:
		return fault.Unsupported("TIFF with differences of samples of %d bits: convert it to PNG", bits)
	case l.Predictor == 3 && l.Format != Float:
		return fault.Unsupported("TIFF with differences of floating-point numbers that are none: convert it to PNG")
	}
	return nil
}

// same is the one value that a tag has for all samples.
func (d *Directory) same(tag uint16, missing uint64) (int, error) {
	const most = 1 << 10
	values, err := d.Uints(tag, most)
	if err != nil || len(values) == 0 {
		return int(missing), err
	}
	if slices.ContainsFunc(values, func(v uint64) bool { return v != values[0] }) {
		what := "kinds"
		if tag == BitsPerSample {
			what = "bits"
		}
		return 0, fault.Unsupported("TIFF with samples of different %s, %v: convert it to PNG", what, values[:min(8, len(values))])
	}
	return int(min(values[0], maxSide)), nil
}

// Colours is the number of samples that are colours: 1, 3 or 4.
func (l *Layout) Colours() int {
	switch l.Photometric {
	case RGB, YCbCr, CIELab, ICCLab:
		return 3
	case CMYK:
		return 4
	}
	return 1
}

func (l *Layout) readColours() error {
	extra, err := l.dir.Uints(ExtraSamples, 64)
	if err != nil {
		return err
	}
	for _, e := range extra {
		l.Extra = append(l.Extra, int(min(e, maxSide)))
	}
	if l.Photometric != YCbCr {
		return nil
	}
	if shared, err := l.dir.Uints(Subsampling, 2); err != nil {
		return err
	} else if len(shared) == 2 {
		l.Horizontal, l.Vertical = int(min(shared[0], maxSide)), int(min(shared[1], maxSide))
	} else {
		l.Horizontal, l.Vertical = 2, 2 // the standard's default
	}
	if l.Samples < 3 || l.ownChroma() {
		l.Horizontal, l.Vertical = 1, 1
	}
	one := func(n int) bool { return n == 1 || n == 2 || n == 4 }
	if !one(l.Horizontal) || !one(l.Vertical) {
		return fault.Unsupported("TIFF in YCbCr with a sample of chroma for %dx%d pixels: convert it to PNG", l.Horizontal, l.Vertical)
	}
	if l.subsampled() && (l.Planes || l.Bits != 8 || l.Samples != 3 || l.Predictor > 1) {
		return fault.Unsupported("TIFF in YCbCr with less chroma, in planes, of other than 8 bits or with more samples: convert it to PNG")
	}
	return nil
}

// ownChroma tells whether the codec spreads chroma.
func (l *Layout) ownChroma() bool {
	return l.Compression == JPEG || l.Compression == OldJPEG || l.Compression == WebP
}

func (l *Layout) subsampled() bool { return l.Horizontal > 1 || l.Vertical > 1 }

func (l *Layout) readSize() error {
	for _, side := range []struct {
		tag  uint16
		into *int
	}{{Width, &l.Width}, {Height, &l.Height}} {
		n := l.dir.Uint(side.tag, 0)
		if n == 0 || n > maxSide {
			return fault.Corrupt("a side of %d pixels", n)
		}
		*side.into = int(n)
	}
	return nil
}

func (l *Layout) readBlocks() error {
	d := l.dir
	if err := l.readBlockSize(); err != nil {
		return err
	}
	l.Across, l.Down = divided(l.Width, l.BlockWidth), divided(l.Height, l.BlockHeight)
	if l.Compression == OldJPEG {
		if d.Uint(JPEGStart, 0) == 0 {
			return fault.Unsupported("TIFF compressed as old-style JPEG in pieces: convert it to PNG")
		}
		l.Tiled, l.Planes, l.BlockWidth, l.BlockHeight, l.Across, l.Down = false, false, l.Width, l.Height, 1, 1
		return nil
	}
	if l.blockBytes() < 0 {
		return fault.Unsupported("TIFF in blocks of %dx%d pixels of %d samples: convert it to PNG", l.BlockWidth, l.BlockHeight, l.Samples)
	}
	blocks := l.Blocks()
	if have := d.Count(l.offsets); have == 0 {
		return fault.Corrupt("it does not say where its pixels are")
	} else if have < blocks {
		return fault.Truncated("it has %d strips or tiles, and lists %d", blocks, have)
	}
	if e := d.find(l.offsets); e.at >= 0 && e.size() > 0 && blocks > (d.file.size-e.at)/e.size() {
		return fault.Truncated("the list of its %d strips or tiles is longer than the file", blocks)
	}
	return nil
}

// readBlockSize tells tiles from strips.
func (l *Layout) readBlockSize() error {
	d := l.dir
	l.offsets, l.counts = StripOffsets, StripCounts
	l.BlockWidth, l.BlockHeight = l.Width, l.Height
	switch {
	case d.Has(TileWidth) || d.Has(TileOffsets):
		l.Tiled = true
		if d.Has(TileOffsets) { // else some write those of strips
			l.offsets, l.counts = TileOffsets, TileCounts
		}
		l.BlockWidth, l.BlockHeight = d.small(TileWidth, 0), d.small(TileHeight, 0)
		if l.BlockWidth < 1 || l.BlockHeight < 1 {
			return fault.Corrupt("tiles of %dx%d pixels", l.BlockWidth, l.BlockHeight)
		}
	case d.Has(RowsPerStrip):
		if rows := d.small(RowsPerStrip, 0); rows > 0 {
			l.BlockHeight = min(rows, l.Height)
		}
	}
	return nil
}
