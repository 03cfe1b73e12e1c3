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

	"fovea/picture/internal/codec"
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
func TestPhotosAsHEIF(t *testing.T) {
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
	out, err := exec.Command(python, append([]string{"../testdata/picture/check_heif.py", dir}, photos[:8]...)...).CombinedOutput()
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
		if err != nil || crc32.ChecksumIEEE(p.Pix) != sum {
			t.Errorf("%s: other pixels than Pillow's, %v", name, err)
		}
		kind := filepath.Ext(name)
		if width == 2016 {
			kind += " of 3 megapixels"
		}
		ours[kind] += timeToRGB(t, data)
		theirs[kind] += time.Duration(seconds * float64(time.Second))
		files++
	}
	if files != 16 {
		t.Errorf("%d files", files)
	}
	for kind, took := range ours {
		t.Logf("%s: %v here, %v there: %.2f times as fast", kind, took, theirs[kind], float64(theirs[kind])/float64(took))
	}
}

// timeToRGB is the least processor time of three, here and in the process that decodes.
func timeToRGB(t *testing.T, data []byte) time.Duration {
	best := time.Hour
	w := new(workspace)
	for range 3 {
		start := ownTime(t)
		kind := codec.HEIF
		if isAVIF(data) {
			kind = codec.AVIF
		}
		p, took, err := codec.Decode(kind, data, w.decoded, codec.Options{}, codec.Limits{Pixels: 1 << 27, Memory: 4 << 30, Time: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		w.decoded = p.Pix
		s, line := fromCodec(p), make([]uint8, 3*p.Width)
		for y := range s.height {
			s.row(y, line)
		}
		best = min(best, ownTime(t)-start+took)
	}
	return best
}
