package hdf5

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/x448/float16"
)

// array is what make_files.py says of one of its arrays.
type array struct {
	Shape []uint64
	DType string
	Rule  string
	Salt  uint64
}

type list struct {
	Files   map[string]map[string]array
	Refused map[string]string
}

// content reads a file of testdata or of another directory, where it is not compressed.
func content(t testing.TB, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err == nil {
		return data
	}
	file, err := os.Open(filepath.Join("testdata", name+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	if data, err = io.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	return data
}

func readList(t testing.TB, dir string) list {
	t.Helper()
	var l list
	if err := json.Unmarshal(content(t, dir, "files.json"), &l); err != nil {
		t.Fatal(err)
	}
	return l
}

func open(t testing.TB, data []byte) *File {
	t.Helper()
	f, err := Open(bytes.NewReader(data), int64(len(data)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// value is element i of an array by its rule, as make_files.py words it.
func (a array) value(i uint64, columns uint64) float64 {
	kind, size := a.DType[1], a.DType[2]
	switch {
	case a.Rule == "noise":
		return float64((i*2654435761+a.Salt)%(1<<32))/(1<<20) - 2048
	case a.Rule == "steps":
		return float64(i>>14%251) - 125
	case a.Rule == "sevens", a.Rule == "fill" && i >= 2*columns:
		return 7
	}
	v := float64((i*7919+a.Salt)%509) - 254
	switch {
	case kind == 'u':
		return math.Mod(math.Abs(v), 128)
	case kind == 'i' && size == '1':
		return math.Trunc(v / 2)
	case kind == 'i':
		return v
	}
	return v / 8
}

// element decodes element i.
func element(data []byte, t Type, i uint64) float64 {
	raw := data[i*uint64(t.Size):][:t.Size]
	var bits uint64
	for j, b := range raw {
		bits |= uint64(b) << (8 * j)
	}
	switch {
	case t.Class == ClassFloat && t.Size == 2:
		return float64(float16.Frombits(uint16(bits)).Float32())
	case t.Class == ClassFloat && t.Size == 4:
		return float64(math.Float32frombits(uint32(bits)))
	case t.Class == ClassFloat:
		return math.Float64frombits(bits)
	case t.Signed:
		shift := 64 - 8*t.Size
		return float64(int64(bits<<shift) >> shift)
	}
	return float64(bits)
}

// checkFile compares all arrays of a file with what they must be, element by element.
func checkFile(t *testing.T, data []byte, want map[string]array) {
	t.Helper()
	found := map[string]bool{}
	err := open(t, data).Walk(func(path string, d *Dataset) error {
		a, ok := want[strings.TrimPrefix(path, "/")]
		if !ok {
			return nil
		}
		found[strings.TrimPrefix(path, "/")] = true
		if !slices.Equal(d.Shape, a.Shape) {
			t.Errorf("%s has the shape %v, want %v", path, d.Shape, a.Shape)
			return nil
		}
		values, err := d.Read()
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return nil
		}
		count, _ := product(a.Shape)
		if uint64(len(values)) != count*uint64(d.Type.Size) {
			t.Errorf("%s has %d bytes, want %d elements of %d", path, len(values), count, d.Type.Size)
			return nil
		}
		columns := uint64(1)
		if len(a.Shape) > 0 {
			columns = count / a.Shape[0]
		}
		for i := range count {
			wanted := a.value(i, columns)
			if d.Type.Size == 4 && d.Type.Class == ClassFloat {
				wanted = float64(float32(wanted))
			}
			if got := element(values, d.Type, i); got != wanted {
				t.Errorf("%s: element %d is %v, want %v", path, i, got, wanted)
				return nil
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for path := range want {
		if !found[path] {
			t.Errorf("%s was not found", path)
		}
	}
}

// TestFiles reads every layout, filter, type and index that h5py writes, in each version of
// the format. FOVEA_HDF5_FILES=DIR takes those that make_files.py wrote to DIR.
func TestFiles(t *testing.T) {
	dir := os.Getenv("FOVEA_HDF5_FILES")
	for name, arrays := range readList(t, dir).Files {
		t.Run(name, func(t *testing.T) { checkFile(t, content(t, dir, name), arrays) })
	}
}

func TestOtherObjects(t *testing.T) {
	for _, name := range []string{"everything_earliest.h5", "everything_latest.h5"} {
		found := map[string]string{}
		err := open(t, content(t, "", name)).Walk(func(path string, d *Dataset) error {
			if d == nil {
				found[path] = "link"
				return nil
			}
			values, err := d.Read()
			switch {
			case errors.Is(err, ErrUnsupported):
				found[path] = d.Type.Name
			case err != nil:
				t.Errorf("%s: %v", path, err)
			case len(values) == 0:
				found[path] = "empty"
			default:
				found[path] = "read"
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		for path, want := range map[string]string{
			"/soft": "link", "/external": "link", "/text": "variable-length", "/flags": "enumeration", "/pairs": "compound",
			"/empty": "empty", "/none": "empty", "/types/again": "read", "/of_named_type": "read", "/named_type": "",
		} {
			if found[path] != want {
				t.Errorf("%s: %s is %q, want %q", name, path, found[path], want)
			}
		}
	}
}

func TestRefuses(t *testing.T) {
	refused := readList(t, "").Refused
	err := open(t, content(t, "", "refused.h5")).Walk(func(path string, d *Dataset) error {
		want := refused[path[1:]]
		delete(refused, path[1:])
		if values, err := d.Read(); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v (%d bytes), want one with %q", path, err, len(values), want)
		}
		return nil
	})
	if err != nil || len(refused) != 0 {
		t.Errorf("%v; left: %v", err, refused)
	}
	err = open(t, content(t, "", "refused_type.h5")).Walk(func(string, *Dataset) error { return nil })
	if !errors.Is(err, ErrUnsupported) {
		t.Errorf("error of a strange type is %v", err)
	}
}

func TestText(t *testing.T) {
	for _, version := range []string{"earliest", "latest"} {
		f := open(t, content(t, "", "groups_"+version+".h5"))
		for name, want := range map[string]string{
			"model_config": `{"class_name": "Sequential", "text": "` + strings.Repeat("ä€", 2000) + `"}`,
			"as_bytes":     "bytes",
			"fixed":        "fixed length",
		} {
			if got, ok, err := f.Text(name); err != nil || !ok || got != want {
				t.Errorf("%s: %s is %.50q, %v, %v", version, name, got, ok, err)
			}
		}
		if _, ok, err := f.Text("absent"); ok || err != nil {
			t.Errorf("an absent attribute: %v, %v", ok, err)
		}
		if _, _, err := f.Text("number"); !errors.Is(err, ErrUnsupported) {
			t.Errorf("a number as text: %v", err)
		}
		f = open(t, content(t, "", "attributes_"+version+".h5"))
		if got, ok, err := f.Text("model_config"); err != nil || !ok || got != "config among many" {
			t.Errorf("%s: model_config is %q, %v, %v", version, got, ok, err)
		}
	}
}

// TestDamage changes each byte of small files, one at a time. None may be read with other
// values where checksums are, and nothing may panic.
func TestDamage(t *testing.T) {
	for _, name := range []string{"user_block.h5", "attributes_latest.h5"} {
		data := content(t, "", name)
		for at := 0; at < len(data); at += 3 {
			changed := bytes.Clone(data)
			changed[at] ^= 0x41
			_ = readAll(changed)
		}
		for n := 0; n < len(data); n += 7 {
			if n > 0 && readAll(data[:n]) == nil {
				t.Errorf("%s: %d bytes of %d were read without an error", name, n, len(data))
			}
		}
	}
}

func readAll(data []byte) error {
	f, err := Open(bytes.NewReader(data), int64(len(data)), nil)
	if err != nil {
		return err
	}
	if _, _, err := f.Text("model_config"); err != nil {
		return err
	}
	return f.Walk(func(_ string, d *Dataset) error {
		if d == nil || d.Type.Class == ClassOther {
			return nil
		}
		if _, _, err := d.Text("dtype"); err != nil {
			return err
		}
		_, err := d.Read()
		return err
	})
}

func TestChecksums(t *testing.T) {
	// Of Jenkins's own test program.
	for text, want := range map[string]uint32{"": 0xdeadbeef, "Four score and seven years ago": 0x17770551} {
		if got := lookup3([]byte(text)); got != want {
			t.Errorf("lookup3(%q) is %#x, want %#x", text, got, want)
		}
	}
	if got := fletcher32(bytes.Repeat([]byte{0xff}, 4000)); got != 0xffffffff {
		t.Errorf("fletcher32 is %#x", got)
	}
}

// TestLZFOverlap has a reference that reaches into what it writes.
func TestLZFOverlap(t *testing.T) {
	out, err := unLZF(make([]byte, 20), []byte{1, 'a', 'b', 0xe0, 5, 1})
	if want := "ab" + strings.Repeat("ab", 7); err != nil || string(out) != want {
		t.Errorf("%q, %v; want %q", out, err, want)
	}
	for _, bad := range [][]byte{{3, 'a'}, {0x20}, {0x20, 0}, {0xe0, 1}, {1, 'a', 'b', 0x20, 9}, {0xe0}} {
		if out, err := unLZF(make([]byte, 20), bad); err == nil {
			t.Errorf("%v was decompressed to %v", bad, out)
		}
	}
}

// FuzzRead looks for a file that makes the reader panic, hang or take memory that the file
// does not account for.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"user_block.h5", "attributes_earliest.h5", "attributes_latest.h5", "refused.h5"} {
		f.Add(content(f, "", name))
	}
	f.Add([]byte(signature))
	f.Add(binary.LittleEndian.AppendUint64([]byte(signature+"\x02\x08\x08\x00"), 0))
	f.Fuzz(func(_ *testing.T, data []byte) { _ = readAll(data) })
}
