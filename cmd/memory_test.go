package cmd_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"
)

// memoryVariable is a number of pictures for TestExtractMemory: scripts/bench-memory.sh sets it.
const memoryVariable = "FOVEA_TEST_MEMORY_PICTURES"

// mixedPictures fills a directory with n pictures in directories of a thousand: hard links to
// 300 files that differ, of which 1 in 100 is a photo of 4000x3000 pixels, 9 in 100 are of
// 500x375, and the others of 32 to 128 pixels' width.
func mixedPictures(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(3, 3))
	const differing = 300
	files := make([]string, differing)
	var photo []byte // encoded once: under the race detector that takes seconds
	for i := range files {
		width, height, extension := 32+random.IntN(97), 32+random.IntN(97), ".jpg"
		switch {
		case i%100 == 0:
			width, height = 4000, 3000
		case i%100 < 10:
			width, height = 500, 375
		}
		if i%10 == 9 {
			extension = ".png"
		}
		content := photo
		if i%100 != 0 || photo == nil {
			content = noisyPicture(t, random, i, width, height, extension)
		}
		if i%100 == 0 {
			photo = content
		}
		files[i] = filepath.Join(dir, fmt.Sprintf(".%03d%s", i, extension)) // hidden: not listed
		check(t, os.WriteFile(files[i], append(slices.Clip(content), byte(i)), 0o644))
	}
	for i := range n {
		below := filepath.Join(dir, fmt.Sprintf("%03d", i/1000))
		if i%1000 == 0 {
			check(t, os.Mkdir(below, 0o755))
		}
		file := files[i%differing]
		check(t, os.Link(file, filepath.Join(below, fmt.Sprintf("%06d%s", i, filepath.Ext(file)))))
	}
	return dir
}

// noisyPicture is one of a pattern and noise, encoded.
func noisyPicture(t *testing.T, random *rand.Rand, number, width, height int, extension string) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	const rows = 16 // which are repeated
	for y := range min(height, rows) {
		for x := range width {
			img.SetRGBA(x, y, color.RGBA{uint8(x + number), uint8(y * number), uint8(random.Uint32() & 31), 255})
		}
	}
	repeat(img.Pix, min(height, rows)*img.Stride)
	var content bytes.Buffer
	if extension == ".png" {
		check(t, png.Encode(&content, img))
	} else {
		check(t, jpeg.Encode(&content, img, &jpeg.Options{Quality: 85}))
	}
	return content.Bytes()
}

// memoryOf reads a field of /proc/PID/status in MB, 0 when the process has ended.
func memoryOf(pid int, field string) float64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	found := regexp.MustCompile(field + `:\s+([0-9]+) kB`).FindSubmatch(status)
	if found == nil {
		return 0
	}
	kilobytes, _ := strconv.Atoi(string(found[1]))
	return float64(kilobytes) / 1024
}

// peakOf runs the small model over the pictures and gives the most memory that was in use, in
// MB. It logs twenty samples over the time.
func peakOf(t *testing.T, pictures string, arguments ...string) float64 {
	t.Helper()
	command := small(filepath.Join(t.TempDir(), "out"), append(arguments, "--batch", "8", pictures)...)
	command.Stderr = os.Stderr
	began := time.Now()
	check(t, command.Start())
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	type sample struct {
		at        time.Duration
		now, most float64
	}
	var samples []sample
	ticks := time.NewTicker(50 * time.Millisecond)
	defer ticks.Stop()
	for {
		select {
		case err := <-ended:
			check(t, err)
			most := 0.0
			for i, s := range samples {
				most = max(most, s.most)
				if i%max(1, len(samples)/20) == 0 || i == len(samples)-1 {
					t.Logf("%7.1f s: %5.0f MB resident, %5.0f MB at most so far", s.at.Seconds(), s.now, s.most)
				}
			}
			return most
		case <-ticks.C:
			if most := memoryOf(command.Process.Pid, "VmHWM"); most > 0 {
				samples = append(samples, sample{time.Since(began), memoryOf(command.Process.Pid, "VmRSS"), most})
			}
		}
	}
}

// Memory is bounded, and does not follow the number of pictures: a run over many takes hardly
// more than one over a fifth of them.
func TestExtractMemory(t *testing.T) {
	n := 5000
	if value := os.Getenv(memoryVariable); value != "" {
		var err error
		n, err = strconv.Atoi(value)
		check(t, err)
	}
	pictures := mixedPictures(t, n)
	few := peakOf(t, pictures, "--limit", fmt.Sprint(n/5))
	many := peakOf(t, pictures)
	t.Logf("%d images: %.0f MB at most; %d images: %.0f MB at most", n/5, few, n, many)
	const bound = 1000 // MB, the library's 250 MB and the small model's among them
	if many > bound {
		t.Errorf("%d images take %.0f MB, want %d MB at most", n, many, bound)
	}
	// A path, with all that goes with it, takes less than a kilobyte; the rest is how much the
	// most of a run varies with the large pictures that happen to meet.
	if allowed := few + 200 + float64(n)*1000/1e6; many > allowed {
		t.Errorf("%d images take %.0f MB, %d images %.0f MB: want %.0f MB at most", n, many, n/5, few, allowed)
	}
}
