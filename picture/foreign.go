package picture

import (
	"bytes"
	"path"
	"strings"
)

// Foreign is a kind of image that is recognized but not decoded.
type Foreign struct {
	// Name is its common name, such as "JPEG 2000"; Remedy says what to do about it.
	Name, Remedy string
}

// String is the name and the remedy.
func (f Foreign) String() string { return f.Name + ": " + f.Remedy }

// foreignKind is how a Foreign is recognized: one with neither starts nor a match, by its file name
// alone.
type foreignKind struct {
	Foreign
	// starts are possible first bytes; match examines more of them.
	starts []string
	match  func(head []byte) bool
	// extensions are file name extensions, separated by blanks, without those that other kinds of
	// files use as well.
	extensions string
}

const (
	convert = "convert it to JPEG or PNG"
	develop = "develop it to JPEG or PNG"
	toPNG   = "convert it to PNG"
	render  = "render it to PNG"
	scaled  = "scale its values to 8 bits and write them as PNG"
	texture = "unpack the texture to PNG"
)

// foreignKinds are photographs first, then what programs and instruments write.
var foreignKinds = []foreignKind{
	{Foreign{"a document in JPEG 2000", render}, nil, nil, ".jpm"},
	{Foreign{"JPEG XR", convert}, []string{"II\xbc\x01", "II\xbc\x00"}, nil, ".jxr .wdp .hdp"},
	{Foreign{"BPG", convert}, []string{"BPG\xfb"}, nil, ".bpg"},
	{Foreign{"FLIF", toPNG}, []string{"FLIF"}, nil, ".flif"},
	{Foreign{"MNG or JNG", toPNG}, []string{"\x8aMNG\r\n\x1a\n", "\x8bJNG\r\n\x1a\n"}, nil, ".mng .jng"},
	{Foreign{"Canon raw", develop}, []string{"II\x1a\x00\x00\x00HEAPCCDR"}, isCanon, ".cr2 .cr3 .crw"},
	{Foreign{"Fuji raw", develop}, []string{"FUJIFILMCCD-RAW"}, nil, ".raf"},
	{Foreign{"Olympus raw", develop}, []string{"IIRO", "IIRS", "MMOR"}, nil, ".orf"},
	{Foreign{"Panasonic raw", develop}, []string{"IIU\x00"}, nil, ".rw2 .rwl"},
	{Foreign{"Minolta raw", develop}, []string{"\x00MRM"}, nil, ".mrw"},
	{Foreign{"Sigma raw", develop}, []string{"FOVb"}, nil, ".x3f"},
	{Foreign{"Phase One raw", develop}, []string{"IIIITwaR", "MMMMRawT"}, nil, ".iiq"},
	{Foreign{"camera raw", develop}, nil, nil, ".nef .nrw .arw .sr2 .dng .pef .3fr .fff .erf .kdc .mef .srw"},
	{Foreign{"a GIMP document", "export it as JPEG or PNG"}, []string{"gimp xcf"}, nil, ".xcf"},
	{Foreign{"farbfeld", toPNG}, []string{"farbfeld"}, nil, ""},
	{Foreign{"a file of several PCX", toPNG}, []string{"\xb1\x68\xde\x3a"}, nil, ".dcx"},
	{Foreign{"XPM", toPNG}, []string{"/* XPM */", "! XPM2"}, nil, ".xpm"},
	{Foreign{"IFF ILBM", toPNG}, nil, isForm("ILBM", "PBM "), ".lbm .ilbm"},
	{Foreign{"FLIC", toPNG}, nil, nil, ".fli .flc"},
	{Foreign{"a bitmap without a file's header", toPNG}, nil, nil, ".dib"},
	{Foreign{"JBIG2", toPNG}, []string{"\x97JB2\r\n\x1a\n"}, nil, ".jb2 .jbig2"},
	{Foreign{"DjVu", render}, []string{"AT&TFORM"}, nil, ".djvu .djv"},
	{Foreign{"PICT", toPNG}, nil, nil, ".pict .pct"},
	{Foreign{"SVG", render}, nil, isSVG, ".svg .svgz"},
	{Foreign{"EPS", render}, []string{"\xc5\xd0\xd3\xc6"}, isEPS, ".eps .epsf .epsi"},
	{Foreign{"a Windows metafile", render}, []string{"\xd7\xcd\xc6\x9a"}, isEMF, ".wmf .emf"},
	{Foreign{"BLP", texture}, []string{"BLP1", "BLP2"}, nil, ".blp"},
	{Foreign{"KTX", texture}, []string{"\xabKTX "}, nil, ".ktx .ktx2"},
	{Foreign{"ASTC", texture}, []string{"\x13\xab\xa1\x5c"}, nil, ".astc"},
	{Foreign{"OpenEXR", "map its tones to 8 bits and write them as PNG"}, []string{"v/1\x01"}, nil, ".exr"},
	{Foreign{"Radiance HDR", "map its tones to 8 bits and write them as PNG"}, []string{"#?RADIANCE", "#?RGBE"}, nil, ".rgbe"},
	{Foreign{"DPX or Cineon", "map its tones to 8 bits and write them as PNG"}, []string{"SDPX", "XPDS", "\x80\x2a\x5f\xd7"}, nil, ".dpx .cin"},
	{Foreign{"NIfTI", "write its slices as PNG, scaled to 8 bits"}, nil, isNIfTI, ".nii .nii.gz"},
	{Foreign{"NRRD", "write its slices as PNG, scaled to 8 bits"}, []string{"NRRD000"}, nil, ".nrrd"},
	{Foreign{"FITS", scaled}, []string{"SIMPLE  ="}, nil, ".fits .fts"},
}

// byExtension finds a kind by a file name's extension.
var byExtension = func() map[string]*foreignKind {
	kinds := map[string]*foreignKind{}
	for i := range foreignKinds {
		for extension := range strings.FieldsSeq(foreignKinds[i].extensions) {
			kinds[extension] = &foreignKinds[i]
		}
	}
	return kinds
}()

// HeadBytes is how much of a file's beginning RecognizeForeign needs.
const HeadBytes = 512

// RecognizeForeign says whether a file in none of the decoded formats is an image of another kind:
// by its first bytes, or else by its name, unless its bytes are known to be something else. head
// may be nil if the bytes are not at hand; then the name decides.
func RecognizeForeign(name string, head []byte) (kind Foreign, recognized bool) {
	if k := foreignContent(head); k != nil {
		return k.Foreign, true
	}
	name = strings.ToLower(path.Base(name))
	extension := path.Ext(name)
	packed := bytes.HasPrefix(head, []byte("\x1f\x8b"))
	if strings.HasSuffix(name, ".nii.gz") {
		extension = ".nii.gz"
	}
	k, known := byExtension[extension]
	switch {
	case !known:
		return Foreign{}, false
	case head == nil, packed && (extension == ".nii.gz" || extension == ".svgz"), k.Name == "EPS" && bytes.HasPrefix(head, []byte("%!PS")):
		return k.Foreign, true
	case noPictureContent(head) != "":
		return Foreign{}, false
	}
	return k.Foreign, true
}

// foreignContent is the kind that a file's first bytes belong to, or nil.
func foreignContent(head []byte) *foreignKind {
	for i := range foreignKinds {
		k := &foreignKinds[i]
		for _, start := range k.starts {
			if bytes.HasPrefix(head, []byte(start)) {
				return k
			}
		}
		if k.match != nil && k.match(head) {
			return k
		}
	}
	return nil
}

// isBrand matches ISO media files by the start of their brand.
func isBrand(brands ...string) func([]byte) bool {
	return func(head []byte) bool {
		if len(head) < 12 || string(head[4:8]) != "ftyp" {
			return false
		}
		for _, brand := range brands {
			if bytes.HasPrefix(head[8:], []byte(brand)) {
				return true
			}
		}
		return false
	}
}

// isCanon matches Canon's raw files, whose structure is TIFF's or that of ISO media.
func isCanon(head []byte) bool {
	return len(head) >= 10 && string(head[:4]) == "II*\x00" && string(head[8:10]) == "CR" || isBrand("crx ")(head)
}

func isForm(kinds ...string) func([]byte) bool {
	return func(head []byte) bool {
		for _, kind := range kinds {
			if len(head) >= 12 && string(head[:4]) == "FORM" && string(head[8:12]) == kind {
				return true
			}
		}
		return false
	}
}

// isSVG looks for the element after declarations and comments; pages may have one, too.
func isSVG(head []byte) bool {
	start := beginning(head)
	if strings.HasPrefix(start, "<!doctype html") || strings.HasPrefix(start, "<html") {
		return false
	}
	return strings.HasPrefix(start, "<") && strings.Contains(start, "<svg")
}

// beginning is a text's in lower case.
func beginning(head []byte) string {
	return strings.ToLower(strings.TrimSpace(strings.TrimPrefix(string(head[:min(HeadBytes, len(head))]), "\ufeff")))
}

func isEPS(head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	return bytes.HasPrefix(line, []byte("%!PS-Adobe-")) && bytes.Contains(line, []byte(" EPSF-"))
}

func isEMF(head []byte) bool {
	return len(head) >= 44 && string(head[:4]) == "\x01\x00\x00\x00" && string(head[40:44]) == " EMF"
}

func isNIfTI(head []byte) bool {
	return len(head) >= 348 && (string(head[344:348]) == "n+1\x00" || string(head[344:348]) == "ni1\x00") || len(head) >= 12 && string(head[4:8]) == "n+2\x00"
}
