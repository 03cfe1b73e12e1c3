package dicom

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"fovea/picture/internal/fault"
	"fovea/picture/internal/picturetest"
)

// examples are the files of testdata/picture/dicom.tar.gz, which make_dicom.py wrote.
func examples(t testing.TB) map[string][]byte {
	t.Helper()
	files := picturetest.Files(t, "../../../testdata/picture/dicom.tar.gz")
	maps.DeleteFunc(files, func(name string, _ []byte) bool { return !strings.HasSuffix(name, ".dcm") })
	return files
}

func isReason(err error) bool {
	return errors.Is(err, ErrNoImage) || errors.Is(err, fault.ErrUnsupported) || errors.Is(err, fault.ErrTruncated) || errors.Is(err, fault.ErrCorrupt) || errors.Is(err, fault.ErrStopped)
}

// TestSingle: a frame by itself has the image and the bytes that it has in its file, and nothing of the patient.
func TestSingle(t *testing.T) {
	for name, data := range examples(t) {
		f, err := Parse(data, Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if strings.Contains(name, "frames") != (f.Frames > 1) {
			t.Errorf("%s has %d frames", name, f.Frames)
		}
		for i := range f.Frames {
			want, err := f.At(i)
			if err != nil {
				t.Fatal(err)
			}
			frame, err := f.Frame(i)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			single, err := f.Single(i)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			again, err := Parse(single, Options{})
			if err != nil {
				t.Errorf("%s: frame %d: %v", name, i+1, err)
				continue
			}
			got, err := again.Frame(0)
			if again.Frames != 1 || !reflect.DeepEqual(again.Image, want) || err != nil || !bytes.HasPrefix(got, frame) {
				t.Errorf("%s: frame %d is\n%+v, was\n%+v; %d of %d bytes, %v", name, i+1, again.Image, want, len(got), len(frame), err)
			}
			if bytes.Contains(single, []byte("SECRET")) || bytes.Contains(single, []byte("Nobody")) {
				t.Errorf("%s: frame %d has the patient's name", name, i+1)
			}
		}
	}
}

// TestTruncatedFiles: a file that is cut off says so, wherever that is, and no error has the patient's name.
func TestTruncatedFiles(t *testing.T) {
	for name, data := range examples(t) {
		for cut := 0; cut < len(data)-2; cut += 1 + len(data)/60 {
			f, err := Parse(data[:cut], Options{})
			if err == nil {
				_, err = f.Frame(f.Frames - 1)
			}
			if err == nil && f.Coding != Native {
				continue // shown by its decoder
			}
			if !isReason(err) || cut > 600 && !errors.Is(err, fault.ErrTruncated) && !errors.Is(err, ErrNoImage) && f == nil && !strings.Contains(name, "deflated") {
				t.Errorf("%s, %d of %d bytes: %v", name, cut, len(data), err)
			}
			if err != nil && strings.Contains(strings.ToUpper(err.Error()), "SECRET") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestShows are the times of frames.
func TestShows(t *testing.T) {
	f, err := Parse(examples(t)["enhanced-frames.dcm"], Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Shows(); len(got) != 4 || got[0] != 40*time.Millisecond || got[3] != got[0] {
		t.Errorf("times %v", got)
	}
	f.set = set{tagCineRate: {vr: "IS", value: []byte("1e-300")}} // a frame shows for longer than there are numbers for
	if f.Shows() != nil {
		t.Errorf("times %v", f.Shows())
	}
	if f, err = Parse(examples(t)["rgb8-frames.dcm"], Options{}); err != nil || f.Shows() != nil {
		t.Errorf("times %v, %v", f.Shows(), err)
	}
}

// nested is a data set of sequences within sequences.
func nested(depth int) []byte {
	out := append(make([]byte, 128), "DICM"...)
	for range depth {
		out = append(out, 0x08, 0, 0x40, 0x11, 'S', 'Q', 0, 0, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff)
	}
	return out
}

// hostile are files that claim more than they have.
func hostile(t testing.TB) map[string][]byte {
	frames := examples(t)["rgb8-frames.dcm"]
	at := bytes.Index(frames, []byte("\x28\x00\x08\x00IS\x02\x003 "))
	if at < 0 {
		t.Fatal("no NumberOfFrames")
	}
	many := append(bytes.Clone(frames[:at]), "\x28\x00\x08\x00IS\x0c\x002147483647  "...)
	many = append(many, frames[at+10:]...)
	lut := bytes.Clone(examples(t)["voi-lut.dcm"])
	descriptor := bytes.Index(lut, []byte("\x28\x00\x02\x30US\x06\x00"))
	binary.LittleEndian.PutUint16(lut[descriptor+8:], 60000)
	return map[string][]byte{
		"nesting": nested(100_000), "frames": many, "table": lut,
		"length": append(append(make([]byte, 128), "DICM\x08\x00\x16\x00UN\x00\x00\xf0\xff\xff\xff"...), 1, 2, 3),
	}
}

// TestHostile files are refused.
func TestHostile(t *testing.T) {
	for name, data := range hostile(t) {
		start := time.Now()
		_, err := Parse(data, Options{})
		if !errors.Is(err, fault.ErrCorrupt) && !errors.Is(err, fault.ErrTruncated) || time.Since(start) > time.Second {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRLE: segments end where they should.
func TestRLE(t *testing.T) {
	frame := make([]byte, 64, 80)
	frame[0], frame[4] = 1, 64
	for _, test := range []struct {
		segment string
		want    string
		err     error
	}{
		{"\x02abc", "abc", nil}, {"\xfeab", "aaa", nil}, {"\xfea\x80", "aaa", nil}, {"\x80\x00a\xffb", "abb", nil}, {"\xf0a", "aaa", nil},
		{"\x03ab", "", fault.ErrTruncated}, {"\x07abcdefgh", "abc", nil}, {"", "", fault.ErrTruncated},
	} {
		dst := make([]byte, 3)
		err := DecodeRLE(dst, append(frame[:64:64], test.segment...), 1, nil)
		if test.err == nil && (err != nil || string(dst) != test.want) || test.err != nil && !errors.Is(err, test.err) {
			t.Errorf("%q gives %q, %v", test.segment, dst, err)
		}
	}
	if err := DecodeRLE(make([]byte, 3), frame, 2, nil); !errors.Is(err, fault.ErrCorrupt) {
		t.Errorf("two segments: %v", err)
	}
}

// TestSegmented expands tables: values, lines, and repetitions.
func TestSegmented(t *testing.T) {
	words := packed([]uint16{0, 2, 10, 20, 1, 3, 80, 2, 2, 0, 0})
	got, err := segmented(words, 10, 16)
	if want := []uint16{10, 20, 40, 60, 80, 10, 20, 40, 60, 80}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	empty := make([]uint16, 60) // segments of no values, which are repeated more often than they can be of use
	for range 5 {
		empty = append(empty, 2, 30, 0, 0)
	}
	empty = append(empty, 0, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
	for _, bad := range [][]uint16{empty, {1, 3, 80}, {2, 1, 0, 0}, {0, 9, 1}, {0, 1, 5, 2, 65535, 0, 0}, {9, 9}, {}} {
		if got, err := segmented(packed(bad), 10, 16); !errors.Is(err, fault.ErrCorrupt) {
			t.Errorf("%v gives %v, %v", bad, got, err)
		}
	}
}

// FuzzParse: whatever a file says, it is parsed or refused with a reason, and so are its frames.
func FuzzParse(f *testing.F) {
	for _, data := range examples(f) {
		if len(data) < 4000 {
			f.Add(data)
		}
	}
	for _, data := range hostile(f) {
		f.Add(data[:min(len(data), 4000)])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		Imageless(data)
		file, err := Parse(data, Options{})
		if err != nil {
			if !isReason(err) {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		if file.Memory() > 64<<20 || file.Inflated() > 64<<20 {
			return
		}
		file.Shows()
		for _, i := range []int{0, file.Frames / 2, file.Frames - 1} {
			if _, err := file.Single(i); err != nil && !isReason(err) {
				t.Fatalf("frame %d: %T: %v", i, err, err)
			}
		}
	})
}
