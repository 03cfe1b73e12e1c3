package picture

import (
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// ownTime is the processor's time of this process.
func ownTime(t testing.TB) time.Duration {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// TestPhotosAsHEIF compares photos as AVIF and HEIC with Pillow and pillow-heif in the same run: the pixels must be
// theirs; the speed, of one thread each, is reported.
func TestPhotosAsHEIF(t *testing.T) { comparePhotos(t, "check_heif.py", 16) }

// TestPhotosAsJPEG2000 does so with JPEG 2000 and JPEG XL, Pillow and pillow-jxl-plugin.
func TestPhotosAsJPEG2000(t *testing.T) { comparePhotos(t, "check_jpeg2000.py", 32) }

func comparePhotos(t *testing.T, script string, count int) {
	t.Helper()
	if raceDetector {
		t.Skip("compares, one by one, what other tests decode, and measures; make test runs it without the race detector, too")
	}
	needCodecs(t)
	python := os.Getenv("FOVEA_PYTHON_PICTURES")
	photos, err := filepath.Glob("../../shared/cats-vs-dogs/*/*.jpg")
	if more, _ := filepath.Glob("../../shared/cats-vs-dogs/*/*/*.jpg"); len(photos) == 0 {
		photos = more
	}
	if python == "" || err != nil || len(photos) < 8 {
		t.Skipf("needs FOVEA_PYTHON_PICTURES (scripts/python.sh path pictures) and photos in ../shared: %q, %d photos", python, len(photos))
	}
	dir := t.TempDir()
	out, err := exec.Command(python, append([]string{"../testdata/picture/" + script, dir}, photos[:8]...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ours, theirs, files := map[string]time.Duration{}, map[string]time.Duration{}, 0
	for line := range strings.Lines(string(out)) {
		var name string
		var width, height int
		var sum uint32
		var seconds float64
		if _, err := fmt.Sscan(line, &name, &width, &height, &sum, &seconds); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		p, err := Decode(data, Options{Width: width, Height: height, Interpolation: Nearest})
		if err != nil || crc32.ChecksumIEEE(p.Pix) != sum && !oneOff(t, filepath.Join(dir, name), p.Pix) {
			t.Errorf("%s: other pixels than Pillow's, %v", name, err)
		}
		kind := strings.TrimLeft(name, "0123456789-")
		if width == 2016 {
			kind += " of 3 megapixels"
		}
		ours[kind] += timeToRGB(t, data)
		theirs[kind] += time.Duration(seconds * float64(time.Second))
		files++
	}
	if files != count {
		t.Errorf("%d files", files)
	}
	for kind, took := range ours {
		t.Logf("%s: %v here, %v there: %.2f times as fast", kind, took, theirs[kind], float64(theirs[kind])/float64(took))
	}
}

// oneOff says that the pixels of a lossy JPEG XL differ from the plug-in's by 1 at most: its libjxl, of the same version,
// was compiled by another compiler.
func oneOff(t *testing.T, path string, pix []uint8) bool {
	want, err := os.ReadFile(path + ".rgb")
	if err != nil || len(want) != len(pix) || !strings.HasSuffix(path, "-lossy.jxl") {
		return false
	}
	others := 0
	for i, v := range pix {
		if d := int(v) - int(want[i]); d < -1 || d > 1 {
			return false
		} else if d != 0 {
			others++
		}
	}
	t.Logf("%s: %d of %d bytes are 1 off", filepath.Base(path), others, len(pix))
	return true
}

// timeToRGB is the least processor time of three, here and in the process that decodes.
func timeToRGB(t *testing.T, data []byte) time.Duration {
	best := time.Hour
	w := new(workspace)
	for range 3 {
		start := ownTime(t)
		w.clock.begin(time.Minute)
		s, err := sniff(data).decode(w, data, job{})
		if err != nil {
			t.Fatal(err)
		}
		line := make([]uint8, 3*s.width)
		for y := range s.height {
			s.row(y, line)
		}
		took := w.clock.elsewhere
		w.clock.end()
		best = min(best, ownTime(t)-start+took)
	}
	return best
}
