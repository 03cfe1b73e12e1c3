package picture

import (
	"errors"
	"path"
	"slices"
	"strings"
	"testing"
)

// readArchive hands every member of a packed archive of testdata/picture to visit.
func readArchive(t testing.TB, name string, visit func(name string, data []byte)) {
	t.Helper()
	for name, data := range archived(t, name) {
		visit(name, data)
	}
}

// TestForeign: what libraries write of each kind is recognised as that kind, and what is no
// picture is not. Whatever Decode says of it, it is not that it were damaged.
func TestForeign(t *testing.T) {
	members := 0
	readArchive(t, "foreign.tar.gz", func(name string, data []byte) {
		members++
		want, base := path.Dir(name), path.Base(name)
		if want == "tiff" || want == "AVIF" || want == "HEIC" { // which are decoded
			if p, err := Inspect(data, 0); err != nil || p.Format != strings.ToLower(want) {
				t.Errorf("%s is %s, %v", name, p.Format, err)
			}
			return
		}
		head := data[:min(len(data), HeadBytes)]
		if want != "none" && !slices.ContainsFunc(foreignKinds, func(k foreignKind) bool { return k.Name == want }) {
			checkDecoded(t, name, base, head)
			return
		}
		kind, recognized := RecognizeForeign(base, head)
		if recognized != (want != "none") || recognized && kind.Name != want || !recognized && kind != (Foreign{}) {
			t.Errorf("%s is recognised (%v) as %q", name, recognized, kind.Name)
		}
		_, err := Decode(data, small)
		var typed *Error
		if !errors.Is(err, ErrUnsupported) || !errors.As(err, &typed) || typed.Stage != StageHeader {
			t.Errorf("%s: Decode says %v", name, err)
			return
		}
		p, err := Inspect(data, 0)
		known := foreignContent(data) != nil // the others are known by their names only
		if known && (p.Format != want || errors.Is(err, ErrNoPicture) || !strings.Contains(err.Error(), kind.String())) {
			t.Errorf("%s: Inspect says %q, %v", name, p.Format, err)
		}
		if !known && (p.Format != "" || !errors.Is(err, ErrNoPicture)) {
			t.Errorf("%s: Inspect says %q, %v", name, p.Format, err)
		}
	})
	if members < 90 {
		t.Errorf("%d members", members)
	}
}

// checkDecoded: a kind that is decoded by now is found by its content, and no foreign one. Only the file's beginning is
// at hand.
func checkDecoded(t *testing.T, name, base string, head []byte) {
	t.Helper()
	if !Decodes("", head) {
		t.Errorf("%s is not found by its content", name)
	}
	if kind, recognized := RecognizeForeign(base, head); recognized {
		t.Errorf("%s is recognized as %s", name, kind.Name)
	}
	if _, err := Decode(head, small); errors.Is(err, ErrUnsupported) {
		t.Errorf("%s: %v", name, err)
	}
}

// TestDecodesByName: files that are decoded are found by their names, too, where those mean nothing else.
func TestDecodesByName(t *testing.T) {
	for name, want := range map[string]bool{
		"a.ico": true, "b/c.PSD": true, "x.tga": true, "x.ppm": true, "x.qoi": true, "x.dds": true, "x.JLS": true,
		"font.pfm": false, "x.rgb": false, "x.bw": false, "x.ras": false, "x.txt": false, "x": false, "qoi": false,
	} {
		if got := Decodes(name, nil); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, text := range []string{
		"P5 was the name of the street, 12 houses.\n", "P4 12 34 were sold\n", "P3 4 4 255 and so on", "P1 2 3 4\n", "P6 1 2 3 4 words", "Pf 3 4 of 1.5\n",
		"#define ICON_width 16\n#define ICON_height 16\n", "P7 is a processor\n", "/* a program */\n#define a_width 3\n", "BMW makes cars.\n",
	} {
		if Decodes("", []byte(text)) {
			t.Errorf("%q is taken for an image", text)
		}
	}
}

// TestForeignByName is for what is not read: links and objects in stores.
func TestForeignByName(t *testing.T) {
	for name, want := range map[string]string{
		"a/b.JLS": "", "x.j2k": "", "x.jxr": "JPEG XR", "scan.nii.gz": "NIfTI", "x.svgz": "SVG", "x.RAF": "Fuji raw", "x.dcx": "a file of several PCX", "x.exr": "OpenEXR",
		"x.dcm": "", "x.txt": "", "x.json": "", "x.csv": "", "x.md": "", "x.gz": "", "x.jpg": "", "qoi": "", "x": "",
		"track.fit": "", "cloud.pcd": "", "font.pfm": "",
	} {
		kind, recognized := RecognizeForeign(name, nil)
		if recognized != (want != "") || kind.Name != want {
			t.Errorf("%s is %q (%v), want %q", name, kind.Name, recognized, want)
		}
	}
}

// TestForeignHasRemedies: every kind says what to do, and no extension is claimed twice.
func TestForeignHasRemedies(t *testing.T) {
	seen := map[string]string{}
	for _, k := range foreignKinds {
		if k.Name == "" || k.Remedy == "" || len(k.starts) == 0 && k.match == nil && k.extensions == "" {
			t.Errorf("%+v", k.Foreign)
		}
		for extension := range strings.FieldsSeq(k.extensions) {
			if seen[extension] != "" || !strings.HasPrefix(extension, ".") {
				t.Errorf("%s is of %s and %s", extension, seen[extension], k.Name)
			}
			seen[extension] = k.Name
		}
	}
}

// TestXcodePNG: what Xcode makes of PNGs is no damage.
func TestXcodePNG(t *testing.T) {
	png := readGolden(t, "png-rgb8.png")
	data := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x04CgBI\x50\x00\x20\x02\x2b\xd5\xb3\x7f"), png[8:]...)
	if _, err := Decode(data, small); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "CgBI") {
		t.Errorf("got %v", err)
	}
}
