package picture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// edgeNumbers are those that sizes and lengths tend to go wrong at.
var edgeNumbers = []uint32{0, 1, 2, 7, 8, 16, 63, 64, 127, 128, 255, 256, 511, 1023, 4095, 16_383, 16_384, 32_767, 65_535, 65_536, 1 << 24, 1<<31 - 1, 1 << 31, 1<<32 - 1}

// mutated is a file with a number or two replaced, bytes of it repeated, left out, or cut off. Most
// changes are near the beginning, where sizes are.
func mutated(data []byte, random *rand.Rand) []byte {
	out := bytes.Clone(data)
	for range 1 + random.IntN(2) {
		reach := len(out)
		if random.IntN(4) > 0 {
			reach = min(reach, 64+random.IntN(200))
		}
		if reach < 8 {
			return out
		}
		at := random.IntN(reach - 4)
		switch n := edgeNumbers[random.IntN(len(edgeNumbers))]; random.IntN(10) {
		case 0, 1:
			out[at] = byte(n)
		case 2:
			binary.LittleEndian.PutUint16(out[at:], uint16(n))
		case 3:
			binary.BigEndian.PutUint16(out[at:], uint16(n))
		case 4:
			binary.LittleEndian.PutUint32(out[at:], n)
		case 5:
			binary.BigEndian.PutUint32(out[at:], n)
		case 6:
			out[at] ^= 1 << random.IntN(8)
		case 7: // again
			end := min(len(out), at+1+random.IntN(40))
			out = slices.Insert(out, end, out[at:end]...)
		case 8: // left out
			out = slices.Delete(out, at, min(len(out), at+1+random.IntN(8)))
		case 9:
			if random.IntN(4) == 0 {
				out = out[:len(out)-random.IntN(len(out)/2)]
			}
		}
	}
	return mended(out)
}

// mended is a PNG with right checksums, so that it is read at all, and any other file as it is.
func mended(data []byte) []byte {
	if !bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")) {
		return data
	}
	pngChunks(data, func(kind string, content []byte) bool {
		at := cap(data) - cap(content) // where the content is
		binary.BigEndian.PutUint32(data[at+len(content):], crc32.ChecksumIEEE(data[at-4:at+len(content)]))
		return false
	})
	return data
}

// seeds are small images of every kind.
func seeds(t testing.TB) map[string][]byte {
	all := map[string][]byte{
		"webp frames": webpOf(vp8x(2, 40, 30), anmf(4, 2, 30, 20, vp8l(30, 20)), anmf(0, 0, 40, 30, vp8l(40, 30))),
		"webp plain":  webpOf(vp8l(40, 30)),
		"tiff tiles":  tiffFile{width: 70, height: 60, bits: 8, samples: 3, photometric: 2, compression: deflate, tileWidth: 16, tileHeight: 16, block: deflated(make([]byte, 768))}.bytes(),
		"tiff strips": tiffFile{width: 70, height: 60, bits: 16, samples: 3, photometric: 2, compression: uncompressed, rows: 7, block: make([]byte, 70*6*7)}.bytes(),
		"scans":       manyScans(40, 30),
	}
	maps.Copy(all, rareExamples(t))
	maps.Copy(all, jpegLSExamples(t))
	for _, name := range examples(t, ".jpg", ".png", ".gif", ".bmp", ".tiff", ".webp") {
		if data := readGolden(t, name); len(data) < 20_000 {
			all[name] = data
		}
	}
	for name, data := range dicomFiles(t) {
		if strings.HasSuffix(name, ".dcm") && len(data) < 20_000 {
			all[name] = data
		}
	}
	more, _ := tiffArchive(t, "tiff-more.tar.gz")
	for _, name := range []string{
		"jpeg-ycbcr-22-tiles", "libtiff-jpeg-cmyk", "webp-lossy", "u2-rgb-zstd", "f4-rgb-predictor-True", "ycbcr-22", "old-lzw", "u1-rgb-bigtiff-tiles",
		"packed-12", "cmyk16", "preview-first", "i4-rgb-planes-tiles",
	} {
		all["tiff "+name] = more[name]
	}
	files := plainFiles(t)
	kinds := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(files)) { // some of every kind
		data, isFile := files[strings.TrimSuffix(name, ".rgb")]
		kind, _, _ := strings.Cut(name, "-")
		if kinds[kind]++; isFile && strings.HasSuffix(name, ".rgb") && kinds[kind]%8 == 1 {
			all[name] = data
		}
	}
	photos, err := filepath.Glob("../testdata/photos/*.jpg")
	if err != nil || len(photos) == 0 {
		t.Fatalf("%d photos, %v", len(photos), err)
	}
	if all["photo"], err = os.ReadFile(photos[0]); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestMutated damages images of every kind, their sizes above all: each is decoded or refused, and
// takes no more memory than was estimated, and little where it was refused. FOVEA_TRIALS is the number
// of files made of each.
func TestMutated(t *testing.T) {
	long(t)
	trials := 25
	if text := os.Getenv("FOVEA_TRIALS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		trials = n
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	all := seeds(t)
	decoded, refused := 0, 0
	for i, name := range slices.Sorted(maps.Keys(all)) {
		random := rand.New(rand.NewPCG(20, uint64(i)))
		for trial := range trials {
			data := mutated(all[name], random)
			o := Options{Width: 1 + random.IntN(50), Height: 40, MaxPixels: 1 << random.IntN(19), Interpolation: []Interpolation{Bilinear, Lanczos, Nearest}[trial%3]}
			if trial%4 == 0 {
				o.Resize, o.Width = Crop, o.Height
			}
			if err := withinEstimate(data, o); err != "" {
				t.Errorf("%s, mutation %d: %s", name, trial, err)
			}
			if _, err := Decode(data, o); err != nil {
				checkError(t, err)
				refused++
			} else {
				decoded++
			}
		}
	}
	if decoded < trials || refused < trials {
		t.Errorf("%d files decoded, %d refused", decoded, refused)
	}
	t.Logf("%d files decoded, %d refused", decoded, refused)
}

// withinEstimate says what is wrong with the memory or the time that decoding takes, or "".
func withinEstimate(data []byte, o Options) string {
	const workspaceBytes = ownBytes
	cost, estimate := Estimate(data, o)
	start := threadTime()
	var err error
	got := allocated(func() { _, err = new(workspace).decodeInto(nil, data, o) })
	took := threadTime() - start
	switch {
	case estimate != nil && fmt.Sprint(err) != fmt.Sprint(estimate):
		return fmt.Sprintf("estimated: %v, decoded: %v", estimate, err)
	case estimate != nil && got > mostOfRefusal+workspaceBytes:
		return fmt.Sprintf("%d bytes for %v", got, err)
	case estimate == nil && got > cost.Bytes:
		return fmt.Sprintf("%d bytes, estimated %d, %v", got, cost.Bytes, err)
	case took > 2*time.Second:
		return fmt.Sprintf("%s of processor time, %v", took, err)
	}
	return ""
}
