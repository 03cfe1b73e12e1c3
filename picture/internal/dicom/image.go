package dicom

import (
	"errors"
	"strings"

	"fovea/picture/internal/fault"
)

// samples reads how the samples are stored.
func (f *File) samples(r *reader, s set) (err error) {
	m := &f.Image
	const mostSide = 1<<16 - 1
	m.Photometric = strings.ToUpper(s[tagPhotometric].text())
	f.Frames = 1
	if text := s[tagFrames].text(); text != "" {
		counts := s.numbers(r, tagFrames, false)
		if len(counts) == 0 || counts[0] < 1 || counts[0] > mostFrames || counts[0] != float64(int(counts[0])) {
			return fault.Corrupt("its number of frames is no number from 1 to %d", mostFrames)
		}
		f.Frames = int(counts[0])
	}
	whole := func(dst *int, tag uint32, name string, low, high int) {
		if err == nil {
			*dst, err = s.whole(r, tag, name, low, high)
		}
	}
	m.Samples = 1
	whole(&m.Height, tagRows, "Rows", 1, mostSide)
	whole(&m.Width, tagColumns, "Columns", 1, mostSide)
	if _, found := s[tagSamples]; found {
		whole(&m.Samples, tagSamples, "SamplesPerPixel", 1, 4)
	}
	whole(&m.Allocated, tagAllocated, "BitsAllocated", 1, 64)
	m.Stored = m.Allocated
	if _, found := s[tagStored]; found && !f.Float {
		whole(&m.Stored, tagStored, "BitsStored", 1, m.Allocated)
	}
	m.HighBit = m.Stored - 1
	if high, found := s.number(r, tagHighBit, false); found && !f.Float && high >= float64(m.Stored-1) && high < float64(m.Allocated) {
		m.HighBit = int(high)
	}
	representation, _ := s.number(r, tagRepresentation, false)
	planar, _ := s.number(r, tagPlanar, false)
	m.Signed, m.Planar = representation == 1, planar == 1 && m.Samples > 1
	if err != nil {
		return err
	}
	return f.checkSamples()
}

// checkSamples refuses what cannot be decoded.
func (f *File) checkSamples() error {
	m := &f.Image
	switch m.Allocated {
	case 8, 16, 32:
	case 1:
		if m.Samples > 1 {
			return unsupported("colours of 1 bit")
		}
	default:
		if !f.Float || m.Allocated != 64 {
			return unsupported("samples of %d bits", m.Allocated)
		}
	}
	if f.Float && (f.encoded || m.Samples > 1 || m.Allocated != map[uint32]int{tagFloatPixels: 32, tagDoublePixels: 64}[f.pixels.tag]) {
		return fault.Corrupt("its pixels are floats, and it says otherwise")
	}
	colours := 3
	switch m.Photometric {
	case "MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "":
		colours = 1
	case "RGB", "YBR_FULL", "YBR_FULL_422":
	case "YBR_RCT", "YBR_ICT":
		if f.Coding != JPEG2000 {
			return fault.Corrupt("colours of %s, which only JPEG 2000 has", m.Photometric)
		}
	default:
		return unsupported("colours of %.40q", m.Photometric)
	}
	if m.Photometric == "" && m.Samples == 3 {
		m.Photometric, colours = "RGB", 3
	}
	if m.Samples != colours {
		return fault.Corrupt("%s of %d samples a pixel", m.Photometric, m.Samples)
	}
	if f.Coding != RLE && f.Coding != Native && m.Allocated == 1 {
		return fault.Corrupt("compressed pixels of 1 bit")
	}
	return nil
}

// mostFrames bounds the frames of a file.
const mostFrames = 1 << 20

// meaning reads what the samples mean.
func (f *File) meaning(r *reader, s set) (err error) {
	m := &f.Image
	m.Slope = 1
	if m.Photometric == "PALETTE COLOR" {
		m.Palette, err = s.palette(r, m.Signed)
		return err
	}
	if m.Samples > 1 {
		return nil
	}
	m.rescale(r, s)
	if m.Modality, err = s.lut(r, tagModalityLUT, m.Signed); err != nil {
		return err
	}
	m.window(r, s)
	if m.VOI, err = s.lut(r, tagVOILUT, m.Signed || m.Intercept < 0); err != nil {
		return err
	}
	m.padding(r, s)
	return f.listGroups()
}

// rescale reads the values of samples, where they are given.
func (m *Image) rescale(r *reader, s set) {
	slope, hasSlope := s.number(r, tagSlope, false)
	intercept, hasIntercept := s.number(r, tagIntercept, false)
	if hasSlope && hasIntercept && slope != 0 {
		m.Slope, m.Intercept = slope, intercept
	}
}

// mostName is the length of the longest name of a function that there is, and of any value of its representation.
const mostName = 16

// window reads the first window. One without a width is none.
func (m *Image) window(r *reader, s set) {
	center, hasCenter := s.number(r, tagWindowCenter, false)
	width, hasWidth := s.number(r, tagWindowWidth, false)
	function := s[tagWindowFunction].text()
	function = strings.ToUpper(function[:min(len(function), mostName)])
	if function == "" {
		function = "LINEAR"
	}
	if hasCenter && hasWidth && (width >= 1 || width > 0 && function != "LINEAR") {
		m.Window = &Window{center, width, function}
	}
}

// padding reads which samples stand for none.
func (m *Image) padding(r *reader, s set) {
	tag, limit := uint32(tagPadding), uint32(tagPaddingLimit)
	if m.Float {
		tag, limit = tagFloatPadding, 0x00280124
		if m.Allocated == 64 {
			tag, limit = tagDoublePadding, 0x00280125
		}
	}
	low, found := s.number(r, tag, m.Signed)
	if !found {
		return
	}
	high, found := s.number(r, limit, m.Signed)
	if !found {
		high = low
	}
	if m.Signed && !m.Float && m.Allocated <= 16 { // whatever the representation in the file
		low, high = float64(int16(int32(low))), float64(int16(int32(high)))
	}
	m.Padding = &[2]float64{min(low, high), max(low, high)}
}

// listGroups finds the items that describe single frames.
func (f *File) listGroups() error {
	shared, err := f.reader.first(f.set, tagShared)
	if err != nil {
		return err
	}
	if err := f.group(&f.Image, &f.reader, shared); err != nil {
		return err
	}
	groups, found := f.set[tagPerFrame]
	if !found {
		return nil
	}
	return f.reader.items(groups, func(item reader) bool {
		f.perFrame = append(f.perFrame, uint32(cap(groups.value)-cap(item.data)))
		return len(f.perFrame) < f.Frames
	})
}

// group applies the functional groups of an item.
func (f *File) group(m *Image, r *reader, s set) error {
	values, err := r.first(s, tagTransformation)
	if err != nil {
		return err
	}
	voi, err := r.first(s, tagFrameVOI)
	if err != nil {
		return err
	}
	m.rescale(r, values)
	m.window(r, voi)
	return nil
}

// At is the image of frame i, counted from 0.
func (f *File) At(i int) (Image, error) {
	m := f.Image
	if i >= len(f.perFrame) {
		return m, nil
	}
	groups := f.set[tagPerFrame]
	inner := f.reader
	inner.data, inner.at = groups.value[f.perFrame[i]:], 0
	if groups.vr == "UN" && groups.undefined {
		inner.explicit, inner.big = false, false
	}
	s, err := inner.collect()
	return m, errors.Join(err, f.group(&m, &inner, s))
}
