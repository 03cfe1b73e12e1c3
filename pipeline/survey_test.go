package pipeline

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func encodedJPEG(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, width, height)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodedPNG(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withNotes puts n bytes of notes between a JPEG's start and the rest.
func withNotes(picture []byte, n int) []byte {
	out := slices.Clone(picture[:2])
	for n > 0 {
		part := min(n, 65_000)
		out = append(out, 0xff, 0xe5)
		out = binary.BigEndian.AppendUint16(out, uint16(part+2))
		out = append(out, make([]byte, part)...)
		n -= part
	}
	return append(out, picture[2:]...)
}

func TestSurvey(t *testing.T) {
	jpg, bomb := encodedJPEG(t, 20, 10), encodedPNG(t, 1, 1)
	binary.BigEndian.PutUint32(bomb[16:], 50_000)
	binary.BigEndian.PutUint32(bomb[20:], 50_000)
	binary.BigEndian.PutUint32(bomb[29:], crc32.ChecksumIEEE(bomb[12:29]))
	root := tree(t, map[string]string{
		"a.jpg":       string(jpg),
		"b.png":       string(jpg), // the content decides
		"c.jpg":       string(withNotes(jpg, 300_000)),
		"d.png":       string(encodedPNG(t, 7, 5)),
		"bomb.png":    string(bomb),
		"x.heic":      "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
		"x.avif":      "\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif",
		"raw.nef":     "FUJIFILMCCD-RAW 0201",
		"raw.dng":     "II*\x00\x08\x00\x00\x00\x01\x00\x12\xc6\x01\x00\x04\x00\x00\x00\x01\x04\x00\x00\x00\x00\x00\x00",
		"text.jpg":    "not an image at all",
		"empty.jpg":   "",
		"damaged.png": string(encodedPNG(t, 7, 5)[:20]),
	})
	items := []Item{{Path: "gone.jpg", File: filepath.Join(root, "gone.jpg")}}
	listing, err := List(context.Background(), []string{root}, nil)
	if err != nil {
		t.Fatal(err)
	}
	items = append(items, listing.Items...)
	kinds, readable, err := Survey(context.Background(), items, 0, 3)
	if err != nil {
		t.Fatal(err)
	}
	if got := paths(readable); !slices.Equal(got, []string{"a.jpg", "b.png", "c.jpg"}) {
		t.Errorf("the first that can be read are %q", got)
	}
	want := []Kind{
		{Finding: Readable, Format: "jpeg", Pictures: 3, Pixels: 600, First: "a.jpg"},
		{Finding: Readable, Format: "png", Pictures: 1, Pixels: 35, First: "d.png"},
		{Finding: Unsupported, Format: "Fuji raw", Pictures: 1, First: "raw.nef"},
		{Finding: Unsupported, Format: "camera raw", Pictures: 1, First: "raw.dng"},
		{Finding: TooLarge, Format: "png", Pictures: 1, First: "bomb.png"},
		{Finding: Damaged, Format: "avif", Pictures: 1, First: "x.avif"},
		{Finding: Damaged, Format: "heic", Pictures: 1, First: "x.heic"},
		{Finding: Damaged, Format: "png", Pictures: 1, First: "damaged.png"},
		{Finding: NoPicture, Pictures: 2, First: "empty.jpg"},
		{Finding: Unreadable, Pictures: 1, First: "gone.jpg"},
	}
	if d := cmp.Diff(want, kinds, cmpopts.IgnoreFields(Kind{}, "Bytes", "Reason"), cmpopts.IgnoreUnexported(Kind{})); d != "" {
		t.Error(d)
	}
	for _, k := range kinds {
		if (k.Finding == Readable) != (k.Reason == "") {
			t.Errorf("%s %s: the reason is %q", k.Finding, k.Format, k.Reason)
		}
	}
	// The limit is the caller's.
	kinds, _, err = Survey(context.Background(), items, 100, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds {
		if k.Finding == Readable && k.Format == "jpeg" {
			t.Errorf("%d JPEGs of 200 pixels pass a limit of 100", k.Pictures)
		}
	}
}

// Of a large picture only the beginning is read: what follows may be missing.
func TestSurveyReadsHeaders(t *testing.T) {
	file := filepath.Join(t.TempDir(), "large.jpg")
	if err := os.WriteFile(file, encodedJPEG(t, 30, 30), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, 400<<20); err != nil { // sparse
		t.Fatal(err)
	}
	allocated := testing.AllocsPerRun(1, func() {
		if _, readable, err := Survey(context.Background(), []Item{{Path: "large.jpg", File: file}}, 0, 1); err != nil || len(readable) != 1 {
			t.Errorf("%d readable, %v", len(readable), err)
		}
	})
	if allocated > 1000 {
		t.Errorf("%v allocations for a header", allocated)
	}
	if _, _, err := Survey(canceled(), []Item{{Path: "large.jpg", File: file}}, 0, 1); err == nil {
		t.Error("a cancelled survey goes on")
	}
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
