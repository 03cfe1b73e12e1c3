//go:build (linux || darwin) && (amd64 || arm64)

package codec

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fovea/picture/internal/fault"
	"fovea/picture/internal/picturetest"
)

var usual = Limits{Pixels: 1 << 27, Memory: 4 << 30, Time: time.Minute}

// kindOf is that of a file by its name.
func kindOf(name string) Kind {
	switch filepath.Ext(name) {
	case ".avif":
		return AVIF
	case ".heic":
		return HEIF
	case ".jxl":
		return JPEGXL
	}
	return JPEG2000
}

// file is one of the archives in testdata/picture; the test is skipped where the libraries are not at hand.
func file(t testing.TB, name string) []byte {
	t.Helper()
	if find("libavif") == "" || find("libheif") == "" {
		t.Skip("the libraries are not at hand: scripts/codecs.sh install")
	}
	archive := map[Kind]string{AVIF: "heif", HEIF: "heif", JPEG2000: "jpeg2000", JPEGXL: "jpegxl"}[kindOf(name)]
	data, found := picturetest.Files(t, "../../../testdata/picture/"+archive+".tar.gz")[name]
	if !found {
		t.Fatalf("%s is not there", name)
	}
	return data
}

// drop ends the processes that are idle, and returns how many there were.
func drop(t testing.TB) int {
	t.Helper()
	idle.Lock()
	list := idle.list
	idle.list = nil
	idle.Unlock()
	for _, w := range list {
		if w.expiry.Stop() {
			if err := w.end(); err != nil {
				t.Errorf("a process that was idle ended with %v", err)
			}
		}
	}
	return len(list)
}

func decodes(t testing.TB, name string) Picture {
	t.Helper()
	p, took, err := Decode(kindOf(name), file(t, name), nil, Options{}, usual)
	if err != nil || len(p.Pix) != p.Stride*p.Height || took <= 0 {
		t.Fatalf("%s: %d bytes, %v, %v", name, len(p.Pix), took, err)
	}
	return p
}

// Processes are used again, and let go when they have nothing to do.
func TestProcessesAreUsedAgain(t *testing.T) {
	drop(t)
	idleTime = 100 * time.Millisecond
	defer func() { idleTime = 10 * time.Second }()
	for range 3 {
		decodes(t, "420.heic")
		decodes(t, "odd.avif")
	}
	idle.Lock()
	var w *process
	if len(idle.list) == 1 {
		w = idle.list[0]
	}
	idle.Unlock()
	if w == nil {
		t.Fatal("more than one process was started, or none kept")
	}
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		idle.Lock()
		left := len(idle.list)
		idle.Unlock()
		if left == 0 && syscall.Kill(w.command.Process.Pid, 0) != nil {
			break
		}
		if time.Since(began) > time.Minute {
			t.Fatal("the process is still there")
		}
	}
	decodes(t, "420.heic")
}

// One that was killed while it waited is replaced; the file is not to blame.
func TestKilledWhileIdle(t *testing.T) {
	drop(t)
	decodes(t, "odd.avif")
	idle.Lock()
	w := idle.list[0]
	idle.Unlock()
	if err := w.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		decodes(t, "odd.avif")
	}
}

// Limits are kept, and cost the file alone.
func TestLimits(t *testing.T) {
	for _, name := range []string{"large.heic", "large.avif", "large-12-bits-alpha.avif", "large-10-bits-alpha.heic", "large.jp2", "large-16-bits.jp2", "large.jxl", "large-float.jxl"} {
		data := file(t, name)
		for _, test := range []struct {
			what   string
			change func(*Limits)
			want   []error
		}{
			{"time", func(l *Limits) { l.Time = 1 }, []error{fault.ErrTooSlow, nil}}, // it may be done before anyone looks
			{"memory", func(l *Limits) { l.Memory = 1 << 20 }, []error{fault.ErrTooLarge, fault.ErrCorrupt}},
			{"pixels", func(l *Limits) { l.Pixels = 1000 }, []error{fault.ErrTooLarge, fault.ErrCorrupt}},
		} {
			limits := usual
			test.change(&limits)
			drop(t) // a process that has decoded large files takes no more memory for the next one
			_, _, err := Decode(kindOf(name), data, nil, Options{}, limits)
			right := false
			for _, want := range test.want {
				right = right || errors.Is(err, want) || want == nil && err == nil
			}
			if !right {
				t.Errorf("%s with little %s: %v", name, test.what, err)
			}
			t.Logf("%s with little %s: %v", name, test.what, err)
			decodes(t, "420.heic")
		}
	}
}

// Many at a time have processes of their own, as many as are needed.
func TestAtOnce(t *testing.T) {
	drop(t)
	heic, avif := file(t, "grid.heic"), file(t, "grid.avif")
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			var pix []uint8
			for j := range 20 {
				kind, data := HEIF, heic
				if (i+j)%2 == 0 {
					kind, data = AVIF, avif
				}
				p, _, err := Decode(kind, data, pix, Options{}, usual)
				if err != nil || p.Height != 120 {
					t.Errorf("%d high, %v", p.Height, err)
				}
				pix = p.Pix
			}
		})
	}
	all.Wait()
	if n := drop(t); n < 1 || n > 4 {
		t.Errorf("%d processes were left", n)
	}
}

// Where the libraries are not, the error says what to do.
func TestMissing(t *testing.T) {
	drop(t)
	t.Setenv("FOVEA_CODECS", t.TempDir())
	defer drop(t)
	for _, kind := range []Kind{AVIF, HEIF, JPEG2000, JPEGXL} {
		_, _, err := Decode(kind, []byte("any"), nil, Options{}, usual)
		if !errors.Is(err, fault.ErrMissing) || !strings.Contains(err.Error(), "scripts/codecs.sh install") {
			t.Error(err)
		}
	}
	if err := os.WriteFile(filepath.Join(os.Getenv("FOVEA_CODECS"), "libavif.so"), []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	drop(t)
	if _, _, err := Decode(AVIF, []byte("any"), nil, Options{}, usual); !errors.Is(err, fault.ErrMissing) {
		t.Error(err)
	}
}

// TestMemory: a decoder's process takes no more than package picture says, but for the program itself.
func TestMemory(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector takes memory of its own")
	}
	const perPixel, deeper = 22, 4 // with what comes through the pipe, 26, and 8 more
	var itself int64
	for i, name := range []string{"odd.avif", "420.heic", "large.heic", "large-10-bits-alpha.heic", "large.avif", "large-12-bits-alpha.avif", "large-10-bits-alpha.heic", "large-12-bits-alpha.avif"} {
		data, deep := file(t, name), i >= 6
		w, err := start()
		if err != nil {
			t.Fatal(err)
		}
		p, took, err := w.decode(request{Kind: uint8(kindOf(name)), Deep: deep}, data, nil, usual)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.end(); err != nil {
			t.Error(err)
		}
		most := w.command.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
		if p.Width < 100 {
			itself = max(itself, most)
			continue
		}
		each := int64(perPixel)
		if deep {
			each += deeper
		}
		if pixels := int64(p.Width * p.Height); most > itself+each*pixels+int64(len(data)) {
			t.Errorf("%s: %d MB, of which %d MB are the program's", name, most>>20, itself>>20)
		}
		t.Logf("%s: %d MB, %v", name, most>>20, took)
	}
}

// TestMemoryOfJPEG2000: as TestMemory, with what package picture says of these files, without what its own process takes.
func TestMemoryOfJPEG2000(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector takes memory of its own")
	}
	if runtime.GOOS != "linux" {
		t.Skip("the most memory of a process is not known here")
	}
	itself := peak(t, "1x1.jp2", 1)
	for name, perPixel := range map[string]int64{
		"large.jp2": 5*3 + 3, "large-tiles.jp2": 5*3 + 3 + 4, "large-small-blocks.jp2": 5*3 + 3 + 640*3/16, "large-16-bits.jp2": 5*3 + 6,
		"large.jxl": 28 + 3, "large-rgba-16-bits.jxl": 28 + 4 + 8, "large-float.jxl": 28 + 12,
	} {
		const pixels = 1400 * 1000
		most := peak(t, name, pixels)
		if most > itself+perPixel*pixels+8<<20 {
			t.Errorf("%s: %d MB, of which %d MB are the program's", name, most>>20, itself>>20)
		}
		t.Logf("%s: %d bytes a pixel, of %d", name, (most-itself)/pixels, perPixel)
	}
}

// peak is the most memory of a process that decodes one file.
func peak(t *testing.T, name string, pixels int) (bytes int64) {
	t.Helper()
	data := file(t, name)
	w, err := start()
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := w.decode(request{Kind: uint8(kindOf(name))}, data, nil, usual)
	if err != nil || p.Width*p.Height != pixels {
		t.Fatalf("%s: %d pixels, %v", name, p.Width*p.Height, err)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.command.Process.Pid))
	_, rest, found := strings.Cut(string(status), "VmHWM:")
	if _, scan := fmt.Sscan(rest, &bytes); err != nil || !found || scan != nil {
		t.Fatal(err, scan)
	}
	drop(t)
	return bytes << 10
}

// What OpenJPEG says of a file may be several things, of which the same one counts each time.
func TestFailureOfJPEG2000(t *testing.T) {
	for want, said := range map[error][]string{
		fault.ErrTooLarge:    {"Stream too short", "Not enough memory", "unsupported"},
		fault.ErrTruncated:   {"This is not supported", "Stream too short"},
		fault.ErrUnsupported: {"This is not supported"},
		fault.ErrCorrupt:     {"Invalid marker"},
	} {
		for range 20 {
			l := jpeg2000Library{said: said}
			if got := l.failure(); !errors.Is(got, want) {
				t.Fatalf("%q is %v, want %v", said, errors.Unwrap(got), want)
			}
		}
	}
}
