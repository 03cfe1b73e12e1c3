package picture

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestCropped compares with torchvision's Resize and CenterCrop, whose results for these
// sizes were written down.
func TestCropped(t *testing.T) {
	for _, c := range []struct{ width, height, size, scaledWidth, scaledHeight, left, top int }{
		{500, 375, 224, 341, 256, 58, 16}, // 58.5 rounds to even
		{375, 500, 224, 256, 341, 16, 58},
		{256, 256, 224, 256, 256, 16, 16},
		{1, 1000, 224, 256, 256000, 16, 127888},
		{257, 255, 224, 258, 256, 17, 16},
		{300, 300, 299, 342, 342, 22, 22}, // 21.5 rounds to even
	} {
		want := []frame{{c.scaledWidth, c.scaledHeight, c.left, c.top, c.size, c.size, false}}
		if got := (Options{Width: c.size, Height: c.size, Resize: Crop}).frames(c.width, c.height); !slices.Equal(got, want) {
			t.Errorf("%+v: got %+v", c, got)
		}
	}
}

func TestOptions(t *testing.T) {
	data := readGolden(t, "jpeg-420-8x8.jpg")
	for want, options := range map[string]Options{
		"size":          {},
		"square":        {Width: 8, Height: 9, Resize: Crop},
		"way to resize": {Width: 8, Height: 8, Resize: "stretch"},
		"interpolation": {Width: 8, Height: 8, Interpolation: "area"},
		"limit":         {Width: 8, Height: 8, MaxPixels: -1},
	} {
		_, err := Decode(data, options)
		var typed *Error
		if err == nil || errors.As(err, &typed) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %s", options, err, want)
		}
	}
	if _, err := Decode(data, Options{Width: 8, Height: 8, MaxPixels: 63}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("64 pixels of 63: %v", err)
	}
	if _, err := Decode(data, Options{Width: 8, Height: 8, MaxPixels: 64}); err != nil {
		t.Errorf("64 pixels of 64: %v", err)
	}
}

// TestDecodeInto: the memory is used where it suffices, and old pixels don't show.
func TestDecodeInto(t *testing.T) {
	data := readGolden(t, "png-rgba8.png")
	fresh, err := Decode(data, small)
	if err != nil {
		t.Fatal(err)
	}
	for _, capacity := range []int{0, 8*8*3 - 1, 8 * 8 * 3, 1000} {
		dst := make([]uint8, capacity)
		for i := range dst {
			dst[i] = 99
		}
		into, err := DecodeInto(dst, data, small)
		if err != nil {
			t.Fatal(err)
		}
		if reused := capacity > 0 && &into.Pix[0] == &dst[0]; reused != (capacity >= 8*8*3) {
			t.Errorf("capacity %d: reused %t", capacity, reused)
		}
		if largest, _ := difference(fresh.Pix, into.Pix); len(into.Pix) != 8*8*3 || largest != 0 {
			t.Errorf("capacity %d: other pixels", capacity)
		}
	}
}

// TestConcurrent decodes pictures of all kinds side by side: none may see another's
// memory.
func TestConcurrent(t *testing.T) {
	names := examples(t, ".jpg", ".webp", "6.png")
	want := map[string][]uint8{}
	for _, name := range names {
		picture, err := Decode(readGolden(t, name), small)
		if err != nil {
			t.Fatal(name, err)
		}
		want[name] = picture.Pix
	}
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for _, name := range names {
				picture, err := Decode(readGolden(t, name), small)
				if err != nil {
					t.Error(name, err)
				} else if largest, _ := difference(picture.Pix, want[name]); largest != 0 {
					t.Errorf("%s: other pixels beside other images", name)
				}
			}
		})
	}
	workers.Wait()
}

// TestPhotos compares real photos with the sums of Pillow's pixels, those of the whole picture
// and of its centre, by all filters.
func TestPhotos(t *testing.T) {
	const folder = "../../shared/cats-vs-dogs/train"
	if _, err := os.Stat(folder); err != nil {
		t.Skip("the cats-vs-dogs photos are not at hand:", err)
	}
	sums, err := os.ReadFile(filepath.Join(goldenDir, "photos.txt"))
	if err != nil {
		t.Fatal(err)
	}
	interpolations := []Interpolation{Bilinear, Bicubic, Lanczos, Nearest}
	for i, line := range strings.Split(strings.TrimSpace(string(sums)), "\n") {
		if (testing.Short() || raceDetector) && i%20 != i/20%20 { // all filters are among the rest
			continue
		}
		var name string
		var want [2]uint32
		if _, err := fmt.Sscanf(line, "%s %x %x", &name, &want[0], &want[1]); err != nil {
			t.Fatalf("photos.txt: line %d: %v", i+1, err)
		}
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		for j, options := range []Options{
			{Width: 224, Height: 224},
			{Width: 224, Height: 224, Resize: Crop, Interpolation: interpolations[i%len(interpolations)]},
		} {
			picture, err := Decode(data, options)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got := crc32.ChecksumIEEE(picture.Pix); got != want[j] {
				t.Errorf("%s, %+v: pixels with sum %08x, Pillow's have %08x", name, options, got, want[j])
			}
		}
	}
}
