package heif

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

	"fovea/picture/internal/fault"
	"fovea/picture/internal/picturetest"
)

// goldens are the files of testdata/picture/heif.tar.gz.
func goldens(t testing.TB) map[string][]byte {
	t.Helper()
	return picturetest.Files(t, "../../../testdata/picture/heif.tar.gz")
}

func TestRead(t *testing.T) {
	files := goldens(t)
	for _, test := range []struct {
		name string
		want File // but for Pixels, End and the notes
	}{
		{"420.heic", File{Codec: "hvc1", Width: 70, Height: 52, Orientation: 1}}, // which an aperture cuts out of 72x64
		{"irot-1-imir-None.heic", File{Codec: "hvc1", Width: 64, Height: 128, Orientation: 1}},
		{"clap.heic", File{Codec: "hvc1", Width: 40, Height: 30, Orientation: 1}},
		{"clap-irot.heic", File{Codec: "hvc1", Width: 30, Height: 40, Orientation: 1}},
		{"grid.heic", File{Codec: "hvc1", Width: 170, Height: 120, Orientation: 1}},
		{"collection.heic", File{Codec: "hvc1", Width: 128, Height: 64, Orientation: 1}},
		{"irot-1-imir-None.avif", File{Codec: "av01", Width: 70, Height: 52, Orientation: 8}},
		{"irot-3-imir-0.avif", File{Codec: "av01", Width: 70, Height: 52, Orientation: 7}},
		{"clap.avif", File{Codec: "av01", Width: 70, Height: 52, Orientation: 1}},
		{"animated.avif", File{Codec: "av01", Width: 48, Height: 36, Orientation: 1}},
		{"vvc-inside.heif", File{Codec: "vvc1", Width: 128, Height: 64, Orientation: 1}},
	} {
		data := files[test.name]
		got, err := Read(data)
		if err != nil || got.Codec != test.want.Codec || got.Width != test.want.Width || got.Height != test.want.Height || got.Orientation != test.want.Orientation {
			t.Errorf("%s: %+v, %v, want %+v", test.name, got, err, test.want)
		}
		if got.End > int64(len(data)) || got.Pixels < int64(test.want.Width*test.want.Height) {
			t.Errorf("%s of %d bytes: %+v", test.name, len(data), got)
		}
	}
	for name, pixels := range map[string]int64{"grid.heic": 6 * 64 * 64, "grid.avif": 4 * 64 * 64, "alpha.avif": 2 * 70 * 52, "premultiplied.heic": 2 * 128 * 64, "gain-map.heic": 128 * 64} {
		if got, err := Read(files[name]); err != nil || got.Pixels != pixels {
			t.Errorf("%s: %d pixels, want %d, %v", name, got.Pixels, pixels, err)
		}
	}
	if got, err := Read(files["xmp-6.avif"]); err != nil || !bytes.Contains(got.XMP, []byte("Orientation")) || got.Exif != nil {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := Read(files["exif-6.avif"]); err != nil || !bytes.HasPrefix(got.Exif, []byte("MM")) && !bytes.HasPrefix(got.Exif, []byte("II")) {
		t.Errorf("%+v, %v", got, err)
	}
}

// A part of an image whose kind is nowhere named is a fault, not an image of no kind.
func TestPartsWithoutKind(t *testing.T) {
	for name, item := range map[string]int{"alpha.avif": 2, "premultiplied.heic": 2, "grid.heic": 3} {
		data := bytes.Clone(goldens(t)[name])
		at := 0
		for range item {
			at += bytes.Index(data[at:], []byte("infe")) + 4
		}
		data[at] = 1 // a version that has no kind
		if got, err := Read(data); !errors.Is(err, fault.ErrCorrupt) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// A track that does not say how its frames are coded is a fault, and so is one whose boxes stand in each other more often
// than any writer has them.
func TestOddTracks(t *testing.T) {
	data, err := os.ReadFile("../../../testdata/picture/frames/pillow.avif")
	if err != nil {
		t.Fatal(err)
	}
	unsaid := bytes.Clone(data)
	copy(unsaid[bytes.Index(data, []byte("stsd")):], "free")
	nested := []byte{}
	for range 20 {
		nested = append(binary.BigEndian.AppendUint32(nil, uint32(8+len(nested))), append([]byte("mdia"), nested...)...)
	}
	deep := slices.Concat(box("ftyp", []byte("avis\x00\x00\x00\x00avis")), box("moov", box("trak", nested)))
	for name, data := range map[string][]byte{"no codec": unsaid, "deep": deep} {
		if got, err := Read(data); !errors.Is(err, fault.ErrCorrupt) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func box(kind string, content ...[]byte) []byte {
	all := slices.Concat(content...)
	return slices.Concat(binary.BigEndian.AppendUint32(nil, uint32(8+len(all))), []byte(kind), all)
}

// The parts of an image are counted as often as they are one: grids of grids that name the same parts over and over are
// refused before they take time.
func TestPartsOfParts(t *testing.T) {
	const grids, repeated = 4, 20
	full, infos, references := make([]byte, 4), [][]byte{{0, 0, 0, 0, 0, grids + 1}}, [][]byte{make([]byte, 4)}
	for id := byte(1); id <= grids; id++ {
		infos = append(infos, box("infe", []byte{2, 0, 0, 0, 0, id, 0, 0}, []byte("grid\x00")))
		references = append(references, box("dimg", []byte{0, id, 0, repeated}, bytes.Repeat([]byte{0, id + 1}, repeated)))
	}
	infos = append(infos, box("infe", []byte{2, 0, 0, 0, 0, grids + 1, 0, 0}, []byte("hvc1\x00")))
	data := slices.Concat(box("ftyp", []byte("heic\x00\x00\x00\x00heic")),
		box("meta", full, box("pitm", full, []byte{0, 1}), box("iinf", infos...), box("iref", references...)))
	if _, err := Read(data); !errors.Is(err, fault.ErrCorrupt) || !strings.Contains(err.Error(), "more than") {
		t.Error(err)
	}
}

// Lists that take no bytes of the file, and those that are there over and over, take little memory.
func TestRepeatedLists(t *testing.T) {
	full, avif := make([]byte, 4), box("ftyp", []byte("avis\x00\x00\x00\x00avis"))
	var places, entries [][]byte
	for id := range 1000 {
		places = append(places, box("iloc", full, []byte{0, 0, 0, 1, byte(id >> 8), byte(id), 0, 0, 0xff, 0xff}))
	}
	for range 10_000 {
		entries = append(entries, box("stsd", full, []byte{0, 0, 0, 1}, box("av01", make([]byte, 78), box("irot", []byte{1}))))
	}
	for name, data := range map[string][]byte{
		"places": slices.Concat(avif, box("meta", full, slices.Concat(places...))),
		"codecs": slices.Concat(avif, box("moov", box("trak", slices.Concat(entries...)))),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Read(data)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 32<<20 || !errors.Is(err, fault.ErrCorrupt) {
			t.Errorf("%s: %d bytes, %v", name, used, err)
		}
	}
}

// Parts of an image that have long lists cost what these are long, however often they are one.
func TestLongLists(t *testing.T) {
	full, repeated := make([]byte, 4), 1000
	infos := slices.Concat(box("infe", []byte{2, 0, 0, 0, 0, 1, 0, 0}, []byte("grid\x00")), box("infe", []byte{2, 0, 0, 0, 0, 2, 0, 0}, []byte("hvc1\x00")))
	data := slices.Concat(box("ftyp", []byte("heic\x00\x00\x00\x00heic")), box("meta", full, box("pitm", full, []byte{0, 1}),
		box("iinf", full, []byte{0, 2}, infos),
		box("iloc", full, []byte{0, 0, 0, 1, 0, 2, 0, 0, 0xff, 0xff}), // 65,535 extents of the second
		box("iref", full, box("dimg", []byte{0, 1, byte(repeated >> 8), byte(repeated)}, bytes.Repeat([]byte{0, 2}, repeated)))))
	if _, err := Read(data); !errors.Is(err, fault.ErrCorrupt) || !strings.Contains(err.Error(), "more than") {
		t.Error(err)
	}
}

// Of several notes of a kind the last one counts, as for libavif, whatever their order in memory.
func TestSeveralNotes(t *testing.T) {
	const notes = 8
	full, head := make([]byte, 4), box("ftyp", []byte("avif\x00\x00\x00\x00avif"))
	infos := [][]byte{full, {0, notes + 1}, box("infe", []byte{2, 0, 0, 0, 0, 1, 0, 0}, []byte("av01\x00"))}
	places, references, texts := [][]byte{full, {0x44, 0, 0, notes}}, [][]byte{full}, []byte{}
	for i := range byte(notes) {
		text := fmt.Appendf(nil, "<x:xmpmeta>%d", i)
		at := len(head) + 8 + len(texts)
		infos = append(infos, box("infe", []byte{2, 0, 0, 0, 0, 2 + i, 0, 0}, []byte("mime\x00")))
		places = append(places, []byte{0, 2 + i, 0, 0, 0, 1, 0, 0, byte(at >> 8), byte(at), 0, 0, 0, byte(len(text))})
		references = append(references, box("cdsc", []byte{0, 2 + i, 0, 1, 0, 1}))
		texts = append(texts, text...)
	}
	size := box("ispe", full, []byte{0, 0, 0, 5, 0, 0, 0, 7})
	data := slices.Concat(head, box("mdat", texts), box("meta", full, box("pitm", full, []byte{0, 1}), box("iinf", infos...), box("iloc", places...),
		box("iref", references...), box("iprp", box("ipco", size), box("ipma", full, []byte{0, 0, 0, 1, 0, 1, 1, 1}))))
	for range 20 {
		if got, err := Read(data); err != nil || got.Width != 5 || string(got.XMP) != fmt.Sprintf("<x:xmpmeta>%d", notes-1) {
			t.Fatalf("%+v, %q, %v", got, got.XMP, err)
		}
	}
}

// FuzzRead: whatever a file says, it is read in little memory and with plausible results, or refused with a reason.
func FuzzRead(f *testing.F) {
	for _, data := range goldens(f) {
		f.Add(data[:min(len(data), 900)])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := Read(data)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 32<<20+uint64(len(data))*200 {
			t.Fatalf("%d bytes for a file of %d", used, len(data))
		}
		if err != nil {
			if !errors.Is(err, fault.ErrTruncated) && !errors.Is(err, fault.ErrCorrupt) && !errors.Is(err, fault.ErrUnsupported) || err.Error() == "" {
				t.Fatal(err)
			}
			return
		}
		if got.Width < 1 || got.Height < 1 || got.Orientation < 1 || got.Orientation > 8 || got.Pixels < 0 || got.End < 0 || got.Codec == "" {
			t.Fatalf("%+v", got)
		}
	})
}

// Animations say how many frames they have and how long those show, whatever their lists say.
func TestReadFrames(t *testing.T) {
	data, err := os.ReadFile("../../../testdata/picture/frames/pillow.avif")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(data)
	if err != nil || got.Frames != 5 || got.Timescale == 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	var seconds []float64
	for _, run := range got.Durations {
		for range run.Frames {
			seconds = append(seconds, float64(run.Duration)/float64(got.Timescale))
		}
	}
	if want := []float64{.01, .02, .03, .04, .05}; !slices.Equal(seconds, want) {
		t.Errorf("frames show for %v s, want %v", seconds, want)
	}
	at := bytes.Index(data, []byte("stts")) + 8
	for name, test := range map[string]struct {
		count uint32
		want  error
	}{"more than there are": {1 << 31, fault.ErrCorrupt}, "none": {0, nil}} {
		lie := bytes.Clone(data)
		binary.BigEndian.PutUint32(lie[at:], test.count)
		got, err := Read(lie)
		if !errors.Is(err, test.want) || err == nil && len(got.Durations) != 0 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
