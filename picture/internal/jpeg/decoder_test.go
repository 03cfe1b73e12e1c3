package jpeg

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// examples are the JPEGs of the package above.
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
			out = append(out, plane.Pix[y*plane.Stride:][:plane.Width]...)
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
			if _, err := d.Decode(data[:len(data)-len(data)/3]); !errors.Is(err, ErrTruncated) {
				t.Fatalf("%s, cut: %v", first, err)
			}
			if !bytes.Equal(samplesOf(t, d, files[second]), expected) {
				t.Errorf("%s has other samples after %s", second, first)
			}
		}
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
		if _, err := d.Decode(data); err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrUnsupported) {
			t.Fatalf("error without a reason: %v", err)
		}
		if !bytes.Equal(samplesOf(t, d, sound), want) {
			t.Fatal("other samples after this file")
		}
	})
}
