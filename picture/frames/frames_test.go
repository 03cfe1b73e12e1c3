package frames

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fovea/picture"
)

const goldenDir = "../../testdata/picture/frames"

// golden is what Pillow shows of an animation; make_frames.py wrote it.
type golden struct {
	Starts []int64
	End    int64
	// Orientation is that of EXIF which the file's own turns are, if any.
	Orientation int
	Frames      []struct{ RGB, RGBA string }
}

func goldens(t testing.TB) map[string]golden {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(goldenDir, "frames.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]golden
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(goldenDir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func open(t testing.TB, data []byte) Reader {
	t.Helper()
	r, err := Open(bytes.NewReader(data), int64(len(data)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c, is := r.(io.Closer); is {
		t.Cleanup(func() { c.Close() })
	}
	if _, err := picture.Libraries(); err != nil && picture.IsAVIF(data) {
		t.Skipf("AVIF is not tested: %v", err)
	}
	return r
}

func raster(t testing.TB, r Reader, i int) picture.Raster {
	t.Helper()
	data, err := r.Frame(context.Background(), i)
	if err != nil {
		t.Fatal(err)
	}
	out, err := picture.DecodeRaster(data, 0)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// rgb are the colours alone.
func rgb(r picture.Raster) (out []uint8) {
	for i := 0; i < len(r.Pix); i += r.Channels {
		out = append(out, r.Pix[i:i+3]...)
	}
	return out
}

func sum(pix []uint8) string {
	s := sha256.Sum256(pix)
	return hex.EncodeToString(s[:])
}

func TestFramesArePillows(t *testing.T) {
	for name, want := range goldens(t) {
		t.Run(name, func(t *testing.T) {
			r := open(t, read(t, name))
			times := r.Times()
			if len(times.Starts) != len(want.Frames) || times.End.Round(time.Millisecond) != time.Duration(want.End)*time.Millisecond {
				t.Fatalf("%d frames until %s, want %d until %d ms", len(times.Starts), times.End, len(want.Frames), want.End)
			}
			for i, frame := range want.Frames {
				if got := times.Starts[i].Round(time.Millisecond).Milliseconds(); got != want.Starts[i] {
					t.Errorf("frame %d begins at %d ms, want %d", i+1, got, want.Starts[i])
				}
				got := raster(t, r, i)
				if got.Orientation != want.Orientation {
					t.Errorf("frame %d is turned by %d, want %d", i+1, got.Orientation, want.Orientation)
				}
				if sum(rgb(got)) != frame.RGB {
					t.Errorf("frame %d: its colours differ from Pillow's", i+1)
				}
				if got.Channels == 4 && frame.RGBA != "" && sum(got.Pix) != frame.RGBA {
					t.Errorf("frame %d: its alpha differs from Pillow's", i+1)
				}
				if frame.RGBA != "" && got.Channels == 3 {
					t.Errorf("frame %d has no alpha", i+1)
				}
			}
			// Backwards, from another place, and the first as the whole file shows it.
			again := raster(t, r, 0)
			if sum(rgb(again)) != want.Frames[0].RGB {
				t.Error("the first frame differs when it is read again")
			}
			whole, err := picture.DecodeRaster(read(t, name), 0)
			if err != nil || sum(rgb(whole)) != want.Frames[0].RGB {
				t.Errorf("the first frame differs from the file as one image: %v", err)
			}
		})
	}
}

// Files that are damaged in any way are an error or frames, in bounded memory, and never a panic.
func FuzzFrames(f *testing.F) {
	for name := range goldens(f) {
		f.Add(read(f, name))
	}
	f.Add(aviOf("MJPG", greyJPEG(f, 1), nil, greyJPEG(f, 2)))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Open(bytes.NewReader(data), int64(len(data)), Options{MaxPixels: 1 << 12})
		if err != nil {
			return
		}
		times := r.Times()
		if len(times.Starts) < 2 {
			t.Fatalf("%d frames", len(times.Starts))
		}
		for i := range min(len(times.Starts), 20) {
			frame, err := r.Frame(context.Background(), i)
			if err != nil {
				continue
			}
			_, _ = picture.DecodeRaster(frame, 1<<12)
		}
	})
}

// An APNG has one header, by which frames are placed, and palettes that are small: they are copied for each frame.
func TestOddPNG(t *testing.T) {
	var name string
	for name = range goldens(t) {
		if strings.HasSuffix(name, ".png") {
			break
		}
	}
	data := read(t, name)
	open(t, data)
	const header = 12 + 13
	end := bytes.LastIndex(data, []byte("IEND")) - 4
	small := bytes.Clone(data[len(pngStart):][:header])
	binary.BigEndian.PutUint32(small[8:], 1)
	binary.BigEndian.PutUint32(small[12:], 1)
	for what, odd := range map[string][]byte{
		"a second header": slices.Concat(data[:end], small, data[end:]),
		"palettes":        slices.Concat(data[:end], bytes.Repeat(appendChunk(nil, "PLTE", make([]byte, 768)), 40), data[end:]),
	} {
		if _, err := Open(bytes.NewReader(odd), int64(len(odd)), Options{}); !errors.Is(err, picture.ErrCorrupt) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// What frames show for is added up without overflow.
func TestLongTimes(t *testing.T) {
	var times Times
	for range 5 {
		times.add(1 << 61)
	}
	if !slices.IsSorted(times.Starts) || times.End < times.Starts[4] {
		t.Errorf("%+v", times)
	}
}

// A frame that cannot be drawn is drawn once: those behind it fail for the same reason, and those before it are shown.
func TestFailedFrame(t *testing.T) {
	drawn, broken := 0, errors.New("broken")
	c := composer{begin: func() (*canvas, error) { return newCanvas(1, 1), nil }, draw: func(_ *canvas, i int) error {
		drawn++
		if i == 2 {
			return broken
		}
		return nil
	}}
	whole := func() error { return nil }
	for _, i := range []int{0, 2, 3, 9, 2} {
		if _, err := c.frame(whole, i); i >= 2 != errors.Is(err, broken) {
			t.Errorf("frame %d: %v", i, err)
		}
	}
	if drawn != 3 {
		t.Errorf("%d frames drawn", drawn)
	}
	if _, err := c.frame(whole, 1); err != nil {
		t.Error(err)
	}
}

// Files with one image, and others, are told apart.
func TestSingle(t *testing.T) {
	still, err := os.ReadFile("../../testdata/picture/gif.gif")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		data []byte
		want error
	}{
		"a still GIF": {still, ErrSingle},
		"a JPEG":      {greyJPEG(t, 5), ErrSingle},
		// It begins as videos do; a PNG may be one, by its content.
		"a HEIC":  {[]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), ErrSingle},
		"a text":  {[]byte("only a text, of some length"), ErrNone},
		"nothing": {nil, ErrNone},
		"an MP4":  {[]byte("\x00\x00\x00\x18ftypisom\x00\x00\x00\x00"), ErrVideo},
	} {
		if _, err := Open(bytes.NewReader(test.data), int64(len(test.data)), Options{}); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	data := read(t, "opaque.gif")
	if _, err := Open(bytes.NewReader(data), int64(len(data)), Options{MaxPixels: 100}); !errors.Is(err, picture.ErrTooLarge) {
		t.Errorf("over the limit: %v", err)
	}
}
