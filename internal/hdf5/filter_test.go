package hdf5

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// shuffled is the filter's definition: the first bytes of all elements, then the second ones.
func shuffled(data []byte, size int) []byte {
	var out []byte
	whole := len(data) / size * size
	for i := range size {
		for at := i; at < whole; at += size {
			out = append(out, data[at])
		}
	}
	return append(out, data[whole:]...)
}

// fletcher is the checksum word by word, with the remainder at each step.
func fletcher(data []byte) uint32 {
	low, high := uint64(0), uint64(0)
	add := func(word uint64) {
		low = (low + word) % 65535
		high = (high + low) % 65535
	}
	for ; len(data) >= 2; data = data[2:] {
		add(uint64(data[0])<<8 | uint64(data[1]))
	}
	if len(data) == 1 {
		add(uint64(data[0]) << 8)
	}
	return uint32(high<<16 | low)
}

// sameSum compares sums whose halves are modulo 65535: 0 and 65535 are one.
func sameSum(a, b uint32) bool {
	return a>>16%65535 == b>>16%65535 && a&0xffff%65535 == b&0xffff%65535
}

// lzf compresses with literals and references drawn at random where they are possible.
func lzf(r *rand.Rand, data []byte) []byte {
	var out, literals []byte
	flush := func() {
		for len(literals) > 0 {
			n := min(len(literals), 1+r.IntN(32))
			out = append(append(out, byte(n-1)), literals[:n]...)
			literals = literals[n:]
		}
	}
	for at := 0; at < len(data); {
		best, back := 0, 0
		for from := max(0, at-8192); from < at; from++ {
			n := 0
			for at+n < len(data) && n < 264 && data[from+n] == data[at+n] {
				n++
			}
			if n > best {
				best, back = n, at-from-1
			}
		}
		if best < 3 || r.IntN(4) == 0 {
			literals = append(literals, data[at])
			at++
			continue
		}
		flush()
		if length := best - 2; length < 7 {
			out = append(out, byte(length<<5|back>>8), byte(back))
		} else {
			out = append(out, byte(7<<5|back>>8), byte(length-7), byte(back))
		}
		at += best
	}
	flush()
	return out
}

func deflate(t *testing.T, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// What went through filters in any order comes back, with the memory of the chunk before or without.
func TestFiltersComeBack(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 2))
	for range 300 {
		size := 1 + r.IntN(400)
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(r.IntN(1 + r.IntN(6)))
		}
		u := &unfilterer{size: size}
		stored, mask := slices.Clone(data), uint32(0)
		for i := range r.IntN(4) {
			one := filter{id: []uint16{filterDeflate, filterShuffle, filterFletcher32, filterLZF}[r.IntN(4)]}
			if one.id == filterShuffle {
				one.client = []uint32{uint32(1 + r.IntN(9))}
			}
			u.filters = append(u.filters, one)
			if r.IntN(4) == 0 {
				mask |= 1 << i // left out for this chunk
				continue
			}
			switch one.id {
			case filterDeflate:
				stored = deflate(t, stored)
			case filterShuffle:
				stored = shuffled(stored, int(one.client[0]))
			case filterFletcher32:
				stored = binary.LittleEndian.AppendUint32(stored, fletcher32(stored))
			case filterLZF:
				stored = lzf(r, stored)
			}
		}
		for range 2 {
			got, err := u.chunk(stored, mask)
			if errors.Is(err, ErrFormat) && grows(u, stored) {
				continue
			}
			if err != nil || !bytes.Equal(got, data) {
				t.Fatalf("filters %v, mask %b, of %d bytes: %v, equal: %t", u.filters, mask, size, err, bytes.Equal(got, data))
			}
		}
	}
}

// grows says that a filter made more of a chunk than the next one has room for.
func grows(u *unfilterer, stored []byte) bool { return len(u.filters) > 1 && len(stored) > u.size }

// Checksums are those of the definition for all lengths, and one flipped bit changes them.
func TestFletcher32(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 2))
	for _, size := range []int{0, 1, 2, 3, 4, 719, 720, 721, 722, 1440, 1441, 5000} {
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		sum := fletcher32(data)
		if !sameSum(sum, fletcher(data)) {
			t.Errorf("%d bytes: %#x, want %#x", size, sum, fletcher(data))
		}
		if size > 0 {
			at := r.IntN(size)
			data[at] ^= 1 << r.IntN(8)
			if fletcher32(data) == sum {
				t.Errorf("%d bytes: byte %d was changed and the sum was not", size, at)
			}
		}
	}
}

// A chunk that is not what its filters made is refused, and takes no more memory than it may.
func TestFiltersRefuse(t *testing.T) {
	bomb := deflate(t, make([]byte, 10<<20))
	whole := deflate(t, make([]byte, 64))
	for name, test := range map[string]struct {
		filters []filter
		data    []byte
		want    string
	}{
		"a bomb":             {[]filter{{id: filterDeflate}}, bomb, "has more than 68 bytes"},
		"cut short":          {[]filter{{id: filterDeflate}}, whole[:len(whole)-1], "unexpected EOF"},
		"not compressed":     {[]filter{{id: filterDeflate}}, []byte("plain text"), "a compressed chunk"},
		"nothing compressed": {[]filter{{id: filterDeflate}}, nil, "a compressed chunk"},
		"a wrong checksum":   {[]filter{{id: filterFletcher32}}, make([]byte, 68)[:67:67], "checksum of a chunk is wrong"},
		"no checksum":        {[]filter{{id: filterFletcher32}}, []byte{1, 2, 3}, "3 bytes with a checksum"},
		"too short":          {nil, make([]byte, 63), "63 bytes instead of 64"},
		"too long":           {[]filter{{id: filterShuffle, client: []uint32{4}}}, make([]byte, 65), "65 bytes instead of 64"},
		"lzf without end":    {[]filter{{id: filterLZF}}, bytes.Repeat([]byte{31}, 40), "lzf is damaged"},
	} {
		u := &unfilterer{filters: test.filters, size: 64}
		if name == "a wrong checksum" {
			test.data[0] = 1
		}
		_, err := u.chunk(test.data, 0)
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
		if held := cap(u.buffers[0]) + cap(u.buffers[1]); held > 1000 {
			t.Errorf("%s: %d bytes are held for a chunk of 64", name, held)
		}
	}
	// A reader that has failed is as good as a new one for the next chunk.
	u := &unfilterer{filters: []filter{{id: filterDeflate}}, size: 64}
	for _, data := range [][]byte{whole, []byte("plain"), whole, whole[:5], whole} {
		got, err := u.chunk(data, 0)
		if (err == nil) != (len(data) == len(whole)) || err == nil && !bytes.Equal(got, make([]byte, 64)) {
			t.Errorf("after a failure: %v", err)
		}
	}
}

// filterList is the list of filters in a file, of version 2 or 1.
func filterList(version byte, filters ...filter) []byte {
	b := []byte{version, byte(len(filters))}
	if version == 1 {
		b = append(b, make([]byte, 6)...)
	}
	for _, one := range filters {
		b = binary.LittleEndian.AppendUint16(b, one.id)
		name := ""
		if version == 1 || one.id >= 256 {
			name = "filter\x00\x00"
			b = binary.LittleEndian.AppendUint16(b, uint16(len(name)))
		}
		b = append(b, 0, 0)
		b = binary.LittleEndian.AppendUint16(b, uint16(len(one.client)))
		b = append(b, name...)
		for _, v := range one.client {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		if version == 1 && len(one.client)&1 != 0 {
			b = append(b, 0, 0, 0, 0)
		}
	}
	return b
}

// Lists of filters are read in both versions; what is not known is refused by name, with what to do.
func TestFilterLists(t *testing.T) {
	f := &File{}
	some := []filter{{id: filterShuffle, client: []uint32{4}}, {id: filterDeflate, client: []uint32{6}}, {id: filterLZF, client: []uint32{4, 261, 8}}, {id: filterFletcher32}}
	for _, version := range []byte{1, 2} {
		got, err := f.filters(filterList(version, some...))
		if err != nil || len(got) != len(some) {
			t.Errorf("version %d: %v, %v", version, got, err)
			continue
		}
		for i := range some {
			if got[i].id != some[i].id || !slices.Equal(got[i].client, some[i].client) {
				t.Errorf("version %d: filter %d is %v, want %v", version, i, got[i], some[i])
			}
		}
		whole := filterList(version, some...)
		for n := range whole {
			if _, err := f.filters(whole[:n]); err == nil {
				t.Errorf("version %d: a list cut to %d of %d bytes is taken", version, n, len(whole))
			}
		}
	}
	for name, test := range map[string]struct {
		data []byte
		err  error
		want string
	}{
		"szip":            {filterList(2, filter{id: 4}), ErrUnsupported, "szip: write it again with gzip"},
		"zstd":            {filterList(2, filter{id: 32015}), ErrUnsupported, "filter zstd"},
		"unheard of":      {filterList(1, filter{id: 777}), ErrUnsupported, "filter number 777"},
		"a shuffle of 0":  {filterList(2, filter{id: filterShuffle, client: []uint32{0}}), ErrFormat, "a shuffle of [0]"},
		"a shuffle of no": {filterList(2, filter{id: filterShuffle}), ErrFormat, "a shuffle of []"},
		"version 3":       {filterList(3), ErrUnsupported, "version 3"},
		"too many":        {[]byte{2, 33}, ErrFormat, "33 filters"},
		"endless values":  {append(filterList(2), 0, 0)[:2:2], nil, ""},
	} {
		_, err := f.filters(test.data)
		if !errors.Is(err, test.err) || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// Whatever is changed in a file whose metadata has checksums, what is read without an error is what was written.
func TestDamageIsNoticed(t *testing.T) {
	const name = "attributes_latest.h5"
	data := content(t, "", name)
	want := digest(data)
	noticed, unchanged := 0, 0
	for at := 0; at < len(data); at += 3 {
		changed := bytes.Clone(data)
		changed[at] ^= 1 << (at / 3 % 8)
		switch got := digest(changed); {
		case got == "error":
			noticed++
		case got == want:
			unchanged++
		default:
			t.Fatalf("with byte %d changed, the file reads as another: %.300s", at, got)
		}
	}
	if noticed < len(data)/12 {
		t.Errorf("of %d changed bytes %d were noticed and %d changed nothing", len(data), noticed, unchanged)
	}
}

// digest is what is read of a file: paths, types, shapes, and the length of what has no checksum.
func digest(data []byte) string {
	f, err := Open(bytes.NewReader(data), int64(len(data)), nil)
	if err != nil {
		return "error"
	}
	text, found, err := f.Text("model_config")
	if err != nil {
		return "error"
	}
	all := []string{fmt.Sprint(found, len(text))} // heaps of attributes have no checksum either
	err = f.Walk(func(path string, d *Dataset) error {
		all = append(all, path)
		if d == nil || d.Type.Class == ClassOther {
			return nil
		}
		values, err := d.Read()
		all = append(all, fmt.Sprint(d.Type, d.Shape, len(values))) // contiguous values have no checksum
		return err
	})
	if err != nil {
		return "error"
	}
	return strings.Join(all, "\n")
}
