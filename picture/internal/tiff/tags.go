package tiff

// The tags that the package and its users know by name.
const (
	SubfileType   = 254
	Width         = 256
	Height        = 257
	BitsPerSample = 258
	Compression   = 259
	Photometric   = 262
	FillOrder     = 266
	StripOffsets  = 273
	Orientation   = 274
	SamplesPer    = 277
	RowsPerStrip  = 278
	StripCounts   = 279
	Planar        = 284
	T4Options     = 292
	Predictor     = 317
	ColorMap      = 320
	TileWidth     = 322
	TileHeight    = 323
	TileOffsets   = 324
	TileCounts    = 325
	SubIFDs       = 330
	ExtraSamples  = 338
	SampleFormat  = 339
	JPEGTables    = 347
	JPEGStart     = 513
	Coefficients  = 529
	Subsampling   = 530
	ReferenceBW   = 532
	XMP           = 700
	NoData        = 42113

	// Those of GeoTIFF.
	PixelScale     = 33550
	Tiepoints      = 33922
	Transformation = 34264
	GeoKeys        = 34735

	DNGVersion = 50706
)

// What tags may say.
const (
	WhiteIsZero = 0
	BlackIsZero = 1
	RGB         = 2
	Palette     = 3
	Mask        = 4
	CMYK        = 5
	YCbCr       = 6
	CIELab      = 8
	ICCLab      = 9

	Uncompressed = 1
	FaxRLE       = 2
	FaxGroup3    = 3
	FaxGroup4    = 4
	LZW          = 5
	OldJPEG      = 6
	JPEG         = 7
	Deflate      = 8
	FaxRLEWords  = 32771
	PackBits     = 32773
	DeflateOld   = 32946
	Zstandard    = 50000
	WebP         = 50001

	Unsigned = 1
	Signed   = 2
	Float    = 3

	Associated   = 1 // alpha by which colours are multiplied
	Unassociated = 2
)
