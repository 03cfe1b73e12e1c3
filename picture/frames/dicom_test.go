package frames

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"fovea/picture"
	"fovea/picture/internal/picturetest"
)

// scans are the members of dicom.tar.gz, with the pixels of each frame under FILE#N.rgb; make_dicom.py wrote them.
func scans(t testing.TB) map[string][]byte {
	t.Helper()
	return picturetest.Files(t, "../../testdata/picture/dicom.tar.gz")
}

// TestDICOM: each frame has the pixels of pydicom, with its own rescale and window.
func TestDICOM(t *testing.T) {
	files, compared := scans(t), 0
	for name, data := range files {
		if !strings.HasSuffix(name, ".dcm") {
			continue
		}
		r, err := Open(bytes.NewReader(data), int64(len(data)), Options{})
		if single := files[name+"#1.rgb"] == nil; single || err != nil {
			if !single || !errors.Is(err, ErrSingle) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		for i := range r.Times().Starts {
			want := files[fmt.Sprintf("%s#%d.rgb", name, i+1)]
			got := raster(t, r, i)
			if len(want) < 8 || got.Width != int(binary.LittleEndian.Uint32(want)) || !bytes.Equal(rgb(got), want[8:]) {
				t.Errorf("%s: frame %d of %dx%d differs", name, i+1, got.Width, got.Height)
			}
			compared++
		}
	}
	if compared < 25 {
		t.Errorf("%d frames compared", compared)
	}
	if times := open(t, files["enhanced-frames.dcm"]).Times(); times.End != 160*time.Millisecond || times.Starts[2] != 80*time.Millisecond {
		t.Errorf("times %v", times)
	}
	if times := open(t, files["rgb8-frames.dcm"]).Times(); times.End != 0 || len(times.Starts) != 3 {
		t.Errorf("times %v", times)
	}
}

// TestDICOMTruncated: the frames before the end of a file that is cut off are there, the others say so.
func TestDICOMTruncated(t *testing.T) {
	data := scans(t)["rgb8-frames.dcm"]
	r := open(t, data[:len(data)-100])
	for i := range 3 {
		_, err := r.Frame(context.Background(), i)
		if i < 2 && err != nil || i == 2 && !errors.Is(err, picture.ErrTruncated) {
			t.Errorf("frame %d: %v", i+1, err)
		}
	}
}

// TestUnnamed: names without an extension, or with numbers for one, may be those of scans.
func TestUnnamed(t *testing.T) {
	for name, want := range map[string]bool{
		"IM000001": true, "a/1.2.840.113619.2.55": true, "b/I1.": true, "x.dcm": false, "README.md": false, "v1.0/x.jpg": false, "x.7z": false,
	} {
		if Unnamed(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}
