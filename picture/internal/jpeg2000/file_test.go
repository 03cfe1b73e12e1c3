package jpeg2000

import (
	"errors"
	"testing"

	"fovea/picture/internal/fault"
	"fovea/picture/internal/picturetest"
)

// goldens are the files of an archive in testdata/picture.
func goldens(t testing.TB) map[string][]byte {
	t.Helper()
	return picturetest.Files(t, "../../../testdata/picture/jpeg2000.tar.gz")
}

func TestRead(t *testing.T) {
	files := goldens(t)
	for _, test := range []struct {
		name          string
		width, height int
		components    int
		palette       int
		space         Space
	}{
		{"rgb.jp2", 37, 29, 3, 0, RGB},
		{"grey.j2k", 37, 29, 1, 0, Unspecified},
		{"tiles-offset.j2k", 90, 71, 3, 0, Unspecified},
		{"ycc-420.jp2", 45, 38, 3, 0, YCC},
		{"half.j2k", 23, 19, 3, 0, Unspecified},
		{"palette-rgba.jp2", 45, 38, 1, 4, RGB},
		{"cmyk-profile.jp2", 45, 38, 4, 0, CMYK},
		{"rgb.jph", 70, 52, 3, 0, RGB},
	} {
		got, err := Read(files[test.name])
		if err != nil || got.Width != test.width || got.Height != test.height || len(got.Components) != test.components ||
			len(got.Palette) != test.palette || got.Space != test.space {
			t.Errorf("%s: %+v, %v", test.name, got, err)
		}
		if ht := test.name == "rgb.jph"; got.HighThroughput != ht {
			t.Errorf("%s: of high throughput: %v", test.name, got.HighThroughput)
		}
	}
	if got, err := Read(files["premultiplied.jp2"]); err != nil || !got.Premultiplied {
		t.Errorf("premultiplied.jp2: %+v, %v", got, err)
	}
	signed := files["grey-12-bits-signed.j2k"]
	if got, err := Read(signed); err != nil || got.Components[0] != (Component{Bits: 12, Signed: true, DX: 1, DY: 1}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// FuzzRead: any bytes give a size that is possible, or an error with a reason, in next to no memory.
func FuzzRead(f *testing.F) {
	for _, data := range goldens(f) {
		if len(data) < 2000 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Read(data)
		if err != nil {
			if !errors.Is(err, fault.ErrTruncated) && !errors.Is(err, fault.ErrCorrupt) && !errors.Is(err, fault.ErrUnsupported) {
				t.Fatal(err)
			}
			return
		}
		if got.Width < 1 || got.Height < 1 || got.Width > 1<<31 || got.Height > 1<<31 {
			t.Fatalf("%+v", got)
		}
	})
}
