package picture

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	"fovea/preprocessing"
)

// allocated is what f allocates, in bytes, whether that is freed meanwhile or not.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// modes are options that take different ways and amounts of memory.
var modes = map[string]Options{
	"squash":     {Width: 224, Height: 224},
	"lanczos":    {Width: 224, Height: 224, Interpolation: Lanczos},
	"crop":       {Width: 224, Height: 224, Resize: Crop},
	"tencrop":    {Width: 224, Height: 224, Views: TenCrop, Interpolation: Bicubic},
	"nearest":    {Width: 224, Height: 224, Interpolation: Nearest},
	"background": {Width: 224, Height: 224, Background: "#ffffff"},
	"large":      {Width: 1000, Height: 1000},
}

// compareCost compares what decoding an image is said to take with what a workspace without memory
// of earlier images allocates. It returns the quotient.
func compareCost(t *testing.T, name string, data []byte, o Options) float64 {
	t.Helper()
	cost, err := Estimate(data, o)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return 1
	}
	var picture Picture
	got := allocated(func() { picture, err = new(workspace).decodeInto(nil, data, o) })
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return 1
	}
	if got > cost.Bytes {
		t.Errorf("%s: %d bytes allocated, estimated %d", name, got, cost.Bytes)
	}
	if pixels := int64(picture.SourceWidth) * int64(picture.SourceHeight); cost.Pixels < pixels {
		t.Errorf("%s: %d pixels, estimated %d", name, pixels, cost.Pixels)
	}
	return float64(cost.Bytes) / float64(got)
}

// generous are the images of which less is known from the header. Whether a lossless WebP has a
// palette, and how many codes, is compressed; and strips may be longer than they should.
func generous(name string) float64 {
	switch {
	case strings.HasPrefix(name, "webp"):
		return 3
	case strings.HasPrefix(name, "tiff in one strip, deflate"):
		return 6
	case strings.Contains(name, "deflate"):
		return 2.5
	}
	return 2
}

// leastAllocated is the least of three times, since the runtime allocates at times of its own choice, too.
func leastAllocated(f func()) int64 {
	return min(allocated(f), allocated(f), allocated(f))
}

// measures skips a test of memory under the race detector, which allocates as well.
func measures(t *testing.T) {
	t.Helper()
	if raceDetector {
		t.Skip("the race detector allocates, too: make test runs this without it")
	}
}

// TestEstimate holds the promise against the memory that is really allocated.
func TestEstimate(t *testing.T) {
	measures(t)
	for _, test := range []struct {
		width, height int
		kinds, modes  []string // all if none
	}{
		{700, 600, nil, []string{"squash", "tencrop"}},
		{700, 600, []string{"jpeg rgb", "jpeg turned", "png rgba"}, nil},
		{100, 3000, []string{"jpeg rgb", "jpeg turned", "png rgba16", "tiff in strips"}, []string{"squash", "lanczos", "crop"}},
		{4000, 80, []string{"jpeg rgb", "jpeg turned", "png rgba16", "tiff in strips"}, []string{"squash", "lanczos", "crop"}},
	} {
		all := largeSamples(t, test.width, test.height)
		if test.kinds == nil {
			test.kinds = slices.Sorted(maps.Keys(all))
		}
		if test.modes == nil {
			test.modes = slices.Sorted(maps.Keys(modes))
		}
		for _, kind := range test.kinds {
			for _, mode := range test.modes {
				name := fmt.Sprintf("%s of %dx%d, %s", kind, test.width, test.height, mode)
				quotient := compareCost(t, name, all[kind], modes[mode])
				if quotient > generous(kind) {
					t.Errorf("%s: the estimate is %.2f times as much as is allocated", name, quotient)
				}
				t.Logf("%s: %.2f", name, quotient)
			}
		}
	}
}

// TestEstimateSmall: small images of every kind take no more than estimated.
func TestEstimateSmall(t *testing.T) {
	measures(t)
	files := rareExamples(t)
	maps.Copy(files, jpegLSExamples(t))
	for _, name := range examples(t, ".jpg", ".png", ".gif", ".bmp", ".tiff", ".webp") {
		files[name] = readGolden(t, name)
	}
	for name, data := range files {
		for _, mode := range []string{"squash", "crop", "background"} {
			compareCost(t, name+", "+mode, data, modes[mode])
		}
	}
	for name, data := range dicomFiles(t) {
		if strings.HasSuffix(name, ".dcm") {
			compareCost(t, name, data, modes["squash"])
		}
	}
	plain := plainFiles(t)
	for name := range plain {
		if data, isFile := plain[strings.TrimSuffix(name, ".rgb")]; isFile && strings.HasSuffix(name, ".rgb") {
			compareCost(t, name, data, modes["squash"])
		}
	}
}

// TestEstimateDense does the same for whole images at several scales.
func TestEstimateDense(t *testing.T) {
	measures(t)
	dense := Dense{Sides: []int{256, 384}, Flip: true}
	all := largeSamples(t, 500, 400)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		cost, err := estimate(all[name], dense.job(nil))
		if err != nil {
			t.Fatal(err)
		}
		got := allocated(func() {
			w := new(workspace)
			_, _, err = w.decodeDense(all[name], dense, preprocessing.TF)
		})
		if err != nil || got > cost.Bytes || float64(cost.Bytes) > 3*float64(got) {
			t.Errorf("%s: %d bytes allocated, estimated %d, %v", name, got, cost.Bytes, err)
		}
	}
}

// TestEstimateErrors are Decode's.
func TestEstimateErrors(t *testing.T) {
	for _, test := range []struct {
		data []byte
		want error
	}{
		{nil, ErrNoPicture},
		{pngHeader(50_000, 50_000), ErrTooLarge},
		{pngHeader(9_000, 9_000), ErrTruncated},
		{readGolden(t, "gif.gif")[:8], ErrTruncated},
	} {
		_, err := Estimate(test.data, small)
		_, decoding := Decode(test.data, small)
		if !errors.Is(err, test.want) || fmt.Sprint(err) != fmt.Sprint(decoding) {
			t.Errorf("%v, want %v; decoding gives %v", err, test.want, decoding)
		}
	}
	if _, err := Estimate(readGolden(t, "gif.gif"), Options{}); err == nil || errors.As(err, new(*Error)) {
		t.Errorf("got %v", err)
	}
}

// TestEstimateAllocates: that itself takes next to nothing.
func TestEstimateAllocates(t *testing.T) {
	measures(t)
	all := largeSamples(t, 500, 400)
	for name, data := range all {
		if _, err := Estimate(data, small); err != nil {
			t.Fatal(err)
		}
		if got := leastAllocated(func() { Estimate(data, small) }); got > 64<<10 {
			t.Errorf("%s: %d bytes", name, got)
		}
	}
}
