package picture

import (
	"hash/crc32"
	"strings"
	"testing"
)

// TestJPEGXL compares with the pixels of pillow-jxl-plugin, with samples that were encoded without loss, and with the
// JPEGs that files were made of.
func TestJPEGXL(t *testing.T) {
	needCodecs(t)
	files := archived(t, "jpegxl.tar.gz")
	cases, _ := codecCases(t, "jpegxl.txt")
	if len(cases) < 110 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, c := range cases {
		t.Run(c.file+c.background+c.ranged, func(t *testing.T) {
			p, err := Decode(files[c.file], c.options())
			if err != nil {
				t.Fatal(err)
			}
			if p.Format != "jxl" || p.SourceWidth != c.width || p.SourceHeight != c.height {
				t.Errorf("got %s of %dx%d, want %dx%d", p.Format, p.SourceWidth, p.SourceHeight, c.width, c.height)
			}
			if crc32.ChecksumIEEE(p.Pix) == c.sum {
				return
			}
			if c.bound == 0 {
				t.Fatalf("other pixels than those of %s", c.source)
			}
			want := files[c.file+strings.TrimPrefix(c.background, "-")+".rgb"]
			if len(want) != len(p.Pix) {
				t.Fatalf("%d bytes of pixels, of which %d are known", len(p.Pix), len(want))
			}
			others := 0
			for i, v := range p.Pix {
				if v != want[i] {
					others++
				}
				if d := int(v) - int(want[i]); d > c.bound || d < -c.bound {
					t.Fatalf("byte %d is %d, with %s %d", i, v, c.source, want[i])
				}
			}
			t.Logf("%d of %d bytes are %d off", others, len(want), c.bound)
		})
	}
}

// TestJPEGXLRefused: what is not decoded is told apart from what is damaged.
func TestJPEGXLRefused(t *testing.T) {
	needCodecs(t)
	checkRefused(t, "jpegxl")
}
