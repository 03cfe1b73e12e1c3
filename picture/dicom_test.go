package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// dicomFiles are the members of dicom.tar.gz: files, and their pixels under the file's name with .rgb, .alpha and .ranged.
func dicomFiles(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	readArchive(t, "dicom.tar.gz", func(name string, data []byte) { files[name] = data })
	if len(files) < 150 {
		t.Fatalf("%d members", len(files))
	}
	return files
}

// TestDICOM compares the pixels of files of every kind with what NumPy makes of pydicom's values; make_dicom.py says how.
func TestDICOM(t *testing.T) {
	files, compared := dicomFiles(t), 0
	for name, want := range files {
		options := Options{}
		file, plain := strings.CutSuffix(name, ".rgb")
		if !plain {
			var ranged bool
			if file, ranged = strings.CutSuffix(name, ".ranged"); !ranged {
				continue
			}
			options.Range = "-100..300"
		}
		file = strings.TrimSuffix(file, "#1")
		data, found := files[file]
		if !found {
			continue // another frame, or pydicom's
		}
		compared++
		most := uint8(0)
		if strings.HasPrefix(file, "ybr") || strings.HasPrefix(file, "window-sigmoid") {
			most = 1
		}
		compareDICOM(t, name, data, options, want, most)
		if opacity := files[file+".alpha"]; opacity != nil && plain {
			compareHoles(t, file, data, opacity)
		}
	}
	if compared < 90 {
		t.Errorf("%d compared", compared)
	}
}

// compareDICOM compares a file's pixels at their own size, within so many levels.
func compareDICOM(t *testing.T, name string, data []byte, options Options, want []byte, most uint8) {
	t.Helper()
	options.Width, options.Height = int(binary.LittleEndian.Uint32(want)), int(binary.LittleEndian.Uint32(want[4:]))
	got, err := Decode(data, options)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if largest, mean := difference(got.Pix, want[8:]); largest > int(most) || got.Format != "dicom" {
		t.Errorf("%s: %s differs by up to %d levels, %.3f in the mean", name, got.Format, largest, mean)
	}
}

// compareHoles: the background shows where samples are missing, and nowhere else.
func compareHoles(t *testing.T, name string, data, opacity []byte) {
	t.Helper()
	raster, err := DecodeRaster(data, 0)
	if err != nil || raster.Channels != 4 {
		t.Errorf("%s: %d channels, %v", name, raster.Channels, err)
		return
	}
	for i, present := range opacity {
		if got := raster.Pix[4*i+3]; got != 255*present {
			t.Errorf("%s: pixel %d has opacity %d", name, i, got)
			return
		}
	}
}

// TestDICOMCorpus decodes pydicom's test files: each image has the values of pydicom, or is refused as it should be.
func TestDICOMCorpus(t *testing.T) {
	long(t)
	out, err := exec.Command(script, "path", "pydicom").Output()
	folder := strings.TrimSpace(string(out))
	if _, missing := os.Stat(folder); err != nil || missing != nil {
		t.Skipf("pydicom's test files are not at hand; to fetch them: testdata/picture/corpora.sh (%v, %v)", err, missing)
	}
	sums, err := os.ReadFile(filepath.Join(goldenDir, "dicom.txt"))
	if err != nil {
		t.Fatal(err)
	}
	files, equal, refused := dicomFiles(t), 0, 0
	for line := range strings.Lines(string(sums)) {
		var name, sum string
		var width, height, loose int
		if _, err := fmt.Sscan(line, &name, &width, &height, &loose, &sum); err != nil {
			t.Fatalf("dicom.txt: %q: %v", line, err)
		}
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Error(err)
			continue
		}
		got, err := Decode(data, Options{Width: max(1, width), Height: max(1, height)})
		switch pixels := files["corpus/"+name+".rgb"]; {
		case err != nil:
			refused++
			checkError(t, err)
			if sum != "-" {
				t.Errorf("%s: %v; pydicom decodes it", name, err)
			}
			if strings.HasSuffix(line, "no image\n") && !errors.Is(err, ErrNoPicture) && !strings.Contains(name, "truncated") {
				t.Errorf("%s: %v, which is no image", name, err)
			}
		case sum == "-":
			t.Errorf("%s: decoded as %s, which pydicom refuses", name, got.Format)
		case loose > 0 && pixels != nil:
			equal++
			compareDICOM(t, name, data, Options{}, pixels, uint8(loose))
		default:
			equal++
			if have := fmt.Sprintf("%08x", crc32.ChecksumIEEE(got.Pix)); have != sum {
				t.Errorf("%s: pixels with sum %s, pydicom's have %s", name, have, sum)
			}
		}
	}
	t.Logf("%d files with pydicom's values, %d refused", equal, refused)
}

// TestDICOMRefused: what is not decoded is called unsupported, with what to do about it, and what is no image so.
func TestDICOMRefused(t *testing.T) {
	files := dicomFiles(t)
	patched := func(name, old, with string) []byte {
		if len(old) != len(with) || !bytes.Contains(files[name], []byte(old)) {
			t.Fatalf("%s: %q", name, old)
		}
		return bytes.Replace(files[name], []byte(old), []byte(with), 1)
	}
	set := files["jpeg-grey.dcm"]
	set = set[bytes.Index(set, []byte("\x08\x00\x16\x00UI")):]
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"video":     {dicomOf("1.2.840.10008.1.2.4.102", set), "MPEG-4"},
		"partial":   {patched("ybr-full-422.dcm", "YBR_FULL_422", "YBR_PART_422"), "colours"},
		"function":  {patched("window-sigmoid.dcm", "SIGMOID", "SPECIAL"), "--range"},
		"no image":  {dicomOf("1.2.840.10008.1.2.1", []byte("\x08\x00\x60\x00CS\x02\x00SR")), "without an image"},
		"24 bits":   {patched("mono16.dcm", "\x28\x00\x00\x01US\x02\x00\x10", "\x28\x00\x00\x01US\x02\x00\x18"), "24 bits"},
		"64 bits":   {patched("mono16.dcm", "\x28\x00\x00\x01US\x02\x00\x10", "\x28\x00\x00\x01US\x02\x00\x40"), "64 bits"},
		"elsewhere": {patched("jpeg-grey.dcm", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.94"), "JPIP"},
	} {
		_, err := Decode(test.data, small)
		if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), test.want) || errors.Is(err, ErrNoPicture) != (name == "no image") {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	for name, want := range map[string]bool{"DICOMDIR": false, "1.2.840.1": true} {
		head := slices.Concat(make([]byte, 128), []byte("DICM\x02\x00\x02\x00UI\x14\x001.2.840.10008.1.3.10"))
		if want {
			head = files["mono8.dcm"]
		}
		if got := Decodes(name, head); got != want {
			t.Errorf("%s is an image: %v", name, got)
		}
	}
}

// TestDICOMTruncated cuts files within their pixels.
func TestDICOMTruncated(t *testing.T) {
	for name, data := range dicomFiles(t) {
		if !strings.HasSuffix(name, ".dcm") || strings.Contains(name, "frames") {
			continue
		}
		for _, cut := range []int{len(data) - 20, len(data) * 4 / 5, 300} {
			_, err := Decode(data[:cut], small)
			if !errors.Is(err, ErrTruncated) && !(errors.Is(err, ErrNoPicture) && cut == 300) {
				t.Errorf("%s, %d of %d bytes: %v", name, cut, len(data), err)
			}
		}
	}
}
