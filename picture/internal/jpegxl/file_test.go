package jpegxl

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"fovea/picture/internal/fault"
	"fovea/picture/internal/picturetest"
)

// goldens are the files of an archive in testdata/picture.
func goldens(t testing.TB) map[string][]byte {
	t.Helper()
	return picturetest.Files(t, "../../../testdata/picture/jpegxl.tar.gz")
}

func TestRead(t *testing.T) {
	files := goldens(t)
	for _, test := range []struct {
		name string
		want File // but for Extra
	}{
		{"rgb.jxl", File{Width: 37, Height: 29, Orientation: 1, Bits: 8}},
		{"grey-container.jxl", File{Width: 37, Height: 29, Orientation: 1, Bits: 8, Grey: true}},
		{"64x32.jxl", File{Width: 64, Height: 32, Orientation: 1, Bits: 8}},
		{"256x8-lossy.jxl", File{Width: 256, Height: 8, Orientation: 1, Bits: 8}},
		{"grey-12-bits.jxl", File{Width: 37, Height: 29, Orientation: 1, Bits: 12, Grey: true}},
		{"rgb-float16.jxl", File{Width: 37, Height: 29, Orientation: 1, Bits: 16, Float: true}},
		{"orientation-7.jxl", File{Width: 40, Height: 30, Orientation: 7, Bits: 8}},
		{"exif-6-orientation-3.jxl", File{Width: 40, Height: 30, Orientation: 3, Bits: 8}},
		{"preview.jxl", File{Width: 40, Height: 30, Orientation: 1, Bits: 8}},
		{"animated.jxl", File{Width: 40, Height: 30, Orientation: 1, Bits: 8, Animated: true}},
		{"jpeg-444.jxl", File{Width: 70, Height: 52, Orientation: 6, Bits: 8, FromJPEG: true}},
	} {
		got, err := Read(files[test.name])
		got.Extra = nil
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v, %v", test.name, got, err)
		}
	}
	for name, want := range map[string][]Channel{"rgba.jxl": {Alpha}, "cmyk.jxl": {Black}, "sensor.jxl": {CFA}, "rgb.jxl": nil} {
		if got, err := Read(files[name]); err != nil || !slices.Equal(got.Extra, want) {
			t.Errorf("%s: %v, %v", name, got.Extra, err)
		}
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
