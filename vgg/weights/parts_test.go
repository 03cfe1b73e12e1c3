package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/snappy"
	"github.com/x448/float16"
	"google.golang.org/protobuf/encoding/protowire"
)

// tableOf writes a table as LevelDB does, of blocks of some entries, every other one compressed.
func tableOf(r *rand.Rand, keys []string, values map[string][]byte) []byte {
	var table, index []byte
	block := func(entries []byte, restarts int, compressed bool) []byte {
		for range restarts {
			entries = binary.LittleEndian.AppendUint32(entries, 0)
		}
		entries = binary.LittleEndian.AppendUint32(entries, uint32(restarts))
		kind := byte(compressedNot)
		if compressed {
			entries, kind = snappy.Encode(nil, entries), compressedBySnappy
		}
		at := binary.AppendUvarint(binary.AppendUvarint(nil, uint64(len(table))), uint64(len(entries)))
		table = append(append(table, entries...), kind)
		table = binary.LittleEndian.AppendUint32(table, maskedCRC(entries, []byte{kind}))
		return at
	}
	entry := func(to []byte, before, key string, value []byte) []byte {
		shared := 0
		for shared < min(len(before), len(key)) && before[shared] == key[shared] {
			shared++
		}
		to = binary.AppendUvarint(to, uint64(shared))
		to = binary.AppendUvarint(to, uint64(len(key)-shared))
		to = binary.AppendUvarint(to, uint64(len(value)))
		return append(append(to, key[shared:]...), value...)
	}
	for i := 0; len(keys) > 0; i++ {
		n := min(1+r.IntN(5), len(keys))
		var entries []byte
		before := ""
		for _, key := range keys[:n] {
			entries = entry(entries, before, key, values[key])
			before = key
		}
		index = entry(index, "", keys[n-1], block(entries, 1+r.IntN(3), i%2 == 1))
		keys = keys[n:]
	}
	where := block(index, 1, false)
	footer := append(binary.AppendUvarint(binary.AppendUvarint(nil, 0), 0), where...)
	footer = append(footer, make([]byte, sstableFooter-8-len(footer))...)
	return binary.LittleEndian.AppendUint64(append(table, footer...), sstableMagic)
}

func readTable(data []byte) (map[string][]byte, []string, error) {
	values, keys := map[string][]byte{}, []string(nil)
	err := sstableEntries(data, nil, func(key, value []byte) error {
		keys = append(keys, string(key))
		values[string(key)] = bytes.Clone(value)
		return nil
	})
	return values, keys, err
}

// Tables give back what was written in them, in order; a changed byte of a block is noticed.
func TestTables(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 1))
	for range 60 {
		want, keys := map[string][]byte{}, []string(nil)
		for range 1 + r.IntN(30) {
			key := strings.Repeat([]string{"layer/", "a"}[r.IntN(2)], r.IntN(4)) + fmt.Sprint(r.IntN(1000))
			if want[key] == nil {
				keys = append(keys, key)
			}
			want[key] = bytes.Repeat([]byte{byte(r.Uint32())}, r.IntN(300))
		}
		slices.Sort(keys)
		table := tableOf(r, keys, want)
		got, order, err := readTable(table)
		if err != nil || !slices.Equal(order, keys) {
			t.Fatalf("%v, keys %q, want %q", err, order, keys)
		}
		for key, value := range want {
			if !bytes.Equal(got[key], value) {
				t.Fatalf("%q is %d bytes, want %d", key, len(got[key]), len(value))
			}
		}
		for range 40 {
			changed := bytes.Clone(table)
			at := r.IntN(len(table) - sstableFooter)
			changed[at] ^= 1 << r.IntN(8)
			if _, _, err := readTable(changed); !errors.Is(err, ErrFormat) {
				t.Fatalf("byte %d of %d was changed: %v", at, len(table), err)
			}
			if _, _, err := readTable(table[:at]); !errors.Is(err, ErrFormat) {
				t.Fatalf("cut to %d of %d bytes: %v", at, len(table), err)
			}
		}
	}
}

// A block that promises more than it has is refused before memory is taken for it.
func TestTableBlocks(t *testing.T) {
	block := func(kind byte, data ...byte) ([]byte, handle) {
		all := append(bytes.Clone(data), kind)
		return binary.LittleEndian.AppendUint32(all, maskedCRC(data, []byte{kind})), handle{0, uint64(len(data))}
	}
	for name, test := range map[string]struct {
		kind byte
		data []byte
		want string
	}{
		"an unknown compression": {7, []byte("data"), "compressed in an unknown way (7)"},
		"a bomb":                 {compressedBySnappy, binary.AppendUvarint(nil, 1<<30), "a compressed block"},
		"not snappy":             {compressedBySnappy, []byte{4, 0xff, 0xff}, "its block at 0"},
	} {
		data, where := block(test.kind, test.data...)
		if _, err := sstableBlock(data, where, 1<<20, nil); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	data, _ := block(compressedNot, 1, 2, 3)
	for _, where := range []handle{{0, 4}, {9, 0}, {1 << 63, 1 << 63}, {0, math.MaxUint64}} {
		if _, err := sstableBlock(data, where, 100, nil); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "outside the file") {
			t.Errorf("%v: %v", where, err)
		}
	}
	for name, entries := range map[string][]byte{
		"nothing": nil, "restarts beyond it": {0xff, 0, 0, 0}, "shared with nothing": {1, 0, 0, 0, 0, 0, 0}, "a key beyond it": {0, 9, 0, 0, 0, 0, 0},
		"a value beyond it": {0, 0, 9, 0, 0, 0, 0}, "half a number": {0x80, 0, 0, 0, 0},
	} {
		if err := blockEntries(entries, func(_, _ []byte) error { return nil }); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Repeated numbers are read packed or not, and mixed as the format allows.
func TestWire(t *testing.T) {
	var message []byte
	message = protowire.AppendVarint(protowire.AppendTag(message, 1, protowire.VarintType), 300)
	message = protowire.AppendBytes(protowire.AppendTag(message, 1, protowire.BytesType), []byte{1, 0x80, 0x01})
	message = protowire.AppendFixed32(protowire.AppendTag(message, 2, protowire.Fixed32Type), math.Float32bits(1.5))
	message = protowire.AppendBytes(protowire.AppendTag(message, 2, protowire.BytesType), binary.LittleEndian.AppendUint32(nil, math.Float32bits(-2)))
	message = protowire.AppendFixed64(protowire.AppendTag(message, 3, protowire.Fixed64Type), math.Float64bits(0.25))
	message = protowire.AppendTag(protowire.AppendTag(message, 4, protowire.StartGroupType), 4, protowire.EndGroupType)
	var integers []int
	var varints, floats, doubles []byte
	var numbers []protowire.Number
	err := eachField(message, func(f field) (err error) {
		numbers = append(numbers, f.number)
		switch f.number {
		case 1:
			varints = f.varints(varints)
			integers, err = f.integers(integers)
		case 2:
			floats = f.fixed(floats)
			if f.kind == protowire.Fixed32Type && f.float() != 1.5 {
				t.Errorf("a single float is %g", f.float())
			}
		case 3:
			doubles = f.fixed(doubles)
		}
		return err
	})
	if err != nil || !slices.Equal(integers, []int{300, 1, 128}) || !slices.Equal(numbers, []protowire.Number{1, 1, 2, 2, 3, 4}) {
		t.Errorf("%v of fields %v, %v", integers, numbers, err)
	}
	if want := []byte{0xac, 0x02, 1, 0x80, 0x01}; !bytes.Equal(varints, want) {
		t.Errorf("varints % x, want % x", varints, want)
	}
	if len(floats) != 8 || math.Float32frombits(binary.LittleEndian.Uint32(floats[4:])) != -2 || math.Float64frombits(binary.LittleEndian.Uint64(doubles)) != 0.25 {
		t.Errorf("floats % x, doubles % x", floats, doubles)
	}
	for n := 1; n < len(message); n++ {
		last := 0
		if err := eachField(message[:n], func(field) error { last++; return nil }); err != nil && !errors.Is(err, ErrFormat) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := (field{kind: protowire.BytesType, bytes: []byte{0x80}}).integers(nil); !errors.Is(err, ErrFormat) {
		t.Errorf("half a packed number: %v", err)
	}
	stop := errors.New("enough")
	if err := eachField(message, func(field) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("a reader that stops: %v", err)
	}
}

// Wide and narrow types become float32 as their definitions say: exactly, or rounded to the nearest.
func TestAsWeights(t *testing.T) {
	for bits := range 1 << 16 {
		raw := binary.LittleEndian.AppendUint16(nil, uint16(bits))
		tensor, err := Tensor{Shape: []int{1}, DType: typeBF16, Raw: raw}.asWeights(nil)
		if got := binary.LittleEndian.Uint32(tensor.Raw); err != nil || got != uint32(bits)<<16 {
			t.Fatalf("bfloat16 %#04x is %#08x, %v", bits, got, err)
		}
		half := Tensor{Shape: []int{1}, DType: F16, Raw: raw}
		values, err := half.Float32()
		want := float16.Frombits(uint16(bits)).Float32()
		if finite := bits>>10&31 != 31; (err == nil) != finite || finite && values[0] != want {
			t.Fatalf("float16 %#04x is %v, %v, want %g", bits, values, err, want)
		}
	}
	for _, wide := range []float64{0, 1, -1.0000000001, math.Pi, 1e-50, math.MaxFloat32, math.SmallestNonzeroFloat32, math.Inf(1)} {
		tensor, err := Tensor{Shape: []int{1}, DType: typeF64, Raw: binary.LittleEndian.AppendUint64(nil, math.Float64bits(wide))}.asWeights(nil)
		if err != nil || math.Float32frombits(binary.LittleEndian.Uint32(tensor.Raw)) != float32(wide) {
			t.Errorf("%g: % x, %v", wide, tensor.Raw, err)
		}
	}
	for _, wide := range []float64{1e39, -math.MaxFloat64} {
		if _, err := (Tensor{Shape: []int{1}, DType: typeF64, Raw: binary.LittleEndian.AppendUint64(nil, math.Float64bits(wide))}).asWeights(nil); err == nil || !strings.Contains(err.Error(), "does not fit float32") {
			t.Errorf("%g: %v", wide, err)
		}
	}
}

// Whole numbers are kept beside the weights, large ones without their elements, and no name is there twice.
func TestSetAdd(t *testing.T) {
	var set Set
	weight := Tensor{Shape: []int{1}, DType: F32, Raw: make([]byte, 4)}
	count := Tensor{Shape: []int{1}, DType: typeI64, Raw: make([]byte, 8)}
	quantized := Tensor{Shape: []int{maxOther + 1}, DType: typeI8, Raw: make([]byte, maxOther+1)}
	for name, tensor := range map[string]Tensor{"w": weight, "n": count, "q": quantized} {
		if err := set.add(nil, name, tensor); err != nil {
			t.Error(err)
		}
		if err := set.add(nil, name, tensor); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "two tensors of this name") {
			t.Errorf("%s twice: %v", name, err)
		}
	}
	if len(set.Tensors) != 1 || len(set.Others) != 2 || set.Others["n"].Raw == nil || set.Others["q"].Raw != nil {
		t.Errorf("%d tensors, %d others", len(set.Tensors), len(set.Others))
	}
	if err := set.add(nil, "x", Tensor{DType: "C64"}); err == nil || !strings.Contains(err.Error(), "convert them to float32") {
		t.Errorf("complex numbers: %v", err)
	}
	if err := (&Set{}).holds(); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "no tensors: is it truncated?") {
		t.Errorf("nothing: %v", err)
	}
	if err := (&Set{Others: set.Others}).holds(); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "quantized?") {
		t.Errorf("only whole numbers: %v", err)
	}
}

// Elements that are not numbers are found by their place, and memory of another size is refused.
func TestDecode(t *testing.T) {
	raw := make([]byte, 12)
	binary.LittleEndian.PutUint32(raw[8:], math.Float32bits(float32(math.NaN())))
	tensor := Tensor{Shape: []int{3}, DType: F32, Raw: raw}
	if _, err := tensor.Float32(); err == nil || !strings.Contains(err.Error(), "element 2 is NaN") {
		t.Errorf("%v", err)
	}
	if err := tensor.Decode(make([]float32, 2)); err == nil || !strings.Contains(err.Error(), "3 elements do not fill 2 values") {
		t.Errorf("%v", err)
	}
	if _, err := (Tensor{DType: typeI8, Raw: raw}).Float32(); err == nil || !strings.Contains(err.Error(), "type I8") {
		t.Errorf("%v", err)
	}
}

// NumPy's arrays are read in either order of bytes and of dimensions, and with either length of their header.
func TestNPY(t *testing.T) {
	// 0..5 as a matrix of two rows, in rows and in columns.
	rows, columns := []float64{0, 1, 2, 3, 4, 5}, []float64{0, 3, 1, 4, 2, 5}
	for descr, put := range map[string]func(b []byte, v float64) []byte{
		"<f4": func(b []byte, v float64) []byte {
			return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
		},
		">f4": func(b []byte, v float64) []byte {
			return binary.BigEndian.AppendUint32(b, math.Float32bits(float32(v)))
		},
		"=f4": func(b []byte, v float64) []byte {
			return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
		},
		"<f8": func(b []byte, v float64) []byte { return binary.LittleEndian.AppendUint64(b, math.Float64bits(v)) },
		">f8": func(b []byte, v float64) []byte { return binary.BigEndian.AppendUint64(b, math.Float64bits(v)) },
		"<f2": func(b []byte, v float64) []byte {
			return binary.LittleEndian.AppendUint16(b, float16.Fromfloat32(float32(v)).Bits())
		},
		">f2": func(b []byte, v float64) []byte {
			return binary.BigEndian.AppendUint16(b, float16.Fromfloat32(float32(v)).Bits())
		},
	} {
		for order, values := range map[string][]float64{"False": rows, "True": columns} {
			for _, version := range []byte{1, 2, 3} {
				header := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (2, 3), }\n", descr, order)
				data := append([]byte("\x93NUMPY"), version, 0)
				if version == 1 {
					data = binary.LittleEndian.AppendUint16(data, uint16(len(header)))
				} else {
					data = binary.LittleEndian.AppendUint32(data, uint32(len(header)))
				}
				data = append(data, header...)
				for _, v := range values {
					data = put(data, v)
				}
				var set Set
				tensor, err := parseNPY(data, nil)
				if err == nil {
					err = set.add(nil, "x", tensor)
				}
				got, failure := set.Tensors["x"].Float32()
				if err = errors.Join(err, failure); err != nil || !slices.Equal(got, []float32{0, 1, 2, 3, 4, 5}) || !slices.Equal(tensor.Shape, []int{2, 3}) {
					t.Errorf("%s, columns %s, version %d: %v of %v, %v", descr, order, version, got, tensor.Shape, err)
				}
			}
		}
	}
}

// Sets that are written come back the same, and equal sets give equal files.
func TestSafetensorsComeBack(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for range 50 {
		set := Set{Tensors: map[string]Tensor{}}
		for i := range 1 + r.IntN(6) {
			tensor := Tensor{DType: []DType{F32, F16}[r.IntN(2)], Shape: []int{}}
			for range r.IntN(4) {
				tensor.Shape = append(tensor.Shape, 1+r.IntN(5))
			}
			tensor.Raw = make([]byte, product(tensor.Shape)*tensor.DType.size())
			for j := range tensor.Raw {
				tensor.Raw[j] = byte(r.IntN(60))
			}
			set.Tensors[fmt.Sprintf("layer %d\"ä/x", i)] = tensor
		}
		if r.IntN(2) == 0 {
			set.Metadata = map[string]string{"note": "a\nb", "": "empty"}
		}
		var first, second bytes.Buffer
		if err := errors.Join(WriteSafetensors(&first, set), WriteSafetensors(&second, set)); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Fatalf("%v, equal: %t", err, bytes.Equal(first.Bytes(), second.Bytes()))
		}
		if length := binary.LittleEndian.Uint64(first.Bytes()); length%lengthBytes != 0 {
			t.Errorf("the elements begin at byte %d", length+lengthBytes)
		}
		got, err := ParseSafetensors(first.Bytes())
		if err != nil || len(got.Tensors) != len(set.Tensors) || len(got.Metadata) != len(set.Metadata) || got.Metadata["note"] != set.Metadata["note"] {
			t.Fatalf("%d tensors and %v, %v", len(got.Tensors), got.Metadata, err)
		}
		for name, want := range set.Tensors {
			one := got.Tensors[name]
			if one.DType != want.DType || !slices.Equal(one.Shape, want.Shape) || !bytes.Equal(one.Raw, want.Raw) {
				t.Errorf("%s is %v %s, want %v %s", name, one.Shape, one.DType, want.Shape, want.DType)
			}
		}
	}
	full := errors.New("full")
	for left := range 3 {
		w := &failing{left: left, err: full}
		if err := WriteSafetensors(w, Set{Tensors: map[string]Tensor{"x": {Shape: []int{1}, DType: F32, Raw: make([]byte, 4)}}}); !errors.Is(err, full) {
			t.Errorf("writing fails at write %d: %v", left, err)
		}
	}
}

// failing takes some writes and fails then.
type failing struct {
	left int
	err  error
}

func (f *failing) Write(p []byte) (int, error) {
	if f.left--; f.left < 0 {
		return 0, f.err
	}
	return len(p), nil
}

// The operations of a pickle are walked with the lengths that they give; what goes beyond the end is refused.
func TestCheckPickle(t *testing.T) {
	for name, test := range map[string]struct {
		pickle string
		want   string // empty for a sound one
	}{
		"numbers":           {"\x80\x02K\x01M\x01\x02J\x01\x02\x03\x04G12345678.", ""},
		"texts":             {"\x80\x02U\x03abcX\x02\x00\x00\x00äq\x00\x8c\x01z.", ""},
		"lines":             {"cmodule\nname\n(I12\nF1.5\nt.", ""},
		"a long line":       {"F" + strings.Repeat("1", maxPickleLine-1) + "\n.", ""},
		"a frame":           {"\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00K\x01.", ""},
		"more behind it":    {"N.more", ""},
		"nothing":           {"", "does not end"},
		"no end":            {"NN", "does not end"},
		"no operation":      {"\x01", "unknown operation 0x01"},
		"a text too long":   {"U\x09abc.", "9 bytes where"},
		"a huge text":       {"X\xff\xff\xff\xffabc.", "4294967295 bytes where"},
		"a negative text":   {"\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc.", "-1 bytes where"},
		"a frame too long":  {"\x95\x64\x00\x00\x00\x00\x00\x00\x00.", "a frame of 100 bytes"},
		"half a length":     {"X\x01", "truncated"},
		"half a number":     {"J\x01\x02", "4 bytes where"},
		"a line that stays": {"Fabc", "truncated"},
		"an endless line":   {"F" + strings.Repeat("1", maxPickleLine) + "\n.", "a line of more than 65536 bytes"},
		"one line of two":   {"cmodule\n", "truncated"},
	} {
		err := checkPickle(strings.NewReader(test.pickle), int64(len(test.pickle)), nil)
		if test.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// Columns and any other strides come out in rows.
func TestGather(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for range 200 {
		shape, steps := make([]int, r.IntN(4)), []int{}
		count := 1
		for i := range shape {
			shape[i] = 1 + r.IntN(5)
			count *= shape[i]
		}
		raw := make([]byte, 2*500)
		for i := range 500 {
			binary.LittleEndian.PutUint16(raw[2*i:], uint16(i))
		}
		for range shape {
			steps = append(steps, r.IntN(30))
		}
		got := gather(raw, 2, shape, steps)
		for i := range count {
			at, rest := 0, i
			for d := len(shape) - 1; d >= 0; d-- {
				at += rest % shape[d] * steps[d]
				rest /= shape[d]
			}
			if value := int(binary.LittleEndian.Uint16(got[2*i:])); value != at {
				t.Fatalf("shape %v, strides %v: element %d is that at %d, want %d", shape, steps, i, value, at)
			}
		}
	}
}
