package tiff

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"fovea/picture/internal/fault"
	"fovea/picture/internal/picturetest"
)

// examples are the files of an archive of testdata/picture.
func examples(t testing.TB, archive string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for name, data := range picturetest.Files(t, "../../../testdata/picture/"+archive) {
		if name, found := strings.CutSuffix(name, ".tiff"); found {
			all[name] = data
		}
	}
	return all
}

func open(t testing.TB, data []byte) (*File, *Directory) {
	t.Helper()
	f, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	page, err := f.Page()
	if err != nil {
		t.Fatal(err)
	}
	return f, page
}

// same tells whether a window has the samples of the page at its place.
func (s *Samples) same(whole *Samples, left, top int, channels []int) bool {
	for y := range s.Height {
		for x := range s.Width {
			for i, c := range channels {
				a, b := (y*s.Width+x)*s.Channels+i, ((top+y)*whole.Width+left+x)*whole.Channels+c
				switch {
				case s.Bytes != nil && s.Bytes[a] != whole.Bytes[b], s.Words != nil && s.Words[a] != whole.Words[b]:
					return false
				case s.Numbers != nil && s.Numbers[a] != whole.Numbers[b] && s.Numbers[a] == s.Numbers[a]:
					return false
				}
			}
		}
	}
	return true
}

// A window of any page has the samples that the whole page has there, in any order of channels.
func TestWindows(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	count := 0
	for _, archive := range []string{"tiff.tar.gz", "tiff-more.tar.gz"} {
		for name, data := range examples(t, archive) {
			f, page := open(t, data)
			l, err := page.Layout()
			if err != nil || l.ownChroma() {
				continue
			}
			all := make([]int, l.Samples)
			for i := range all {
				all[i] = i
			}
			whole, err := f.Read(l, image.Rect(0, 0, l.Width, l.Height), all...)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			count++
			for range 6 {
				left, top := random.IntN(l.Width), random.IntN(l.Height)
				window := image.Rect(left, top, left+1+random.IntN(l.Width-left), top+1+random.IntN(l.Height-top))
				channels := []int{random.IntN(l.Samples), random.IntN(l.Samples)}
				part, err := f.Read(l, window, channels...)
				if err != nil || !part.same(whole, left, top, channels) {
					t.Errorf("%s: the window %v of channels %v differs, %v", name, window, channels, err)
				}
			}
		}
	}
	if count < 700 {
		t.Errorf("%d files", count)
	}
}

// Pages, and the smaller ones of a pyramid, are found with their tags.
func TestPages(t *testing.T) {
	f, page := open(t, examples(t, "tiff-more.tar.gz")["pyramid"])
	pages, err := f.Pages(10)
	if err != nil || len(pages) != 1 || !page.Has(SubIFDs) || page.Count(SubIFDs) != 2 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	children, err := page.Children(10)
	if err != nil || len(children) != 2 {
		t.Fatalf("%d smaller pages, %v", len(children), err)
	}
	for i, want := range []uint64{17, 9} {
		if got := children[i].Uint(Width, 0); got != want || children[i].Uint(SubfileType, 0) != 1 {
			t.Errorf("%d pixels wide, want %d", got, want)
		}
	}
	f, _ = open(t, examples(t, "tiff-more.tar.gz")["preview-first"])
	if pages, err := f.Pages(10); err != nil || len(pages) != 2 {
		t.Errorf("%d pages, %v", len(pages), err)
	}
	_, page = open(t, examples(t, "tiff-more.tar.gz")["float-nodata"])
	if text := page.Text(NoData, 100); text != "-9999" {
		t.Errorf("NoData is %q", text)
	}
}

// made is a little-endian file of tags with a single number each, and what follows them.
func made(next uint32, more []byte, tags ...[2]uint32) []byte {
	le := binary.LittleEndian
	out := le.AppendUint16([]byte("II*\x00\x08\x00\x00\x00"), uint16(len(tags)))
	for _, tag := range tags {
		out = le.AppendUint16(le.AppendUint16(out, uint16(tag[0])), 4)
		out = le.AppendUint32(le.AppendUint32(out, 1), tag[1])
	}
	return append(le.AppendUint32(out, next), more...)
}

// What a file says wrong is told, and little memory is taken for it.
func TestHostile(t *testing.T) {
	size := [][2]uint32{{Width, 1 << 30}, {Height, 1 << 30}, {BitsPerSample, 8}, {Photometric, 1}}
	for name, test := range map[string]struct {
		data []byte
		want error
	}{
		"nothing":            {nil, fault.ErrTruncated},
		"another format":     {[]byte("RIFF....WEBP"), fault.ErrCorrupt},
		"no directory":       {[]byte("II*\x00\xff\xff\xff\xff"), fault.ErrTruncated},
		"a loop":             {made(8, nil, [2]uint32{Width, 1}), fault.ErrCorrupt},
		"a side of 0":        {made(0, nil, [2]uint32{Width, 0}, [2]uint32{Height, 1}), fault.ErrCorrupt},
		"tiles of no size":   {made(0, nil, append(size, [2]uint32{TileWidth, 0}, [2]uint32{TileOffsets, 8})...), fault.ErrCorrupt},
		"huge tiles":         {made(0, nil, append(size, [2]uint32{TileWidth, 1<<31 - 1}, [2]uint32{TileHeight, 1<<31 - 1}, [2]uint32{TileOffsets, 8})...), fault.ErrUnsupported},
		"a billion strips":   {made(0, nil, append(size, [2]uint32{RowsPerStrip, 1}, [2]uint32{StripOffsets, 8})...), fault.ErrTruncated},
		"no strips":          {made(0, nil, [2]uint32{Width, 9}, [2]uint32{Height, 9}), fault.ErrCorrupt},
		"too many samples":   {made(0, nil, append(size, [2]uint32{SamplesPer, 1 << 20})...), fault.ErrCorrupt},
		"no such depth":      {made(0, nil, [2]uint32{Width, 1}, [2]uint32{Height, 1}, [2]uint32{BitsPerSample, 77}), fault.ErrUnsupported},
		"no such compressor": {made(0, nil, append(size, [2]uint32{Compression, 34887})...), fault.ErrUnsupported},
		"a strip elsewhere":  {made(0, nil, [2]uint32{Width, 4}, [2]uint32{Height, 4}, [2]uint32{BitsPerSample, 8}, [2]uint32{StripOffsets, 1 << 31}), fault.ErrTruncated},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := readAll(test.data)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 64<<10 {
			t.Errorf("%s: %d bytes allocated", name, got)
		}
	}
}

// readAll reads all pages of a file, each in windows that are not large.
func readAll(data []byte) error {
	f, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	pages, err := f.Pages(8)
	if err != nil {
		return err
	}
	for _, page := range pages {
		children, err := page.Children(4)
		if err != nil {
			return err
		}
		for _, d := range append(children, page) {
			l, err := d.Layout()
			if err != nil {
				return err
			}
			if memory, err := l.Memory(); err != nil || memory > 1<<24 {
				return cmp(err, fault.ErrUnsupported)
			}
			window := image.Rect(0, 0, min(l.Width, 100), min(l.Height, 100)).Add(image.Pt(max(0, l.Width-150), max(0, l.Height-150))).Intersect(image.Rect(0, 0, l.Width, l.Height))
			if _, err := f.Read(l, window, 0, l.Samples-1); err != nil {
				return err
			}
		}
	}
	return nil
}

func cmp(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// tiles is a file of 30,000 x 30,000 pixels in tiles, all with the same content.
type tiles struct {
	head []byte
	read int64
}

func (r *tiles) ReadAt(p []byte, at int64) (int, error) {
	r.read += int64(len(p))
	return bytes.NewReader(r.head).ReadAt(p, at)
}

// A window of a huge file costs its own size in memory and a few tiles in reading.
func TestHuge(t *testing.T) {
	const side, tile = 30_000, 256
	across := (side + tile - 1) / tile
	n := uint32(across * across)
	le := binary.LittleEndian
	body := make([]byte, tile*tile)
	for i := range body {
		body[i] = byte(i%tile ^ i/tile)
	}
	const tags = 7
	lists := uint32(8 + 2 + 12*tags + 4)
	out := le.AppendUint16([]byte("II*\x00\x08\x00\x00\x00"), tags)
	for _, e := range [tags][3]uint32{{Width, 1, side}, {Height, 1, side}, {BitsPerSample, 1, 8}, {Photometric, 1, 1}, {TileWidth, 1, tile}, {TileHeight, 1, tile}, {TileOffsets, n, lists}} {
		out = le.AppendUint16(le.AppendUint16(out, uint16(e[0])), 4)
		out = le.AppendUint32(le.AppendUint32(out, e[1]), e[2])
	}
	out = le.AppendUint32(out, 0)
	for range n {
		out = le.AppendUint32(out, lists+4*n)
	}
	source := &tiles{head: append(out, body...)}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f, err := Open(source, int64(len(source.head)))
	if err != nil {
		t.Fatal(err)
	}
	page, err := f.Page()
	if err != nil {
		t.Fatal(err)
	}
	l, err := page.Layout()
	if err != nil {
		t.Fatal(err)
	}
	s, err := f.Read(l, image.Rect(20_000, 29_000, 20_300, 29_500), 0)
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	for y := range s.Height {
		for x := range s.Width {
			if want := byte((20_000+x)%tile ^ (29_000+y)%tile); s.Bytes[y*s.Width+x] != want {
				t.Fatalf("%d at %d, %d, want %d", s.Bytes[y*s.Width+x], x, y, want)
			}
		}
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("%d bytes allocated", got)
	}
	if source.read > 1<<20 {
		t.Errorf("%d bytes read", source.read)
	}
}

// No code of a fax begins with another one, and each stands for its run.
func TestFaxCodes(t *testing.T) {
	for _, lists := range [][]string{{whiteRuns, whiteMore, longRuns}, {blackRuns, blackMore, longRuns}} {
		codes := strings.Fields(strings.Join(lists, " "))
		if len(codes) != 64+27+13 {
			t.Errorf("%d codes", len(codes))
		}
		for i, a := range codes {
			for j, b := range codes {
				if i != j && strings.HasPrefix(b, a) {
					t.Errorf("%s begins with %s", b, a)
				}
			}
		}
	}
}

func TestFloat24(t *testing.T) {
	for bits, want := range map[uint32]string{0x3f0000: "1", 0xbf8000: "-1.5", 0x400000: "2", 0: "0", 0x000001: "3.308722450212111e-24", 0x7f0000: "+Inf", 0xff0000: "-Inf", 0x7f0001: "NaN"} {
		if got := fmt.Sprint(float24(bits)); got != want {
			t.Errorf("%#x is %s, want %s", bits, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, archive := range []string{"tiff.tar.gz", "tiff-more.tar.gz"} {
		for name, data := range examples(f, archive) {
			if len(data) < 2000 && (strings.Contains(name, "II") || archive != "tiff.tar.gz") {
				f.Add(data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := readAll(data); err != nil && !errors.Is(err, fault.ErrTruncated) && !errors.Is(err, fault.ErrCorrupt) && !errors.Is(err, fault.ErrUnsupported) {
			t.Errorf("%v", err)
		}
	})
}
