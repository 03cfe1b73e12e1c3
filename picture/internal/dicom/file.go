package dicom

import (
	"bytes"
	"slices"
	"strings"

	"fovea/picture/internal/fault"
)

// Options are how a file is read.
type Options struct {
	// Spend, if set, hears of work that was done, in bytes of a deflated data set, and reports whether to go on.
	Spend func(work int) bool
	// Identity has the file read for Patient and Study, of which nothing else is to know.
	Identity bool
}

// File is a parsed file.
type File struct {
	// Image is that of the file as a whole; At is that of a frame.
	Image
	// Coding is how the frames are compressed.
	Coding Coding
	// Frames is how many the file says it has.
	Frames int

	// Patient is the PatientID, and Study the StudyInstanceUID, if Options.Identity is set; "" if there is none.
	Patient, Study string

	options Options
	reader  reader // of the data set
	set     set
	// pixels is the element of the pixels, packed the data set that has to be inflated, of which some has been.
	pixels    element
	packed    []byte
	offset    int64    // of the data set in the file
	encoded   bool     // in fragments
	fragments []uint32 // where their items are in the data set
	table     []byte   // basic offsets
	// beginnings are the fragments that begin frames, and their number; nil before they are looked for.
	beginnings []uint32
	perFrame   []uint32 // where the items of the functional groups are
}

// Image is what the samples of a frame are and mean.
type Image struct {
	Width, Height int
	Samples       int // of a pixel
	Allocated     int // bits of a sample in the file
	Stored        int // of them that count
	HighBit       int // the highest of these
	Signed        bool
	Float         bool // of 32 or 64 bits
	Planar        bool
	Photometric   string
	// Value is Slope times sample plus Intercept, or by Modality if that is set.
	Slope, Intercept float64
	Modality         *LUT
	// VOI, or else Window, is what of the values is to be seen; both may be nil.
	VOI     *LUT
	Window  *Window
	Palette *Palette
	// Padding is the range of samples that stand for none, or nil.
	Padding *[2]float64
}

// Window is a range of values by its centre and width. Function is LINEAR, LINEAR_EXACT or SIGMOID.
type Window struct {
	Center, Width float64
	Function      string
}

// Is says whether a file that begins like this is DICOM. Anything may stand in the preamble, a TIFF's header too; old
// files begin with their first elements.
func Is(head []byte) bool {
	if len(head) >= 136 && string(head[128:132]) == "DICM" {
		group := head[132:134]
		return group[0]|group[1] <= 8 && group[0]|group[1] > 0
	}
	if len(head) < 12 {
		return false
	}
	little := head[1] == 0 && head[3] == 0 && (head[0] == 2 || head[0] == 8)
	big := head[0] == 0 && head[2] == 0 && head[1] == 8
	number := head[2] | head[3]
	switch length := head[4:8]; {
	case !little && !big || number > 0x18:
		return false
	case (little || big) && strings.Contains(" UL OB UI CS SH DA TM ", " "+string(length[:2])+" ") && (length[2] == 0 || length[3] == 0):
		return true
	case !little || head[0] != 8 || length[1]|length[2]|length[3] != 0:
		return false
	}
	switch value := head[8:]; number { // without representations
	case 0:
		return head[4] == 4
	case 5:
		return bytes.HasPrefix(value, []byte("ISO"))
	case 8:
		return bytes.HasPrefix(value, []byte("ORIG")) || bytes.HasPrefix(value, []byte("DERI"))
	case 0x16:
		return bytes.HasPrefix(value, []byte("1.2."))
	}
	return false
}

// imageless are the beginnings of the classes of files without an image: lists of files, reports, waveforms, settings,
// registrations, documents, meshes, plans.
var imageless = []string{
	"1.2.840.10008.1.3.10", "1.2.840.10008.5.1.4.1.1.88.", "1.2.840.10008.5.1.4.1.1.9.", "1.2.840.10008.5.1.4.1.1.11.",
	"1.2.840.10008.5.1.4.1.1.66.1", "1.2.840.10008.5.1.4.1.1.66.2", "1.2.840.10008.5.1.4.1.1.66.3", "1.2.840.10008.5.1.4.1.1.66.5",
	"1.2.840.10008.5.1.4.1.1.104.", "1.2.840.10008.5.1.4.1.1.481.3", "1.2.840.10008.5.1.4.1.1.481.4", "1.2.840.10008.5.1.4.1.1.481.5",
	"1.2.840.10008.5.1.4.1.1.481.6", "1.2.840.10008.5.1.4.1.1.481.7", "1.2.840.10008.5.1.4.1.1.481.8", "1.2.840.10008.5.1.4.1.1.481.9",
}

// Imageless says whether a DICOM file that begins like this is of a class without images. If it doesn't say, it is not.
func Imageless(head []byte) bool {
	if len(head) < 132 || string(head[128:132]) != "DICM" {
		return false
	}
	r := reader{data: head[132:], explicit: true}
	for r.tag()>>16 == 2 {
		e, err := r.next(0)
		if err != nil {
			return false
		}
		if e.tag == tagClass {
			class := e.text()
			return slices.ContainsFunc(imageless, func(prefix string) bool {
				return class == prefix || strings.HasSuffix(prefix, ".") && strings.HasPrefix(class, prefix)
			})
		}
	}
	return false
}

// Parse reads all but the pixels.
func Parse(data []byte, options Options) (*File, error) {
	f := &File{options: options}
	body := data
	if len(data) >= 132 && string(data[128:132]) == "DICM" {
		body = data[132:]
	}
	uid, body, err := metaHeader(body)
	if err != nil {
		return nil, err
	}
	kind, known := syntaxes[uid]
	f.offset = int64(len(data) - len(body))
	f.Coding = kind.coding
	if uid == deflated {
		f.packed = body
		err = f.inflateHeader()
	} else {
		f.reader = reader{data: body}
		err = f.read(uid)
	}
	switch {
	case err != nil:
		return nil, err
	case uid != "" && !known:
		return nil, unsupported("transfer syntax %.64q", uid)
	case kind.name != "":
		return nil, unsupported("%s", kind.name)
	}
	return f, f.image(uid)
}

// metaHeader reads the elements before the data set, and returns the transfer syntax, which is empty if none is given.
func metaHeader(body []byte) (uid string, rest []byte, err error) {
	r := reader{data: body}
	for r.tag()>>16 == 2 {
		r.explicit = isVR(r.data[r.at+4:])
		e, err := r.next(0)
		if err != nil {
			return "", nil, err
		}
		if e.tag == tagTransferSyntax {
			uid = e.text()
		}
	}
	return uid, body[r.at:], nil
}

// read reads the data set up to the pixels. What it is encoded in is seen from its first element, where that differs
// from the transfer syntax.
func (f *File) read(uid string) error {
	r := &f.reader
	if len(r.data) >= 8 {
		r.explicit = isVR(r.data[4:])
		r.big = uid == explicitBig
		if group := r.tag() >> 16; group > 0xff && group&0xff == 0 { // that of the first element is small
			r.big = !r.big
		}
	}
	f.set = set{}
	for len(r.data)-r.at >= 8 {
		e, err := r.pixelsOrNext()
		if err != nil {
			return err
		}
		switch e.tag {
		case tagPixels, tagFloatPixels, tagDoublePixels:
			f.pixels = e
			return nil
		}
		switch {
		case kept[e.tag]:
			f.set[e.tag] = e
		case f.options.Identity && e.tag == tagPatient:
			f.Patient = e.text()
		case f.options.Identity && e.tag == tagStudy:
			f.Study = e.text()
		}
	}
	return nil
}

// pixelsOrNext reads an element, of those with pixels without the value.
func (r *reader) pixelsOrNext() (element, error) {
	switch r.tag() {
	case tagPixels, tagFloatPixels, tagDoublePixels:
		return r.head()
	}
	return r.next(0)
}

// image makes the image of the elements.
func (f *File) image(uid string) (err error) {
	r, s := &f.reader, f.set
	_, hasRows := s[tagRows]
	_, hasColumns := s[tagColumns]
	switch {
	case !hasRows && !hasColumns:
		return ErrNoImage
	case f.pixels.tag == 0:
		return fault.Truncated("it ends before its pixels")
	}
	f.encoded = f.pixels.length == undefined
	switch {
	case f.encoded && f.Coding == Native && uid != encapsulated:
		err = f.guess(uid)
	case !f.encoded && f.Coding != Native:
		err = fault.Corrupt("its pixels are compressed, but not in fragments")
	case f.pixels.tag != tagPixels:
		f.Float = true
	}
	if err != nil {
		return err
	}
	if err := f.samples(r, s); err != nil {
		return err
	}
	if f.encoded {
		if err := f.listFragments(); err != nil {
			return err
		}
	}
	return f.meaning(r, s)
}
