package picture

import (
	"bytes"
	"encoding/binary"
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
	{Foreign{"HEIC", convert}, nil, isBrand("hei", "hev", "hej", "mif1", "mif2", "msf1"), ".heic .heif .hif .heics .heifs .avci"},
	{Foreign{"AVIF", convert}, nil, isBrand("avif", "avis"), ".avif .avifs"},
	{Foreign{"JPEG XL", convert}, []string{"\x00\x00\x00\x0cJXL ", "\xff\x0a"}, nil, ".jxl"},
	{Foreign{"JPEG 2000", convert}, []string{"\x00\x00\x00\x0cjP  ", "\xff\x4f\xff\x51"}, nil, ".jp2 .j2k .j2c .jpc .jpf .jpx .jpm .jph .jhc"},
	{Foreign{"JPEG XR", convert}, []string{"II\xbc\x01", "II\xbc\x00"}, nil, ".jxr .wdp .hdp"},
	{Foreign{"JPEG-LS", convert}, []string{"\xff\xd8\xff\xf7"}, nil, ".jls"},
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
	{Foreign{"a Photoshop document", "export it as JPEG or PNG"}, []string{"8BPS"}, nil, ".psd .psb"},
	{Foreign{"a GIMP document", "export it as JPEG or PNG"}, []string{"gimp xcf"}, nil, ".xcf"},
	{Foreign{"a Windows icon", toPNG}, nil, isIcon(1), ".ico"},
	{Foreign{"a Windows cursor", toPNG}, nil, isIcon(2), ".cur"},
	{Foreign{"a macOS icon", toPNG}, []string{"icns"}, nil, ".icns"},
	{Foreign{"PNM", toPNG}, nil, isPNM, ".pnm .pbm .pgm .ppm .pam"},
	{Foreign{"QOI", toPNG}, []string{"qoif"}, nil, ".qoi"},
	{Foreign{"farbfeld", toPNG}, []string{"farbfeld"}, nil, ""},
	{Foreign{"PCX", toPNG}, []string{"\xb1\x68\xde\x3a"}, isPCX, ".pcx .dcx"},
	{Foreign{"TGA", toPNG}, nil, isTGA, ".tga .targa"},
	{Foreign{"SGI", toPNG}, nil, isSGI, ".sgi"},
	{Foreign{"a Sun raster", toPNG}, []string{"\x59\xa6\x6a\x95"}, nil, ""},
	{Foreign{"XBM", toPNG}, nil, isXBM, ".xbm"},
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
	{Foreign{"DDS", texture}, []string{"DDS "}, nil, ".dds"},
	{Foreign{"BLP", texture}, []string{"BLP1", "BLP2"}, nil, ".blp"},
	{Foreign{"KTX", texture}, []string{"\xabKTX "}, nil, ".ktx .ktx2"},
	{Foreign{"ASTC", texture}, []string{"\x13\xab\xa1\x5c"}, nil, ".astc"},
	{Foreign{"OpenEXR", "map its tones to 8 bits and write them as PNG"}, []string{"v/1\x01"}, nil, ".exr"},
	{Foreign{"Radiance HDR", "map its tones to 8 bits and write them as PNG"}, []string{"#?RADIANCE", "#?RGBE"}, nil, ".rgbe"},
	{Foreign{"PFM", "map its tones to 8 bits and write them as PNG"}, nil, isPFM, ""},
	{Foreign{"DPX or Cineon", "map its tones to 8 bits and write them as PNG"}, []string{"SDPX", "XPDS", "\x80\x2a\x5f\xd7"}, nil, ".dpx .cin"},
	{Foreign{"DICOM", "render it to PNG with the window that suits it, as dcm2img of DCMTK does"}, nil, isDICOM, ".dcm .dicom"},
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

// isIcon matches Windows's icons (1) and cursors (2) by their first entry.
func isIcon(kind byte) func([]byte) bool {
	return func(head []byte) bool {
		if len(head) < 22 || head[0]|head[1]|head[3] != 0 || head[2] != kind {
			return false
		}
		count := binary.LittleEndian.Uint16(head[4:])
		size, offset := binary.LittleEndian.Uint32(head[14:]), binary.LittleEndian.Uint32(head[18:])
		return count > 0 && head[9] == 0 && size > 0 && offset >= 6+16*uint32(count)
	}
}

// startsWithNumbers says that a text begins with so many numbers, between blanks and comments.
func startsWithNumbers(text []byte, count int) bool {
	for range count {
		for len(text) > 0 && (bytes.IndexByte([]byte(" \t\r\n"), text[0]) >= 0 || text[0] == '#') {
			if text[0] == '#' {
				_, text, _ = bytes.Cut(text, []byte("\n"))
			} else {
				text = text[1:]
			}
		}
		rest := bytes.TrimLeft(text, "0123456789")
		if len(rest) == len(text) || len(rest) > 0 && bytes.IndexByte([]byte(" \t\r\n"), rest[0]) < 0 {
			return false
		}
		text = rest
	}
	return true
}

func isPNM(head []byte) bool {
	if len(head) < 3 || head[0] != 'P' || head[1] < '1' || head[1] > '7' || bytes.IndexByte([]byte(" \t\r\n#"), head[2]) < 0 {
		return false
	}
	if head[1] == '7' {
		return bytes.HasPrefix(head[2:], []byte("\nWIDTH ")) || bytes.HasPrefix(head[2:], []byte("\n#"))
	}
	return startsWithNumbers(head[2:], 2)
}

func isPFM(head []byte) bool {
	return (bytes.HasPrefix(head, []byte("PF\n")) || bytes.HasPrefix(head, []byte("Pf\n"))) && startsWithNumbers(head[3:], 2)
}

func isPCX(head []byte) bool {
	if len(head) < 70 || head[0] != 10 || head[1] > 5 || head[1] == 1 || head[2] != 1 || head[64] != 0 {
		return false
	}
	return head[3] == 1 || head[3] == 2 || head[3] == 4 || head[3] == 8
}

// isTGA matches true-colour images, with or without run lengths, which begin with zeros.
func isTGA(head []byte) bool {
	if len(head) < 18 || head[0] != 0 || head[1] != 0 || head[2] != 2 && head[2] != 10 || !bytes.Equal(head[3:8], make([]byte, 5)) {
		return false
	}
	width, height, depth := binary.LittleEndian.Uint16(head[12:]), binary.LittleEndian.Uint16(head[14:]), head[16]
	return width > 0 && height > 0 && (depth == 16 || depth == 24 || depth == 32) && head[17]&0xc0 == 0
}

func isSGI(head []byte) bool {
	return len(head) >= 12 && head[0] == 1 && head[1] == 0xda && head[2] <= 1 && (head[3] == 1 || head[3] == 2) && head[4] == 0 && head[5] >= 1 && head[5] <= 3
}

func isXBM(head []byte) bool {
	return bytes.HasPrefix(head, []byte("#define ")) && bytes.Contains(head, []byte("_width ")) && bytes.Contains(head, []byte("_height ")) &&
		bytes.Contains(head, []byte("_bits["))
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

// isSVG looks for the element behind declarations and comments; pages may have one, too.
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

// isDICOM looks behind the preamble, in which anything may stand, a TIFF's header too. Old files
// begin with their first elements.
func isDICOM(head []byte) bool {
	if len(head) >= 132 && string(head[128:132]) == "DICM" {
		return true
	}
	for _, start := range []string{"\x02\x00\x00\x00UL\x04\x00", "\x08\x00\x00\x00UL\x04\x00", "\x08\x00\x05\x00CS", "\x08\x00\x00\x00\x04\x00\x00\x00"} {
		if bytes.HasPrefix(head, []byte(start)) {
			return true
		}
	}
	return len(head) >= 11 && string(head[:4]) == "\x08\x00\x05\x00" && head[5]|head[6]|head[7] == 0 && string(head[8:11]) == "ISO"
}

func isNIfTI(head []byte) bool {
	return len(head) >= 348 && (string(head[344:348]) == "n+1\x00" || string(head[344:348]) == "ni1\x00") || len(head) >= 12 && string(head[4:8]) == "n+2\x00"
}
