package frames

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fovea/picture"
)

func riff(kind, name string, content ...[]byte) []byte {
	body := bytes.Join(content, nil)
	if name != "" {
		body = append([]byte(name), body...)
	}
	out := binary.LittleEndian.AppendUint32([]byte(kind), uint32(len(body)))
	out = append(out, body...)
	if len(body)%2 == 1 {
		out = append(out, 0)
	}
	return out
}

// greyJPEG is an image of one grey.
func greyJPEG(t testing.TB, grey uint8) []byte {
	t.Helper()
	im := image.NewGray(image.Rect(0, 0, 16, 8))
	for i := range im.Pix {
		im.Pix[i] = color.Gray{Y: grey}.Y
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, im, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// aviOf is a video of 5 frames a second with a stream of sound before it; frames without bytes repeat the last.
func aviOf(codec string, frames ...[]byte) []byte {
	video, sound := make([]byte, 56), make([]byte, 56)
	copy(video, "vids")
	copy(sound, "auds")
	binary.LittleEndian.PutUint32(video[20:], 1)
	binary.LittleEndian.PutUint32(video[24:], 5)
	format := make([]byte, 40)
	copy(format[16:], codec)
	var movie [][]byte
	for _, f := range frames {
		movie = append(movie, riff("00wb", "", []byte("sound")), riff("01dc", "", f))
	}
	return riff("RIFF", "AVI ",
		riff("LIST", "hdrl", riff("avih", "", make([]byte, 56)),
			riff("LIST", "strl", riff("strh", "", sound), riff("strf", "", make([]byte, 18))),
			riff("LIST", "strl", riff("strh", "", video), riff("strf", "", format))),
		riff("LIST", "movi", movie...), riff("idx1", "", []byte("index")))
}

func TestAVI(t *testing.T) {
	one, two := greyJPEG(t, 40), greyJPEG(t, 200)
	r := open(t, aviOf("MJPG", one, nil, two))
	if times := r.Times(); len(times.Starts) != 3 || times.Starts[2] != 400*time.Millisecond || times.End != 600*time.Millisecond {
		t.Errorf("times are %v", times)
	}
	for i, want := range [][]byte{one, one, two} {
		if got, err := r.Frame(context.Background(), i); err != nil || !bytes.Equal(got, want) {
			t.Errorf("frame %d is not its JPEG: %v", i+1, err)
		}
	}
	cut := aviOf("mjpg", one, two, two)
	r = open(t, cut[:len(cut)-len(two)])
	if n := len(r.Times().Starts); n != 2 {
		t.Errorf("%d frames of a video that was cut off in its third", n)
	}
	data := aviOf("H264", one, two)
	if _, err := Open(bytes.NewReader(data), int64(len(data)), Options{}); !errors.Is(err, ErrVideo) || !strings.Contains(err.Error(), "H264") {
		t.Errorf("another coding: %v", err)
	}
}

// ffmpeg is the one that a Python package brings along, put first into the path.
func ffmpeg(t *testing.T) string {
	t.Helper()
	python := os.Getenv("FOVEA_PYTHON_MORE")
	if python == "" {
		t.Skip("FOVEA_PYTHON_MORE is not set: no ffmpeg to read videos with")
	}
	out, err := exec.Command(python, "-c", "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())").Output()
	if err != nil {
		t.Fatalf("FOVEA_PYTHON_MORE has no ffmpeg: %v", err)
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "ffmpeg")
	if err := os.Symlink(strings.TrimSpace(string(out)), program); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	return program
}

func TestVideo(t *testing.T) {
	program := ffmpeg(t)
	dir := t.TempDir()
	make := func(name string, arguments ...string) string {
		file := filepath.Join(dir, name)
		arguments = append([]string{"-hide_banner", "-loglevel", "error"}, append(arguments, file)...)
		if out, err := exec.Command(program, arguments...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return file
	}
	// Each frame has a grey of its own, without loss.
	grey := []string{"-f", "lavfi", "-i", "color=black:size=32x18:rate=10:duration=2,geq=lum=N*10:cb=128:cr=128"}
	for _, name := range []string{"a.mkv", "a.mp4"} {
		file := make(name, append(grey, "-pix_fmt", "yuv444p", "-c:v", "libx264", "-bf", "2", "-qp", "0")...)
		r, err := OpenVideo(t.Context(), file, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer closeReader(t, r)
		if times := r.Times(); len(times.Starts) != 20 || times.Starts[7].Round(time.Millisecond) != 700*time.Millisecond || times.End.Round(time.Millisecond) != 2*time.Second {
			t.Errorf("%s: times are %v", name, times)
		}
		for _, i := range []int{3, 7, 19, 4} { // and backwards
			// Full range is 16 to 235 of luma.
			want := max(0, min(255, int(float64(i*10-16)*255/219+0.5)))
			got := raster(t, r, i)
			if got.Width != 32 || got.Height != 18 || int(got.Pix[0]) < want-2 || int(got.Pix[0]) > want+2 {
				t.Errorf("%s: frame %d is %dx%d and begins with %d, want %d", name, i+1, got.Width, got.Height, got.Pix[0], want)
			}
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(bytes.NewReader(data), int64(len(data)), Options{}); !errors.Is(err, ErrVideo) {
			t.Errorf("%s without ffmpeg: %v", name, err)
		}
	}
	if _, err := OpenVideo(t.Context(), filepath.Join(dir, "a.mp4"), Options{MaxPixels: 100}); !errors.Is(err, picture.ErrTooLarge) {
		t.Errorf("larger than the limit: %v", err)
	}
	broken := filepath.Join(dir, "broken.mp4")
	if err := os.WriteFile(broken, []byte("\x00\x00\x00\x18ftypisom no more"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenVideo(t.Context(), broken, Options{}); !errors.Is(err, picture.ErrCorrupt) {
		t.Errorf("a broken video: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := OpenVideo(t.Context(), broken, Options{}); !errors.Is(err, ErrVideo) || !strings.Contains(err.Error(), "install it") {
		t.Errorf("without ffmpeg: %v", err)
	}
}

func closeReader(t *testing.T, r Reader) {
	t.Helper()
	if err := r.(*video).Close(); err != nil {
		t.Error(err)
	}
}
