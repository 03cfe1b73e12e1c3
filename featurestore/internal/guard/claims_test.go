package guard

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"fovea/internal/budget"
)

// footerOf is a file with a footer and nothing else.
func footerOf(footer []byte) []byte {
	file := append([]byte("PAR1"), footer...)
	return append(binary.LittleEndian.AppendUint32(file, uint32(len(footer))), "PAR1"...)
}

// element is a struct of the schema with a number of children, as Thrift's compact protocol writes it.
func element(children int64) []byte {
	if children == 0 {
		return []byte{thriftStop}
	}
	return append(binary.AppendVarint([]byte{5<<4 | thriftI32}, children), thriftStop)
}

// schemaOf is a footer whose second field is a list of elements.
func schemaOf(claimed int, elements ...[]byte) []byte {
	footer := binary.AppendUvarint([]byte{2<<4 | thriftList, 15<<4 | thriftStruct}, uint64(claimed))
	return append(append(footer, slices.Concat(elements...)...), thriftStop)
}

func TestCheckFooter(t *testing.T) {
	chain := func(n int) [][]byte {
		all := slices.Repeat([][]byte{element(1)}, n)
		return append(all, element(0))
	}
	for _, test := range []struct {
		name string
		file []byte
		want string // in the error; "" for none
	}{
		{"two columns", footerOf(schemaOf(3, element(2), element(0), element(0))), ""},
		{"nested", footerOf(schemaOf(4, element(1), element(2), element(0), element(0))), ""},
		{"no schema", footerOf([]byte{thriftStop}), ""},
		{"too short", []byte("PAR1PAR1"), "not a Parquet file"},
		{"another end", append(footerOf([]byte{0})[:9], "PARX"...), "does not end like"},
		{"a long footer", append(binary.LittleEndian.AppendUint32([]byte("PAR1"), 1<<31), "PAR1"...), "claims 2147483648 bytes"},
		{"cut off", footerOf(schemaOf(3, element(2), element(0))[:5]), "ends too early"},
		{"a list of millions", footerOf(schemaOf(100_000_000, element(1), element(0))), "ends too early"},
		{"children that are not there", footerOf(schemaOf(2, element(1<<30), element(0))), "with 1073741824 parts"},
		{"fewer than none", footerOf(schemaOf(2, element(-1), element(0))), "parts"},
		{"too few", footerOf(schemaOf(2, element(1), element(1))), "parts"},
		{"missing at the end", footerOf(schemaOf(3, element(2), element(1), element(0))), "missing"},
		{"too many", footerOf(schemaOf(3, element(1), element(0), element(0))), "belong to no other"},
		{"deep", footerOf(schemaOf(101, chain(100)...)), "too deeply"},
		{"structs in structs", footerOf(append(bytes.Repeat([]byte{1<<4 | thriftStruct}, 100), make([]byte, 101)...)), "too deeply"},
		{"lists in lists", footerOf(append([]byte{1<<4 | thriftList}, bytes.Repeat([]byte{1<<4 | thriftList}, 1000)...)), "too deeply"},
		{"maps in maps", footerOf(append([]byte{1<<4 | thriftMap}, bytes.Repeat([]byte{1, thriftMap<<4 | thriftMap}, 1000)...)), "too deeply"},
		{"an unknown type", footerOf([]byte{1<<4 | 13, 0}), "unknown type 13"},
		{"a long text", footerOf([]byte{1<<4 | thriftBinary, 0xff, 0xff, 0xff, 0x7f, 0}), "ends too early"},
	} {
		err := checkFooter(bytes.NewReader(test.file), int64(len(test.file)), nil)
		if test.want == "" && err != nil || test.want != "" && (!errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
	many := footerOf(append(binary.AppendUvarint([]byte{4<<4 | thriftList, 15<<4 | thriftStruct}, 1_000_000), make([]byte, 1_000_001)...))
	if err := checkFooter(bytes.NewReader(many), int64(len(many)), budget.For(int64(len(many)), budget.Packed, 0)); !errors.Is(err, budget.ErrMemory) {
		t.Errorf("a million empty row groups: %v", err)
	}
}

func FuzzCheckFooter(f *testing.F) {
	f.Add(schemaOf(3, element(2), element(0), element(0)))
	f.Fuzz(func(t *testing.T, footer []byte) {
		walk := thriftWalk{data: footer}
		if err := walk.fields(0, nil); err == nil && walk.at > len(footer) {
			t.Errorf("%d bytes of %d", walk.at, len(footer))
		}
		file := footerOf(footer)
		if err := checkFooter(bytes.NewReader(file), int64(len(file)), budget.For(0, 1, 0)); err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, budget.ErrMemory) {
			t.Error(err)
		}
	})
}

func TestCheckZstd(t *testing.T) {
	content := make([]byte, 300<<10)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range content {
		content[i] = byte(random.IntN(7))
	}
	size := int64(len(content))
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	stated := encoder.EncodeAll(content, nil)
	var stream bytes.Buffer
	encoder.Reset(&stream)
	for part := range slices.Chunk(content, 1000) {
		if _, err := encoder.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := encoder.Close(); err != nil {
		t.Fatal(err)
	}
	unstated := stream.Bytes()
	var head zstd.Header
	if err := head.Decode(unstated); err != nil || head.HasFCS {
		t.Fatalf("the stream states its size: %v", err)
	}
	for _, test := range []struct {
		name        string
		page        []byte
		want, slack int64
		ok          bool
	}{
		{"stated", stated, size, 0, true},
		{"stated, but more than the page", stated, size - 1, 0, false},
		{"two frames", append(slices.Clone(stated), stated...), 2 * size, 0, true},
		{"two frames of more than the page", append(slices.Clone(stated), stated...), 2*size - 1, 0, false},
		{"unstated, as long as it may be", unstated, size, 1 << 20, true},
		{"unstated, counted", unstated, size, 0, true},
		{"unstated, counted, too long", unstated, size - 1, 0, false},
		{"cut off", stated[:len(stated)-9], size, 0, false},
		{"no frame", []byte("abcdefgh"), size, 0, false},
	} {
		if err := checkZstd(test.page, test.want, test.slack); (err == nil) != test.ok || err != nil && !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestCheckDelta(t *testing.T) {
	// Blocks of 128 in 4 parts: the first value, then 5 differences of 3 bits in the first part.
	sound := []byte{0x80, 0x01, 4, 6, 10, 2, 3, 0, 0, 0}
	sound = append(sound, make([]byte, 32*3/8)...)
	rest := []byte("rest")
	for _, test := range []struct {
		name string
		data []byte
		n    int
		ok   bool
	}{
		{"six values", sound, 6, true},
		{"more than the page has", sound, 5, false},
		{"cut off", sound[:12], 6, false},
		{"a huge block", []byte{0xff, 0xff, 0xff, 0xff, 0x0f, 1, 1, 0}, 1, false},
		{"no parts", []byte{0x80, 0x01, 0, 1, 0}, 1, false},
		{"one value", []byte{0x80, 0x01, 4, 1, 8}, 1, true},
		{"no values", []byte{0x80, 0x01, 4, 0, 0}, 1, true},
		{"wide differences", []byte{0x80, 0x01, 4, 2, 0, 0, 65, 0, 0, 0}, 2, false},
	} {
		data := test.data
		if test.ok {
			data = append(slices.Clone(data), rest...)
		}
		got, err := checkDelta(data, test.n)
		if (err == nil) != test.ok || test.ok && !bytes.Equal(got, rest) {
			t.Errorf("%s: %q, %v", test.name, got, err)
		}
	}
}
