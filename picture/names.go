package picture

import (
	"path"
	"strings"

	"fovea/picture/internal/dicom"
)

// extensions are those of file names that stand for decoded formats and nothing else, for which a look into the file is
// spared. (Fonts are called .pfm, too, and .rgb, .bw and .ras are anything: such files are found by their content.)
var extensions = func() map[string]bool {
	known := map[string]bool{}
	for e := range strings.FieldsSeq(".jpg .jpeg .jpe .jfif .mpo .jls .png .apng .gif .bmp .tif .tiff .btf .tf8 .webp " +
		".pbm .pgm .ppm .pnm .pam .psd .psb .tga .targa .pcx .dds .qoi .sgi .xbm .ico .cur .icns " +
		".avif .avifs .heic .heics .heif .heifs .hif .jp2 .j2k .j2c .jpc .jpf .jpx .jph .jhc .jxl .dcm .dicom .ima") {
		known[e] = true
	}
	return known
}()

// Decodes says whether a file is in a format that is decoded, by its name, or else by its first HeadBytes bytes, nil if
// they are not at hand. Damage, and what a format has that is not decoded, show only when it is decoded.
func Decodes(name string, head []byte) bool {
	if extensions[strings.ToLower(path.Ext(name))] {
		return true
	}
	f := sniff(head)
	if f != nil && f.name == "dicom" && dicom.Imageless(head) {
		return false
	}
	return f != nil && (f.name != "jpeg" || len(head) > 2 && head[2] == 0xff)
}
