package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// oversize is a file whose header and content disagree about size, or that is far larger than its
// bytes.
type oversize struct {
	// The columns of the table in docs/images.md.
	decoder, header, content string
	data                     []byte
	limit                    int // in pixels, 0 for the default
	want                     error
}

// oversizes are all small enough to do no harm, should they be decoded after all.
func oversizes(t testing.TB) []oversize {
	frame := bytes.Index(readGolden(t, "jpeg-420-8x8.jpg"), []byte{0xff, 0xc0}) + 5
	progressive := readGolden(t, "jpeg-cmyk-progressive.jpg")
	coarse := bytes.Index(progressive, []byte{0xff, 0xc2}) + 5
	gif := func(width, height int) []byte { // the frame's size, behind the canvas of 16x16
		data := bytes.Clone(readGolden(t, "gif.gif"))
		at := gifFrame(data)
		for i, n := range []int{16, 16} {
			binary.LittleEndian.PutUint16(data[6+2*i:], uint16(n))
		}
		for i, n := range []int{0, 0, width, height} {
			binary.LittleEndian.PutUint16(data[at+1+2*i:], uint16(n))
		}
		return data
	}
	lossy := func(width, height int) []byte { // a lossy image's chunk with another size
		data := bytes.Clone(readGolden(t, "webp-lossy-40x32.webp"))[12:]
		binary.LittleEndian.PutUint16(data[14:], uint16(width))
		binary.LittleEndian.PutUint16(data[16:], uint16(height))
		return data
	}
	claims := func(length int) []byte { // a lossy image's chunk that is not as long as it says
		data := bytes.Clone(readGolden(t, "webp-lossy-40x32.webp"))
		binary.LittleEndian.PutUint32(data[4:], uint32(length+12))
		binary.LittleEndian.PutUint32(data[16:], uint32(length))
		return data
	}
	row := pngOf(8_000_000, 1, 16, 6, 0, pngChunk("IDAT", make([]byte, 64_000)))
	tile := make([]byte, 8*1024)
	return []oversize{
		{"JPEG", "2,000x2,000", "few bytes", patched(t, "jpeg-420-8x8.jpg", frame, 0x07, 0xd0, 0x07, 0xd0), 0, ErrTruncated},
		{"JPEG, progressive, CMYK", "2,000x2,000", "few bytes", putBytes(progressive, coarse, 0x07, 0xd0, 0x07, 0xd0), 0, ErrTruncated},
		{"JPEG, lossless, 16 bits", "2,000x2,000", "few bytes", flatJPEGOf(0xc3, 16, 2_000, 2_000), 0, ErrTruncated},
		{"JPEG, 12 bits", "2,000x2,000", "few bytes", flatJPEGOf(0xc1, 12, 2_000, 2_000), 0, ErrTruncated},
		{"JPEG-LS", "2,000x40,000", "few bytes", putBytes(flatJPEGLS(16, 1, 16, 16), 7, 0x9c, 0x40, 0x07, 0xd0), 0, ErrTruncated},
		{"JPEG-LS, its size in a preset", "100,000x100,000", "few bytes", jpegLSOfSize(100_000, 100_000), 0, ErrTooLarge},
		{"PNG", "2,000x2,000", "few bytes", pngOf(2_000, 2_000, 8, 2, 0, pngChunk("IDAT", deflated(make([]byte, 1000)))), 0, ErrTruncated},
		{"PNG, interlaced, 16 bits", "2,000x2,000", "few bytes", pngOf(2_000, 2_000, 16, 6, 1, pngChunk("IDAT", deflated(make([]byte, 1000)))), 0, ErrTruncated},
		{"PNG, one row of 16 bits", "8,000,000x1", "747 MB of memory, at `--max-pixels 8000000`", row, 8_000_000, ErrTooLarge},
		{"GIF", "16x16", "a frame of 1,024x1,024", gif(1024, 1024), 0, ErrCorrupt},
		{"GIF", "4,000x4,000", "few bytes", putBytes(putBytes(readGolden(t, "gif.gif"), 6, 0xa0, 0x0f, 0xa0, 0x0f), gifFrame(readGolden(t, "gif.gif"))+5, 0xa0, 0x0f, 0xa0, 0x0f), 0, ErrTruncated},
		{"BMP", "2,000x2,000", "few bytes", patched(t, "bmp-rgb.bmp", 18, 0xd0, 0x07, 0, 0, 0xd0, 0x07, 0, 0), 0, ErrTruncated},
		{"PNM", "2,000x2,000", "few bytes", []byte("P6\n2000 2000\n255\nfew bytes"), 0, ErrTruncated},
		{"PNM, text", "2,000x2,000", "few bytes", []byte("P3 2000 2000 255\n1 2 3 4 5 6"), 0, ErrTruncated},
		{"Photoshop document", "2,000x2,000", "few bytes", putBytes(psdRuns(8, 8, make([]byte, 64)), 14, 0, 0, 7, 0xd0, 0, 0, 7, 0xd0), 0, ErrTruncated},
		{"TGA, run lengths", "2,000x2,000", "few bytes", append(tgaHead(2_000, 2_000, 10, 24), make([]byte, 100)...), 0, ErrTruncated},
		{"DDS", "2,000x2,000", "few bytes", putBytes(ddsBlocks(8, 8, make([]byte, 64)), 12, 0xd0, 7, 0, 0, 0xd0, 7), 0, ErrTruncated},
		{"QOI", "2,000x2,000", "few bytes", []byte("qoif\x00\x00\x07\xd0\x00\x00\x07\xd0\x03\x00\xfd\xfd\xfd\xfd"), 0, ErrTruncated},
		{"ICO", "16x16 in its list", "a bitmap of 2,000x2,000 and few bytes", putBytes(iconFile(16, 16, nil), 22+4, 0xd0, 7, 0, 0, 0xa0, 0x0f, 0, 0), 0, ErrTruncated},
		{"TIFF", "2,000x2,000", "few bytes", tiffFile{width: 2_000, height: 2_000, bits: 16, samples: 3, photometric: 2, compression: uncompressed, rows: 2_000, block: make([]byte, 100)}.bytes(), 0, ErrTruncated},
		{"TIFF, Deflate", "2,000x2,000", "few bytes", tiffFile{width: 2_000, height: 2_000, bits: 8, samples: 3, photometric: 2, compression: deflate, rows: 2_000, block: deflated(make([]byte, 1000))}.bytes(), 0, ErrTruncated},
		{"TIFF, a million strips", "100x1,000,000", "a list of ten strips", putBytes(tiffFile{width: 100, height: 10, bits: 8, samples: 1, photometric: 1, compression: uncompressed, rows: 1, block: make([]byte, 100)}.bytes(), 8+2+12+8, 0x40, 0x42, 0x0f, 0), 0, ErrTruncated},
		{"TIFF, tiles", "4,096x1", "tiles of 8x1,024, 4 million pixels, at `--max-pixels 4096`", tiffFile{width: 4096, height: 1, bits: 8, samples: 1, photometric: 1, compression: deflate, tileWidth: 8, tileHeight: 1024, block: deflated(tile)}.bytes(), 4096, ErrTooLarge},
		{"WebP, lossless, animated", "16x16", "a frame of 1,024x1,024", webpOf(vp8x(2, 16, 16), anmf(0, 0, 1024, 1024, vp8l(1024, 1024))), 0, ErrCorrupt},
		{"WebP, lossless, animated", "16x16", "a frame of 16x16 with an image of 1,024x1,024", webpOf(vp8x(2, 16, 16), anmf(0, 0, 16, 16, vp8l(1024, 1024))), 0, ErrCorrupt},
		{"WebP, lossy, animated", "16x16", "a frame of 1,024x1,024", webpOf(vp8x(2, 16, 16), anmf(0, 0, 1024, 1024, lossy(1024, 1024))), 0, ErrCorrupt},
		{"WebP, animated", "16x16", "a frame of 16x16 at 2, 0", webpOf(vp8x(2, 16, 16), anmf(2, 0, 16, 16, vp8l(16, 16))), 0, ErrCorrupt},
		{"WebP, animated", "1,024x1,024", "a frame of that size, at `--max-pixels 1000000`", webpOf(vp8x(2, 1024, 1024), anmf(0, 0, 1024, 1024, vp8l(1024, 1024))), 1_000_000, ErrTooLarge},
		{"WebP, extended", "16x16", "an image of 1,024x1,024", webpOf(vp8x(0, 16, 16), vp8l(1024, 1024)), 0, ErrCorrupt},
		{"DICOM", "2,000x2,000", "few bytes", dicomOfSize(t, "mono16.dcm", 2_000), 0, ErrTruncated},
		{"DICOM, deflated", "8,000x8,000", "few bytes", deflatedDICOM(t, "mono16.dcm", 8_000), 0, ErrTruncated},
		{"DICOM, RLE", "2,000x2,000", "few bytes", dicomOfSize(t, "rle-mono16.dcm", 2_000), 0, ErrTruncated},
		{"DICOM, JPEG", "2,000x2,000", "a JPEG of 40x24", dicomOfSize(t, "jpeg-grey.dcm", 2_000), 0, ErrCorrupt},
		{"DICOM", "60,000x60,000", "few bytes", dicomOfSize(t, "mono16.dcm", 60_000), 0, ErrTooLarge},
		{"WebP, lossy", "40x32", "data of 4 MB by their length", claims(4 << 20), 0, ErrTruncated},
	}
}

// dicomOfSize is a DICOM file that says another size.
func dicomOfSize(t testing.TB, name string, side int) []byte {
	t.Helper()
	data := bytes.Clone(dicomFiles(t)[name])
	rows := bytes.Index(data, []byte("\x28\x00\x10\x00US\x02\x00"))
	if rows < 0 {
		t.Fatalf("%s has no size", name)
	}
	binary.LittleEndian.PutUint16(data[rows+8:], uint16(side))
	binary.LittleEndian.PutUint16(data[rows+18:], uint16(side))
	return data
}

// deflatedDICOM is the same with its data set deflated.
func deflatedDICOM(t testing.TB, name string, side int) []byte {
	t.Helper()
	data := dicomOfSize(t, name, side)
	packed := deflated(data[bytes.Index(data, []byte("\x08\x00\x16\x00UI")):])
	return dicomOf("1.2.840.10008.1.2.1.99", packed[2:len(packed)-4]) // without zlib's frame
}

// dicomOf is a data set behind a header with its transfer syntax.
func dicomOf(syntax string, set []byte) []byte {
	if len(syntax)%2 != 0 {
		syntax += "\x00"
	}
	return slices.Concat(make([]byte, 128), []byte("DICM\x02\x00\x10\x00UI"), []byte{byte(len(syntax)), 0}, []byte(syntax), set)
}

// flatJPEGOf is a grey JPEG of 16x16 pixels that says another size.
func flatJPEGOf(frame byte, precision, width, height int) []byte {
	data := flatJPEG(frame, precision, 1, 16, 16)
	at := bytes.Index(data, []byte{0xff, frame}) + 5
	return putBytes(data, at, byte(height>>8), byte(height), byte(width>>8), byte(width))
}

// jpegLSOfSize has its size in a segment of its own.
func jpegLSOfSize(width, height uint32) []byte {
	data := putBytes(flatJPEGLS(8, 1, 16, 16), 7, 0, 0, 0, 0)
	size := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32([]byte{0xff, 0xf8, 0, 12, 4, 4}, height), width)
	return slices.Concat(data[:15], size, data[15:])
}

// putBytes is data with bytes replaced.
func putBytes(data []byte, at int, with ...byte) []byte {
	data = bytes.Clone(data)
	copy(data[at:], with)
	return data
}

// gifFrame is where the first frame of the golden file begins.
func gifFrame(data []byte) int {
	return 13 + 3*(2<<(data[10]&7)) + bytes.IndexByte(data[13+3*(2<<(data[10]&7)):], ',')
}

// mostOfRefusal bounds what refusing a file allocates, in bytes; the decoders' buffers are most of
// it.
const mostOfRefusal = 64 << 10

// TestOversize refuses what is larger than it says before taking memory for it, and docs/images.md
// lists it.
func TestOversize(t *testing.T) {
	page, err := os.ReadFile("../docs/images.md")
	if err != nil {
		t.Fatal(err)
	}
	words := map[error]string{ErrTruncated: "truncated", ErrCorrupt: "corrupt", ErrTooLarge: "too large"}
	for _, test := range oversizes(t) {
		name := strings.Join([]string{test.decoder, test.header, test.content}, ", ")
		t.Run(name, func(t *testing.T) {
			o := Options{Width: 8, Height: 8, MaxPixels: test.limit}
			Decode(test.data, o) // so that there is a workspace
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			start := threadTime()
			var err error
			got := leastAllocated(func() { _, err = Decode(test.data, o) })
			if took := threadTime() - start; !errors.Is(err, test.want) || took > 200*time.Millisecond {
				t.Errorf("%v in %s, want %v", err, took, test.want)
			}
			if got > mostOfRefusal && !raceDetector { // under which a pool drops a quarter of what it is given
				t.Errorf("%d bytes allocated", got)
			}
			checkError(t, err)
			if _, again := Estimate(test.data, o); again == nil && !strings.Contains(test.decoder, "extended") && !strings.Contains(test.content, "with an image") {
				t.Errorf("estimated")
			}
		})
		if row := fmt.Sprintf("| %s | %s | %s | %d | %s |", test.decoder, test.header, test.content, len(test.data), words[test.want]); !strings.Contains(string(page), row+"\n") {
			t.Errorf("docs/images.md lacks\n%s", row)
		}
	}
}

// manyScans is a grey progressive JPEG that passes over all its blocks as often as is allowed; a scan
// has runs of 32,767 blocks without anything new.
func manyScans(width, height int) []byte {
	segment := func(marker byte, body ...byte) []byte {
		return append([]byte{0xff, marker, byte((len(body) + 2) >> 8), byte(len(body) + 2)}, body...)
	}
	table := func(class, symbol byte) []byte { // a code of one bit
		return segment(0xc4, append([]byte{class, 1, 15: 0, 16: 0}, symbol)...)
	}
	out := append([]byte{0xff, 0xd8}, segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...)...)
	out = append(out, segment(0xc2, 8, byte(height>>8), byte(height), byte(width>>8), byte(width), 1, 1, 0x11, 0)...)
	out = append(append(out, table(0x00, 0)...), table(0x10, 0xe0)...)
	blocks := divided(width, 8) * divided(height, 8)
	out = append(append(out, segment(0xda, 1, 1, 0, 0, 0, 0)...), make([]byte, divided(blocks, 8))...)
	for scan := range 199 {
		approximation := byte(0x10)
		if scan == 0 {
			approximation = 0
		}
		out = append(out, segment(0xda, 1, 1, 0, 1, 63, approximation)...)
		out = append(out, runs(divided(blocks, 32_767))...)
	}
	return append(out, 0xff, 0xd9)
}

// runs are n times a code of one bit, 0, and 14 bits, all 1: 32,767 blocks.
func runs(n int) []byte {
	var out []byte
	for at := 0; at < 15*n; at += 8 {
		b := byte(0)
		for i := at; i < at+8; i++ {
			b <<= 1
			if i%15 != 0 || i >= 15*n {
				b |= 1
			}
		}
		if out = append(out, b); b == 0xff {
			out = append(out, 0)
		}
	}
	return out
}

// TestTooSlow: each decoder, and what comes behind it, ends soon after its time.
func TestTooSlow(t *testing.T) {
	long(t)
	all := largeSamples(t, 700, 600)
	all["jpeg progressive"] = manyScans(700, 600)
	for name, data := range all {
		for _, o := range []Options{{Width: 224, Height: 224, MaxTime: 1}, {Width: 1200, Height: 1200, Interpolation: Lanczos, MaxTime: 1}} {
			_, err := Decode(data, o)
			if !errors.Is(err, ErrTooSlow) {
				if o.Width == 1200 || name == "jpeg progressive" { // the other takes less work than is done without a clock
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			checkError(t, err)
			if errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "1e-09 s of processor time") {
				t.Errorf("%s: %v", name, err)
			}
			o.MaxTime = time.Hour
			if _, err := Decode(data, o); err != nil {
				t.Errorf("%s: %v with more time", name, err)
			}
		}
	}
}
