package dicom

// Attributes that are about pixels, and those that say whose they are, in PS3.6's words.
const (
	tagClass            = 0x00020002
	tagTransferSyntax   = 0x00020010
	tagPatient          = 0x00100020
	tagCineRate         = 0x00180040
	tagFrameTime        = 0x00181063
	tagFrameTimes       = 0x00181065
	tagStudy            = 0x0020000d
	tagSamples          = 0x00280002
	tagPhotometric      = 0x00280004
	tagPlanar           = 0x00280006
	tagFrames           = 0x00280008
	tagRows             = 0x00280010
	tagColumns          = 0x00280011
	tagAllocated        = 0x00280100
	tagStored           = 0x00280101
	tagHighBit          = 0x00280102
	tagRepresentation   = 0x00280103
	tagPadding          = 0x00280120
	tagPaddingLimit     = 0x00280121
	tagFloatPadding     = 0x00280122
	tagDoublePadding    = 0x00280123
	tagWindowCenter     = 0x00281050
	tagWindowWidth      = 0x00281051
	tagIntercept        = 0x00281052
	tagSlope            = 0x00281053
	tagWindowFunction   = 0x00281056
	tagRedDescriptor    = 0x00281101 // green and blue follow
	tagRedData          = 0x00281201
	tagSegmentedRedData = 0x00281221
	tagModalityLUT      = 0x00283000
	tagLUTDescriptor    = 0x00283002
	tagLUTData          = 0x00283006
	tagVOILUT           = 0x00283010
	tagFrameVOI         = 0x00289132
	tagTransformation   = 0x00289145
	tagShared           = 0x52009229
	tagPerFrame         = 0x52009230
	tagOffsets          = 0x7fe00001
	tagLengths          = 0x7fe00002
	tagFloatPixels      = 0x7fe00008
	tagDoublePixels     = 0x7fe00009
	tagPixels           = 0x7fe00010

	itemGroup      = 0xfffe
	tagItem        = 0xfffee000
	tagItemEnd     = 0xfffee00d
	tagSequenceEnd = 0xfffee0dd
)

// kept are the attributes that are kept.
var kept = func() map[uint32]bool {
	known := map[uint32]bool{}
	for _, tag := range []uint32{
		tagCineRate, tagFrameTime, tagFrameTimes, tagSamples, tagPhotometric, tagPlanar, tagFrames, tagRows, tagColumns,
		tagAllocated, tagStored, tagHighBit, tagRepresentation, tagPadding, tagPaddingLimit, tagFloatPadding, tagDoublePadding,
		tagWindowCenter, tagWindowWidth, tagIntercept, tagSlope, tagWindowFunction, tagModalityLUT, tagLUTDescriptor, tagLUTData,
		tagVOILUT, tagFrameVOI, tagTransformation, tagShared, tagPerFrame, tagOffsets, tagLengths,
	} {
		known[tag] = true
	}
	for colour := range uint32(3) {
		known[tagRedDescriptor+colour], known[tagRedData+colour], known[tagSegmentedRedData+colour] = true, true, true
	}
	return known
}()

// Coding is how the pixels of a frame are compressed.
type Coding int

// The codings.
const (
	Native Coding = iota
	RLE
	JPEG // lossy and lossless
	JPEGLS
	JPEG2000
)

// syntax is what a transfer syntax says.
type syntax struct {
	coding Coding
	// name is set if its pixels are not decoded.
	name string
}

const (
	implicitLittle = "1.2.840.10008.1.2"
	explicitLittle = "1.2.840.10008.1.2.1"
	encapsulated   = "1.2.840.10008.1.2.1.98"
	deflated       = "1.2.840.10008.1.2.1.99"
	explicitBig    = "1.2.840.10008.1.2.2"
	jpegSyntax     = "1.2.840.10008.1.2.4."
	rleSyntax      = "1.2.840.10008.1.2.5"
)

// syntaxes are the transfer syntaxes that are known.
var syntaxes = func() map[string]syntax {
	known := map[string]syntax{
		implicitLittle: {}, explicitLittle: {}, encapsulated: {}, deflated: {}, explicitBig: {}, rleSyntax: {coding: RLE},
		"1.2.840.113619.5.2":     {name: "GE's private byte order"},
		"1.2.840.10008.1.2.8.1":  {name: "frames that are deflated one by one"},
		"1.2.840.10008.1.2.4.94": {name: "pixels elsewhere (JPIP)"}, "1.2.840.10008.1.2.4.95": {name: "pixels elsewhere (JPIP)"},
		"1.2.840.10008.1.2.4.204": {name: "pixels elsewhere (JPIP)"}, "1.2.840.10008.1.2.4.205": {name: "pixels elsewhere (JPIP)"},
	}
	add := func(s syntax, numbers ...string) {
		for _, n := range numbers {
			known[jpegSyntax+n] = s
		}
	}
	add(syntax{coding: JPEG}, "50", "51", "52", "53", "54", "55", "56", "57", "58", "70")
	add(syntax{coding: JPEGLS}, "80", "81")
	add(syntax{coding: JPEG2000}, "90", "91", "201", "202", "203")
	add(syntax{name: "JPEG 2000 of several components"}, "92", "93")
	add(syntax{name: "a video in MPEG-2"}, "100", "100.1", "101", "101.1")
	add(syntax{name: "a video in MPEG-4 (H.264)"}, "102", "102.1", "103", "103.1", "104", "104.1", "105", "105.1", "106", "106.1")
	add(syntax{name: "a video in HEVC (H.265)"}, "107", "108")
	add(syntax{name: "JPEG XL"}, "110", "111", "112")
	return known
}()
