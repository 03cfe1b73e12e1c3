package jpegls

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"fovea/picture/internal/fault"
	"fovea/picture/internal/picturetest"
)

// example is a file of jpegls.tar.gz, and what CharLS decodes it to.
type example struct {
	data                               []byte
	precision, width, height, channels int
	sum                                string
}

func examples(t testing.TB) map[string]*example {
	t.Helper()
	files, sums := map[string]*example{}, ""
	for name, data := range picturetest.Files(t, "../../../testdata/picture/jpegls.tar.gz") {
		if name, found := strings.CutSuffix(name, ".jls"); found {
			files[name] = &example{data: data}
		} else {
			sums = string(data)
		}
	}
	addSums(t, files, sums)
	return files
}

func addSums(t testing.TB, files map[string]*example, sums string) {
	t.Helper()
	lines := 0
	for line := range strings.Lines(sums) {
		name, rest, _ := strings.Cut(line, " ")
		e := files[name]
		if e == nil {
			t.Fatalf("there is no %s", name)
		}
		if _, err := fmt.Sscan(rest, &e.precision, &e.width, &e.height, &e.channels, &e.sum); err != nil {
			t.Fatal(err)
		}
		lines++
	}
	if lines != len(files) || lines < 150 {
		t.Fatalf("%d files, %d sums", len(files), lines)
	}
}

// sum is as make_jpegls.py computes it.
func sum(m Image) string {
	h := sha256.New()
	for at := range m.Width * m.Height {
		for _, plane := range m.Planes {
			h.Write(binary.BigEndian.AppendUint16(nil, plane[at]))
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Samples are those that CharLS decodes, of every precision, loss and way to interleave.
func TestAgreesWithCharLS(t *testing.T) {
	for name, e := range examples(t) {
		m, err := new(Decoder).Decode(e.data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if m.Width != e.width || m.Height != e.height || m.Precision != e.precision || len(m.Planes) != e.channels {
			t.Errorf("%s is %d x %d bits of %dx%d", name, len(m.Planes), m.Precision, m.Width, m.Height)
		}
		if sum(m) != e.sum {
			t.Errorf("%s: the samples are not CharLS's", name)
		}
		h, err := new(Decoder).Header(e.data)
		if err != nil || h.Width != e.width || h.Height != e.height || h.Precision != e.precision || h.Components != e.channels || h.Least > int64(len(e.data)) {
			t.Errorf("%s has the header %+v, %v", name, h, err)
		}
	}
}

// A file that is cut anywhere is never taken for whole, and no other byte makes the decoder panic.
func TestCutAndChanged(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 9))
	all := examples(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		data := all[name].data
		if len(data) > 700 {
			continue
		}
		for n := 0; n < len(data)-2; n += 1 + n/10 {
			if _, err := new(Decoder).Decode(data[:n]); !errors.Is(err, fault.ErrTruncated) && (n >= 2 || !errors.Is(err, fault.ErrCorrupt)) {
				t.Fatalf("%s cut to %d of %d bytes: %v", name, n, len(data), err)
			}
		}
		for range 10 {
			changed := bytes.Clone(data)
			for range 1 + r.IntN(4) {
				changed[r.IntN(len(changed))] = byte(r.Uint32())
			}
			decodeAny(t, changed)
		}
	}
}

// decodeAny decodes a file of a reasonable size, which may be of any content.
func decodeAny(t testing.TB, data []byte) {
	t.Helper()
	known := func(err error) bool {
		return err == nil || errors.Is(err, fault.ErrTruncated) || errors.Is(err, fault.ErrCorrupt) || errors.Is(err, fault.ErrUnsupported)
	}
	h, err := new(Decoder).Header(data)
	if !known(err) {
		t.Fatalf("error without a reason: %v", err)
	}
	if err != nil || h.Width*h.Height > 1<<18 {
		return
	}
	m, err := new(Decoder).Decode(data)
	if !known(err) {
		t.Fatalf("error without a reason: %v", err)
	}
	if err == nil && (m.Width != h.Width || m.Height != h.Height || len(m.Planes) != h.Components) {
		t.Fatalf("%+v has %d planes of %dx%d", h, len(m.Planes), m.Width, m.Height)
	}
}

func FuzzDecode(f *testing.F) {
	for _, e := range examples(f) {
		if len(e.data) < 700 {
			f.Add(e.data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) { decodeAny(t, data) })
}

// Work that is not granted ends the decoding.
func TestStopped(t *testing.T) {
	data, work := examples(t)["rgb-8-bits-lines"].data, 0
	if _, err := (&Decoder{Spend: func(n int) bool { work += n; return true }}).Decode(data); err != nil || work < 3*19*23 {
		t.Errorf("%d of work, %v", work, err)
	}
	if _, err := (&Decoder{Spend: func(n int) bool { work -= n; return work > 500 }}).Decode(data); !errors.Is(err, fault.ErrStopped) {
		t.Errorf("got %v", err)
	}
}

func segmentOf(marker byte, body ...byte) []byte {
	return append([]byte{0xff, marker, byte((len(body) + 2) >> 8), byte(len(body) + 2)}, body...)
}

// Files that contradict themselves or the standard are refused by what is wrong with them, and valid ones of
// kinds that are not decoded as such.
func TestSegments(t *testing.T) {
	start, end := []byte{0xff, startOfImage}, []byte{0xff, endOfImage}
	frame := segmentOf(frameLS, 8, 0, 4, 0, 4, 1, 1, 0x11, 0)
	scan := segmentOf(startOfScan, 1, 1, 0, 0, 0, 0)
	flat := []byte{0xff, 0x7f, 0xff, 0x7f, 0xff, 0x7f} // runs to the ends of the lines
	if m, err := new(Decoder).Decode(slices.Concat(start, frame, scan, flat, end)); err != nil || m.Planes[0][15] != 0 {
		t.Fatalf("the smallest file: %v", err)
	}
	spiff := append([]byte("SPIFF\x00\x02\x00\x00\x03\x00\x00\x00\x04\x00\x00\x00\x04"), 3, 8, 6, 1, 0, 0, 0, 1, 0, 0, 0, 1)
	for name, test := range map[string]struct {
		file []byte
		err  error
		want string
	}{
		"nothing":                 {nil, fault.ErrCorrupt, "no start marker"},
		"another format":          {[]byte("\x89PNG"), fault.ErrCorrupt, "no start marker"},
		"a start alone":           {start, fault.ErrTruncated, ""},
		"no frame":                {slices.Concat(start, end), fault.ErrCorrupt, "no frame header"},
		"no scan":                 {slices.Concat(start, frame, end), fault.ErrCorrupt, "no data"},
		"a scan first":            {slices.Concat(start, scan, frame), fault.ErrCorrupt, "before the frame header"},
		"two frames":              {slices.Concat(start, frame, frame), fault.ErrCorrupt, "second frame header"},
		"a frame that is short":   {slices.Concat(start, segmentOf(frameLS, 8, 0, 4, 0, 4, 1)), fault.ErrCorrupt, "frame header of 6 bytes"},
		"1 bit":                   {slices.Concat(start, segmentOf(frameLS, 1, 0, 4, 0, 4, 1, 1, 0x11, 0)), fault.ErrCorrupt, "1 bits"},
		"17 bits":                 {slices.Concat(start, segmentOf(frameLS, 17, 0, 4, 0, 4, 1, 1, 0x11, 0)), fault.ErrCorrupt, "17 bits"},
		"five components":         {slices.Concat(start, segmentOf(frameLS, append([]byte{8, 0, 4, 0, 4, 5}, make([]byte, 15)...)...)), fault.ErrUnsupported, "5 components"},
		"smaller components":      {slices.Concat(start, segmentOf(frameLS, 8, 0, 4, 0, 4, 1, 1, 0x22, 0)), fault.ErrUnsupported, "several sizes"},
		"components of one name":  {slices.Concat(start, segmentOf(frameLS, 8, 0, 4, 0, 4, 2, 1, 0x11, 0, 1, 0x11, 0)), fault.ErrCorrupt, "one name"},
		"no width":                {slices.Concat(start, segmentOf(frameLS, 8, 0, 4, 0, 0, 1, 1, 0x11, 0), scan, flat, end), fault.ErrCorrupt, "0x4 pixels"},
		"no height":               {slices.Concat(start, segmentOf(frameLS, 8, 0, 0, 0, 4, 1, 1, 0x11, 0), scan, flat, end), fault.ErrCorrupt, "4x0 pixels"},
		"a height cut off":        {slices.Concat(start, segmentOf(frameLS, 8, 0, 0, 0, 4, 1, 1, 0x11, 0), scan, flat), fault.ErrTruncated, ""},
		"a huge size":             {slices.Concat(start, segmentOf(presets, 4, 4, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 9), segmentOf(frameLS, 8, 0, 0, 0, 0, 1, 1, 0x11, 0), scan), fault.ErrUnsupported, "size of"},
		"a size of 5 bytes":       {slices.Concat(start, segmentOf(presets, 4, 5, 1)), fault.ErrCorrupt, "size of"},
		"parameters cut short":    {slices.Concat(start, segmentOf(presets, 1, 5, 1)), fault.ErrCorrupt, "preset parameters of 3 bytes"},
		"no parameters":           {slices.Concat(start, segmentOf(presets)), fault.ErrCorrupt, "preset parameters of 0 bytes"},
		"extended parameters":     {slices.Concat(start, segmentOf(presets, 6)), fault.ErrUnsupported, "type 6"},
		"a restart of 5 bytes":    {slices.Concat(start, segmentOf(defineRest, 0, 0, 0, 0, 1)), fault.ErrCorrupt, "restart interval of 5 bytes"},
		"JPEG":                    {slices.Concat(start, segmentOf(0xc0, 8)), fault.ErrUnsupported, "another frame"},
		"a colour transform":      {slices.Concat(start, segmentOf(app8, 'm', 'r', 'f', 'x', 1)), fault.ErrUnsupported, "colour transform 1"},
		"a colour space":          {slices.Concat(start, segmentOf(app8, spiff...)), fault.ErrUnsupported, "colour space 3"},
		"a mapping table":         {slices.Concat(start, frame, segmentOf(startOfScan, 1, 1, 5, 0, 0, 0), flat, end), fault.ErrUnsupported, "mapping table"},
		"a point transform":       {slices.Concat(start, frame, segmentOf(startOfScan, 1, 1, 0, 0, 0, 1), flat, end), fault.ErrUnsupported, "point transform"},
		"a scan of a stranger":    {slices.Concat(start, frame, segmentOf(startOfScan, 1, 7, 0, 0, 0, 0)), fault.ErrCorrupt, "scan header"},
		"a scan twice":            {slices.Concat(start, frame, scan, flat, scan), fault.ErrCorrupt, "scan header"},
		"interleaved by 3":        {slices.Concat(start, frame, segmentOf(startOfScan, 1, 1, 0, 0, 3, 0)), fault.ErrCorrupt, "interleaved by 3"},
		"a loss of 200":           {slices.Concat(start, frame, segmentOf(startOfScan, 1, 1, 0, 200, 0, 0)), fault.ErrCorrupt, "differences of 200"},
		"a largest sample of 256": {slices.Concat(start, segmentOf(presets, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0), frame, scan), fault.ErrCorrupt, "largest sample of 256"},
		"thresholds turned":       {slices.Concat(start, segmentOf(presets, 1, 0, 0, 0, 9, 0, 7, 0, 21, 0, 0), frame, scan), fault.ErrCorrupt, "thresholds of 9, 7"},
		"halved after 2":          {slices.Concat(start, segmentOf(presets, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2), frame, scan), fault.ErrCorrupt, "after 2 samples"},
		"no data":                 {slices.Concat(start, frame, scan, end), fault.ErrCorrupt, "too little data"},
		"a wrong restart":         {slices.Concat(start, segmentOf(defineRest, 0, 1), frame, scan, flat, []byte{0xff, 0xd1}, flat, end), fault.ErrCorrupt, "in place of restart marker"},
	} {
		if _, err := new(Decoder).Decode(test.file); !errors.Is(err, test.err) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %v: %s", name, err, test.err, test.want)
		}
	}
}
