package jpeg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fovea/picture/internal/fault"
	"fovea/picture/internal/picturetest"
)

// examples are the JPEGs of the package above, and some of those that are in its archive of rare kinds.
func examples(tb testing.TB) map[string][]byte {
	tb.Helper()
	names, err := filepath.Glob("../../../testdata/picture/*.jpg")
	if err != nil || len(names) == 0 {
		tb.Fatalf("%d examples, %v", len(names), err)
	}
	files := map[string][]byte{}
	for _, name := range names {
		if files[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			tb.Fatal(err)
		}
	}
	rare := rareExamples(tb)
	for i, name := range slices.Sorted(maps.Keys(rare)) {
		if i%8 == 0 {
			files[name] = rare[name]
		}
	}
	return files
}

func rareExamples(tb testing.TB) map[string][]byte {
	tb.Helper()
	files := picturetest.Files(tb, "../../../testdata/picture/jpeg.tar.gz")
	maps.DeleteFunc(files, func(name string, _ []byte) bool { return !strings.HasSuffix(name, ".jpg") })
	return files
}

// samplesOf is all that a decoder makes of a file.
func samplesOf(tb testing.TB, d *Decoder, data []byte) []byte {
	tb.Helper()
	decoded, err := d.Decode(data)
	if err != nil {
		tb.Fatal(err)
	}
	return samplesIn(decoded)
}

func samplesIn(decoded Image) []byte {
	out := []byte{byte(decoded.Colour)}
	for _, plane := range decoded.Planes {
		for y := range plane.Height {
			if decoded.Precision == 8 {
				out = append(out, plane.Pix[y*plane.Stride:][:plane.Width]...)
				continue
			}
			for _, v := range plane.Deep[y*plane.Stride:][:plane.Width] {
				out = binary.BigEndian.AppendUint16(out, v)
			}
		}
	}
	return out
}

// TestReuse: what a decoder keeps of a file, its tables among it, doesn't show in the next.
func TestReuse(t *testing.T) {
	files := examples(t)
	want := map[string][]byte{}
	for name, data := range files {
		want[name] = samplesOf(t, new(Decoder), data)
	}
	d := new(Decoder)
	for first, data := range files {
		for second, expected := range want {
			if _, err := d.Decode(data[:len(data)-len(data)/3]); !errors.Is(err, fault.ErrTruncated) {
				t.Fatalf("%s, cut: %v", first, err)
			}
			if !bytes.Equal(samplesOf(t, d, files[second]), expected) {
				t.Errorf("%s has other samples after %s", second, first)
			}
		}
	}
}

// TestDecodeSamples: samples of 16 bits are those of the planes, of any precision, and a Decoder that gave them
// decodes the next file as another would.
func TestDecodeSamples(t *testing.T) {
	d := new(Decoder)
	for name, data := range examples(t) {
		want, err := new(Decoder).Decode(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := d.DecodeSamples(data)
		if err != nil || got.Width != want.Width || got.Height != want.Height || got.Precision != want.Precision || len(got.Planes) != len(want.Planes) {
			t.Fatalf("%s is %+v, %v", name, got, err)
		}
		for i, p := range got.Planes {
			if p.Pix != nil {
				t.Errorf("%s: plane %d has bytes, too", name, i)
			}
			for y := range p.Height {
				for x, v := range p.Deep[y*p.Stride:][:p.Width] {
					w := want.Planes[i]
					if w.Pix != nil && v != uint16(w.Pix[y*w.Stride+x]) || w.Pix == nil && v != w.Deep[y*w.Stride+x] {
						t.Fatalf("%s: plane %d has %d at %d,%d", name, i, v, x, y)
					}
				}
			}
		}
		if again := samplesOf(t, d, data); !bytes.Equal(again, samplesIn(want)) {
			t.Errorf("%s has other samples afterwards", name)
		}
	}
	if _, err := d.DecodeSamples(nil); !errors.Is(err, fault.ErrCorrupt) {
		t.Errorf("got %v", err)
	}
}

// FuzzReuse decodes a sound file after any other.
func FuzzReuse(f *testing.F) {
	for _, data := range examples(f) {
		if len(data) < 3000 {
			f.Add(data)
		}
	}
	sound := examples(f)["jpeg-optimized.jpg"]
	want := samplesOf(f, new(Decoder), sound)
	f.Fuzz(func(t *testing.T, data []byte) {
		d := new(Decoder)
		header, err := d.Header(data)
		width, height := header.Width, header.Height
		if err != nil || width*height > 1<<16 {
			return
		}
		if _, err := d.Decode(data); err != nil && !errors.Is(err, fault.ErrCorrupt) && !errors.Is(err, fault.ErrTruncated) && !errors.Is(err, fault.ErrUnsupported) {
			t.Fatalf("error without a reason: %v", err)
		}
		if !bytes.Equal(samplesOf(t, d, sound), want) {
			t.Fatal("other samples after this file")
		}
	})
}
