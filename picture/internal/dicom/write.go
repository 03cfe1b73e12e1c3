package dicom

import (
	"encoding/binary"
	"math"
	"strconv"
)

// Single returns a file of its own with frame i: its attributes that are about pixels, and its bytes as they are encoded.
func (f *File) Single(i int) ([]byte, error) {
	m, err := f.At(i)
	if err != nil {
		return nil, err
	}
	frame, err := f.Frame(i)
	if err != nil {
		return nil, err
	}
	w := writer{data: make([]byte, 132, len(frame)+4<<10)}
	copy(w.data[128:], "DICM")
	uid := explicitLittle
	switch f.Coding {
	case RLE:
		uid = rleSyntax
	case JPEG:
		uid = jpegSyntax + "51"
	case JPEGLS:
		uid = jpegSyntax + "81"
	case JPEG2000:
		uid = jpegSyntax + "91"
	}
	w.text(tagTransferSyntax, "UI", uid)
	w.image(&m)
	tag := f.pixels.tag
	if f.Coding == Native {
		w.long(tag, map[uint32]string{tagPixels: "OW", tagFloatPixels: "OF", tagDoublePixels: "OD"}[tag], frame)
		return w.data, nil
	}
	w.head(tagPixels, "OB", undefined)
	w.item(tagItem, nil)
	w.item(tagItem, frame)
	w.item(tagSequenceEnd, nil)
	return w.data, nil
}

// writer writes elements in explicit VR little endian.
type writer struct{ data []byte }

// image writes the attributes of an image, in the order of their tags.
func (w *writer) image(m *Image) {
	representation, planar := 0, 0
	if m.Signed {
		representation = 1
	}
	if m.Planar {
		planar = 1
	}
	w.words(tagSamples, m.Samples)
	w.text(tagPhotometric, "CS", m.Photometric)
	w.words(tagPlanar, planar)
	w.words(tagRows, m.Height)
	w.words(tagColumns, m.Width)
	w.words(tagAllocated, m.Allocated)
	w.words(tagStored, m.Stored)
	w.words(tagHighBit, m.HighBit)
	w.words(tagRepresentation, representation)
	w.padding(m)
	if m.Window != nil {
		w.decimals(tagWindowCenter, m.Window.Center)
		w.decimals(tagWindowWidth, m.Window.Width)
	}
	w.decimals(tagIntercept, m.Intercept)
	w.decimals(tagSlope, m.Slope)
	if m.Window != nil {
		w.text(tagWindowFunction, "CS", m.Window.Function)
	}
	if m.Palette != nil {
		for colour, table := range m.Palette.Tables {
			w.long16(tagRedDescriptor+uint32(colour), signOf(table.First), len(table.Data), table.First, table.Bits)
		}
		for colour, table := range m.Palette.Tables {
			w.long(tagRedData+uint32(colour), "OW", packed(table.Data))
		}
	}
	w.lut(tagModalityLUT, m.Modality)
	w.lut(tagVOILUT, m.VOI)
}

func (w *writer) padding(m *Image) {
	switch {
	case m.Padding == nil:
	case m.Float && m.Allocated == 64:
		w.float64s(tagDoublePadding, m.Padding[0])
		w.float64s(0x00280125, m.Padding[1])
	case m.Float:
		w.float64s(tagFloatPadding, m.Padding[0])
		w.float64s(0x00280124, m.Padding[1])
	default:
		w.float64s(tagPadding, m.Padding[0])
		w.float64s(tagPaddingLimit, m.Padding[1])
	}
}

// lut writes a sequence of one table.
func (w *writer) lut(tag uint32, l *LUT) {
	if l == nil {
		return
	}
	var item writer
	item.long16(tagLUTDescriptor, signOf(l.First), len(l.Data), l.First, l.Bits)
	item.long(tagLUTData, "OW", packed(l.Data))
	var sequence writer
	sequence.item(tagItem, item.data)
	w.long(tag, "SQ", sequence.data)
}

// signOf is the representation of a descriptor.
func signOf(first int) string {
	if first < 0 {
		return "SS"
	}
	return "US"
}

func packed(words []uint16) []byte {
	out := make([]byte, 0, 2*len(words))
	for _, v := range words {
		out = binary.LittleEndian.AppendUint16(out, v)
	}
	return out
}

func (w *writer) tag(tag uint32) {
	w.data = binary.LittleEndian.AppendUint16(w.data, uint16(tag>>16))
	w.data = binary.LittleEndian.AppendUint16(w.data, uint16(tag))
}

// head writes an element with a long length up to its value.
func (w *writer) head(tag uint32, vr string, length int) {
	w.tag(tag)
	w.data = append(append(w.data, vr...), 0, 0)
	w.data = binary.LittleEndian.AppendUint32(w.data, uint32(length))
}

func (w *writer) long(tag uint32, vr string, value []byte) {
	w.head(tag, vr, len(value)+len(value)%2)
	w.data = append(w.data, value...)
	w.even()
}

func (w *writer) item(tag uint32, value []byte) {
	w.tag(tag)
	w.data = binary.LittleEndian.AppendUint32(w.data, uint32(len(value)+len(value)%2))
	w.data = append(w.data, value...)
	w.even()
}

func (w *writer) even() {
	if len(w.data)%2 != 0 {
		w.data = append(w.data, 0)
	}
}

// short writes an element with a length of 16 bits.
func (w *writer) short(tag uint32, vr string, value []byte) {
	w.tag(tag)
	w.data = append(w.data, vr...)
	w.data = binary.LittleEndian.AppendUint16(w.data, uint16(len(value)))
	w.data = append(w.data, value...)
}

func (w *writer) text(tag uint32, vr, text string) {
	if len(text)%2 != 0 {
		text += map[string]string{"UI": "\x00"}[vr]
		if len(text)%2 != 0 {
			text += " "
		}
	}
	w.short(tag, vr, []byte(text))
}

func (w *writer) words(tag uint32, values ...int) { w.long16(tag, "US", values...) }

func (w *writer) long16(tag uint32, vr string, values ...int) {
	var value []byte
	for _, v := range values {
		value = binary.LittleEndian.AppendUint16(value, uint16(v))
	}
	w.short(tag, vr, value)
}

func (w *writer) decimals(tag uint32, v float64) {
	w.text(tag, "DS", strconv.FormatFloat(v, 'g', -1, 64))
}

// float64s writes a number that other representations may not hold.
func (w *writer) float64s(tag uint32, v float64) {
	w.short(tag, "FD", binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)))
}
