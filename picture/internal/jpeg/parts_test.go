package jpeg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"fovea/picture/internal/fault"
)

// text is bits as a string of 0 and 1, which the tests take apart the slow way.
func text(data []byte) string {
	var b strings.Builder
	for _, v := range data {
		for i := 7; i >= 0; i-- {
			b.WriteByte('0' + v>>i&1)
		}
	}
	return b.String()
}

func number(bits string) (n uint64) {
	for _, bit := range bits {
		n = n<<1 | uint64(bit-'0')
	}
	return n
}

// stuffed is entropy-coded data as a file has it.
func stuffed(data []byte) []byte { return bytes.ReplaceAll(data, []byte{0xff}, []byte{0xff, 0}) }

// Bits come out in order, whatever their number and wherever 0xff is stuffed, and running out is noticed.
func TestBits(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	for range 500 {
		data := make([]byte, r.IntN(40))
		for i := range data {
			data[i] = []byte{0, 0xff, byte(r.Uint32())}[r.IntN(3)]
		}
		marker := []byte{0xff, byte(0xd0 + r.IntN(8)), 1, 2}
		b := &bitReader{data: append(stuffed(data), marker...)}
		b.interval()
		if !bytes.Equal(b.coded, data) || !bytes.Equal(b.data[b.at:], marker) {
			t.Fatalf("% x: the interval is % x, before % x", data, b.coded, b.data[b.at:])
		}
		all := text(data)
		for at := 0; at < len(all); {
			n := min(r.IntN(17), len(all)-at)
			want := number(all[at : at+n])
			if n == 1 && r.IntN(2) == 0 {
				if got := b.bit(); got != (want == 1) {
					t.Fatalf("bit %d of %s is %t", at, all, got)
				}
			} else if got := b.take(n); got != want {
				t.Fatalf("%d bits at %d of %s are %b", n, at, all, got)
			}
			if at += n; b.exhausted() {
				t.Fatalf("exhausted after %d bits of %d", at, len(all))
			}
		}
		if b.take(1); !b.exhausted() {
			t.Fatalf("a bit more than %d is not noticed", len(all))
		}
	}
}

// codes draws the number of codes of each length so that they are a prefix code of up to 256 symbols.
func codes(r *rand.Rand) (definition []byte, words []string) {
	counts, symbols := make([]byte, 16), r.Perm(256)
	free, total := 2, 0 // code words of the current length
	next := 0
	for length := 1; length <= 16; length++ {
		n := min(r.IntN(free+1), 256-total, free-1) // one is left, for all ones is no code
		if length < 4 {
			n = min(n, r.IntN(2))
		}
		n = max(n, 0)
		for i := range n {
			word := text(binary.BigEndian.AppendUint16(nil, uint16(next+i)))
			words = append(words, word[16-length:])
		}
		counts[length-1] = byte(n)
		total += n
		next, free = (next+n)<<1, (free-n)*2
		free = min(free, 1<<12)
	}
	definition = counts
	for _, symbol := range symbols[:total] {
		definition = append(definition, byte(symbol))
	}
	return definition, words
}

// Symbols are decoded by their code words, short and long, and bits that are no code are noticed.
func TestHuffman(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 9))
	h := new(huffman)
	long := 0
	for range 200 {
		definition, words := codes(r)
		if err := h.define(definition); err != nil {
			t.Fatal(err)
		}
		for i, word := range words {
			want := definition[16+i]
			padded := word + strings.Repeat([]string{"0", "1"}[r.IntN(2)], 64-len(word))
			symbol, length := h.symbol(number(padded))
			if symbol != want || int(length) != len(word) {
				t.Fatalf("%s is symbol %d of %d bits, want %d", word, symbol, length, want)
			}
			if len(word) > quickBits {
				long++
			}
			checkValue(t, h, number(padded), word, want)
		}
		if _, length := h.symbol(1<<64 - 1); length != 0 {
			t.Fatalf("ones are a code of %d bits", length)
		}
	}
	if long < 100 {
		t.Errorf("only %d long codes were tried", long)
	}
}

// checkValue compares the value behind a symbol, as AC coefficients have it, with the definition of the
// standard: size bits, of which the lower half stands for negative numbers.
func checkValue(t *testing.T, h *huffman, acc uint64, word string, symbol byte) {
	t.Helper()
	all := text(binary.BigEndian.AppendUint64(nil, acc))
	size, run := int(symbol&15), uint(symbol>>4)
	want := int32(0)
	if size > 0 {
		want = int32(number(all[len(word) : len(word)+size]))
		if all[len(word)] == '0' {
			want -= 1<<size - 1
		}
	} else if run < 15 {
		run = endOfBlock
	}
	value, gotRun, bits := h.whole(true, acc)
	if value != want || gotRun != run || int(bits) != len(word)+size {
		t.Fatalf("behind %s, symbol %#x: value %d, run %d, %d bits; want %d, %d", word, symbol, value, gotRun, bits, want, run)
	}
	h.valuesReady = false
	h.defineValues(true)
	if entry := h.values[acc>>(64-quickBits)]; entry&notWhole == 0 {
		if int32(entry)>>16 != want || uint(entry>>8)&0xff != run || int(entry&0xff) != len(word)+size {
			t.Fatalf("the table has %#x behind %s, symbol %#x", entry, word, symbol)
		}
	}
}

// Tables of more codes than there are words are refused, and leave the table usable.
func TestHuffmanOverfull(t *testing.T) {
	h := new(huffman)
	for name, counts := range map[string][]byte{"three of one bit": {3}, "too many later": {1, 1, 3}, "full, and more": {2, 1}} {
		definition := make([]byte, 16+8)
		copy(definition, counts)
		if err := h.define(definition); !errors.Is(err, fault.ErrCorrupt) || h.defined {
			t.Errorf("%s: %v, defined %t", name, err, h.defined)
		}
	}
	definition := append([]byte{1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 5, 6, 7)
	if err := h.define(definition); err != nil {
		t.Fatal(err)
	}
	if symbol, length := h.symbol(0b110 << 61); symbol != 7 || length != 3 {
		t.Errorf("110 is %d of %d bits", symbol, length)
	}
}

// fromStandard is the planes that the standard library decodes, in the order of ours; nil where it decodes none
// that can be compared.
func fromStandard(data []byte) [][]uint8 {
	decoded, err := stdjpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	switch m := decoded.(type) {
	case *image.Gray:
		return [][]uint8{m.Pix}
	case *image.YCbCr:
		return [][]uint8{m.Y, m.Cb, m.Cr}
	}
	return nil
}

func strides(data []byte) []int {
	decoded, err := stdjpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	if m, ok := decoded.(*image.YCbCr); ok {
		return []int{m.YStride, m.CStride, m.CStride}
	}
	return []int{decoded.(*image.Gray).Stride}
}

// compareWithStandard allows for the standard library's rounding in its cosine transform.
func compareWithStandard(t *testing.T, name string, data []byte) bool {
	t.Helper()
	want := fromStandard(data)
	if want == nil {
		return false
	}
	got, err := new(Decoder).Decode(data)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return true
	}
	if got.Colour == RGB || len(got.Planes) != len(want) {
		return false
	}
	for i, plane := range got.Planes {
		stride := strides(data)[i]
		for y := range plane.Height {
			for x := range plane.Width {
				a, b := int(plane.Pix[y*plane.Stride+x]), int(want[i][y*stride+x])
				if a-b > 2 || b-a > 2 {
					t.Errorf("%s: plane %d has %d at %d,%d, the standard library %d", name, i, a, x, y, b)
					return true
				}
			}
		}
	}
	return true
}

// The planes are those of the standard library, but for its rounding.
func TestAgreesWithStandardLibrary(t *testing.T) {
	compared := 0
	for name, data := range examples(t) {
		if compareWithStandard(t, name, data) {
			compared++
		}
	}
	if compared < 30 {
		t.Errorf("only %d files were compared", compared)
	}
	// Every size up to two blocks and a bit, grey and in colour.
	r := rand.New(rand.NewPCG(3, 9))
	for width := 1; width <= 35; width += 2 {
		for height := 1; height <= 19; height += 3 {
			grey, colour := image.NewGray(image.Rect(0, 0, width, height)), image.NewRGBA(image.Rect(0, 0, width, height))
			for y := range height {
				for x := range width {
					v := byte(7*x + 5*y + r.IntN(40))
					grey.SetGray(x, y, color.Gray{Y: v})
					colour.SetRGBA(x, y, color.RGBA{v, byte(x * y), byte(255 - int(v)), 255})
				}
			}
			for _, m := range []image.Image{grey, colour} {
				var data bytes.Buffer
				if err := stdjpeg.Encode(&data, m, &stdjpeg.Options{Quality: 30 + r.IntN(71)}); err != nil {
					t.Fatal(err)
				}
				if !compareWithStandard(t, m.Bounds().String(), data.Bytes()) {
					t.Errorf("%v was not compared", m.Bounds())
				}
				if h, err := new(Decoder).Header(data.Bytes()); err != nil || h.Width != width || h.Height != height {
					t.Errorf("%dx%d is %dx%d, %v", width, height, h.Width, h.Height, err)
				}
			}
		}
	}
}

// segmentOf is a marker with its body.
func segmentOf(marker byte, body ...byte) []byte {
	return append([]byte{0xff, marker, byte((len(body) + 2) >> 8), byte(len(body) + 2)}, body...)
}

func frameOf(height, width uint16, components ...byte) []byte {
	body := []byte{8, byte(height >> 8), byte(height), byte(width >> 8), byte(width), byte(len(components) / 3)}
	return append(body, components...)
}

// quantBody and huffmanBody are tables of ones, and of one code of one bit for the symbol 0.
func quantBody(id byte) []byte { return append([]byte{id}, bytes.Repeat([]byte{1}, 64)...) }

func huffmanBody(class, id byte) []byte {
	return append(append([]byte{class<<4 | id, 1}, make([]byte, 15)...), 0)
}

// Files that contradict themselves or the standard are refused by what is wrong with them.
func TestSegments(t *testing.T) {
	grey := []byte{1, 0x11, 0}
	tables := slices.Concat(segmentOf(defineQuant, quantBody(0)...), segmentOf(defineHuff, huffmanBody(0, 0)...), segmentOf(defineHuff, huffmanBody(1, 0)...))
	frame := segmentOf(sequential0, frameOf(8, 8, grey...)...)
	scan := segmentOf(startOfScan, 1, 1, 0, 0, 63, 0)
	end := []byte{0xff, endOfImage}
	start := []byte{0xff, startOfImage}
	whole := slices.Concat(start, tables, frame, scan, []byte{0}, end)
	progressiveFrame := segmentOf(progressive, frameOf(8, 8, grey...)...)
	losslessFrame := segmentOf(lossless, frameOf(8, 8, grey...)...)
	if decoded, err := new(Decoder).Decode(whole); err != nil || decoded.Planes[0].Pix[0] != 128 {
		t.Fatalf("the smallest file: %v", err)
	}
	for name, test := range map[string]struct {
		file []byte
		err  error
		want string
	}{
		"nothing":                     {nil, fault.ErrCorrupt, "no start marker"},
		"another format":              {[]byte("\x89PNG"), fault.ErrCorrupt, "no start marker"},
		"a start alone":               {start, fault.ErrTruncated, ""},
		"no frame":                    {slices.Concat(start, end), fault.ErrCorrupt, "no frame header"},
		"no scan":                     {slices.Concat(start, tables, frame, end), fault.ErrCorrupt, "component 1 has no data"},
		"a scan first":                {slices.Concat(start, tables, scan, frame), fault.ErrCorrupt, "before the frame header"},
		"two frames":                  {slices.Concat(start, tables, frame, frame), fault.ErrCorrupt, "second frame header"},
		"no tables":                   {slices.Concat(start, frame, scan, []byte{0}, end), fault.ErrCorrupt, "table that isn't there"},
		"progressive, no codes":       {slices.Concat(start, segmentOf(defineQuant, quantBody(0)...), progressiveFrame, segmentOf(startOfScan, 1, 1, 0, 0, 0, 0)), fault.ErrCorrupt, "table that isn't there"},
		"no codes of table 2":         {slices.Concat(start, segmentOf(defineQuant, quantBody(0)...), frame, segmentOf(startOfScan, 1, 1, 0x22, 0, 63, 0)), fault.ErrCorrupt, "table that isn't there"},
		"no code in the data":         {slices.Concat(start, tables, frame, scan, []byte{0xfe}, end), fault.ErrCorrupt, "bad code"},
		"no data":                     {slices.Concat(start, tables, frame, scan, end), fault.ErrCorrupt, "too little data"},
		"cut in the data":             {slices.Concat(start, tables, frame, scan), fault.ErrTruncated, ""},
		"a segment of one byte":       {slices.Concat(start, []byte{0xff, defineQuant, 0, 1}), fault.ErrCorrupt, "segment of 1 bytes"},
		"a segment that goes on":      {slices.Concat(start, []byte{0xff, defineQuant, 1, 0}), fault.ErrTruncated, ""},
		"10 bits":                     {slices.Concat(start, segmentOf(sequential1, append([]byte{10}, frameOf(8, 8, grey...)[1:]...)...)), fault.ErrUnsupported, "10 bits a sample"},
		"lossless, 1 bit":             {slices.Concat(start, segmentOf(lossless, append([]byte{1}, frameOf(8, 8, grey...)[1:]...)...)), fault.ErrUnsupported, "1 bits a sample"},
		"lossless, 17 bits":           {slices.Concat(start, segmentOf(lossless, append([]byte{17}, frameOf(8, 8, grey...)[1:]...)...)), fault.ErrUnsupported, "17 bits a sample"},
		"lossless, predictor 0":       {slices.Concat(start, tables, losslessFrame, segmentOf(startOfScan, 1, 1, 0, 0, 0, 0)), fault.ErrCorrupt, "lossless scan header"},
		"lossless, predictor 8":       {slices.Concat(start, tables, losslessFrame, segmentOf(startOfScan, 1, 1, 0, 8, 0, 0)), fault.ErrCorrupt, "lossless scan header"},
		"lossless, shifted away":      {slices.Concat(start, tables, losslessFrame, segmentOf(startOfScan, 1, 1, 0, 1, 0, 8)), fault.ErrCorrupt, "lossless scan header"},
		"lossless, no table":          {slices.Concat(start, losslessFrame, segmentOf(startOfScan, 1, 1, 0, 1, 0, 0)), fault.ErrCorrupt, "table that isn't there"},
		"lossless, restarts in a row": {slices.Concat(start, tables, segmentOf(defineRest, 0, 9), losslessFrame, segmentOf(startOfScan, 1, 1, 0, 1, 0, 0)), fault.ErrCorrupt, "a restart interval of 9 in rows of 8"},
		"lossless, a huge promise":    {slices.Concat(start, tables, segmentOf(lossless, frameOf(65535, 65535, grey...)...), segmentOf(startOfScan, 1, 1, 0, 1, 0, 0)), fault.ErrTruncated, ""},
		"two components":              {slices.Concat(start, segmentOf(sequential0, frameOf(8, 8, 1, 0x11, 0, 2, 0x11, 0)...)), fault.ErrUnsupported, "2 components"},
		"no width":                    {slices.Concat(start, segmentOf(sequential0, frameOf(8, 0, grey...)...)), fault.ErrCorrupt, "0x8 pixels"},
		"no height":                   {slices.Concat(start, segmentOf(sequential0, frameOf(0, 8, grey...)...)), fault.ErrTruncated, ""},
		"sampling of 0":               {slices.Concat(start, segmentOf(sequential0, frameOf(8, 8, 1, 0x10, 0)...)), fault.ErrCorrupt, "component 1"},
		"sampling of 5":               {slices.Concat(start, segmentOf(sequential0, frameOf(8, 8, 1, 0x51, 0)...)), fault.ErrCorrupt, "component 1"},
		"quantization 4":              {slices.Concat(start, segmentOf(sequential0, frameOf(8, 8, 1, 0x11, 4)...)), fault.ErrCorrupt, "component 1"},
		"components of one name":      {slices.Concat(start, segmentOf(sequential0, frameOf(8, 8, 1, 0x11, 0, 2, 0x11, 0, 1, 0x11, 0)...)), fault.ErrCorrupt, "two components of one name"},
		"sampling 3 beside 2":         {slices.Concat(start, segmentOf(sequential0, frameOf(8, 8, 1, 0x31, 0, 2, 0x21, 0, 3, 0x11, 0)...)), fault.ErrUnsupported, "sampling 2x1 beside 3x1"},
		"a frame that is short":       {slices.Concat(start, segmentOf(sequential0, frameOf(8, 8, grey...)[:8]...)), fault.ErrCorrupt, "frame header of 8 bytes"},
		"lossless arithmetic":         {slices.Concat(start, segmentOf(0xcb)), fault.ErrUnsupported, "lossless arithmetic coding"},
		"conditioning of table 4":     {slices.Concat(start, segmentOf(conditions, 4, 0x10)), fault.ErrCorrupt, "conditioning"},
		"conditioning of class 2":     {slices.Concat(start, segmentOf(conditions, 0x20, 0x10)), fault.ErrCorrupt, "conditioning"},
		"conditioning turned":         {slices.Concat(start, segmentOf(conditions, 0, 0x01)), fault.ErrCorrupt, "conditioning"},
		"conditioning of AC, 0":       {slices.Concat(start, segmentOf(conditions, 0x10, 0)), fault.ErrCorrupt, "conditioning"},
		"conditioning, half":          {slices.Concat(start, segmentOf(conditions, 0, 0x10, 1)), fault.ErrCorrupt, "conditioning"},
		"JPEG-LS":                     {slices.Concat(start, segmentOf(0xf7)), fault.ErrUnsupported, "JPEG-LS"},
		"no height, none behind":      {slices.Concat(start, tables, segmentOf(sequential0, frameOf(0, 8, grey...)...), scan, []byte{0}, end), fault.ErrCorrupt, "8x0 pixels"},
		"hierarchical":                {slices.Concat(start, segmentOf(0xc5)), fault.ErrUnsupported, "hierarchical coding"},
		"a reserved marker":           {slices.Concat(start, segmentOf(0x40)), fault.ErrCorrupt, "marker 0x40"},
		"a restart of 3 bytes":        {slices.Concat(start, segmentOf(defineRest, 0, 0, 1)), fault.ErrCorrupt, "restart interval of 3 bytes"},
		"a quantization too many":     {slices.Concat(start, segmentOf(defineQuant, quantBody(4)...)), fault.ErrCorrupt, "quantization table"},
		"a quantization too short":    {slices.Concat(start, segmentOf(defineQuant, quantBody(0)[:64]...)), fault.ErrCorrupt, "quantization table"},
		"a quantization too wide":     {slices.Concat(start, segmentOf(defineQuant, append([]byte{0x20}, make([]byte, 300)...)...)), fault.ErrCorrupt, "quantization table"},
		"codes of class 2":            {slices.Concat(start, segmentOf(defineHuff, huffmanBody(2, 0)...)), fault.ErrCorrupt, "Huffman table"},
		"codes without symbols":       {slices.Concat(start, segmentOf(defineHuff, huffmanBody(0, 0)[:17]...)), fault.ErrCorrupt, "Huffman table"},
		"codes cut short":             {slices.Concat(start, segmentOf(defineHuff, 0, 1)), fault.ErrCorrupt, "Huffman table"},
		"a scan of no component":      {slices.Concat(start, tables, frame, segmentOf(startOfScan, 0, 0, 63, 0)), fault.ErrCorrupt, "scan header of 4 bytes"},
		"a scan of a stranger":        {slices.Concat(start, tables, frame, segmentOf(startOfScan, 1, 7, 0, 0, 63, 0)), fault.ErrCorrupt, "scan header"},
		"a scan of table 4":           {slices.Concat(start, tables, frame, segmentOf(startOfScan, 1, 1, 0x40, 0, 63, 0)), fault.ErrCorrupt, "scan header"},
		"a band of many":              {slices.Concat(start, tables, progressiveFrame, segmentOf(startOfScan, 1, 1, 0, 5, 4, 0)), fault.ErrCorrupt, "progressive scan header"},
		"DC and AC at once":           {slices.Concat(start, tables, progressiveFrame, segmentOf(startOfScan, 1, 1, 0, 0, 63, 0)), fault.ErrCorrupt, "progressive scan header"},
		"a shift of 14":               {slices.Concat(start, tables, progressiveFrame, segmentOf(startOfScan, 1, 1, 0, 0, 0, 0x0e)), fault.ErrCorrupt, "progressive scan header"},
		"DC alone":                    {slices.Concat(start, tables, progressiveFrame, segmentOf(startOfScan, 1, 1, 0, 0, 0, 0), []byte{0}, end), fault.ErrTruncated, "component 1 lacks its last scans"},
		"endless scans":               {slices.Concat(start, tables, progressiveFrame, bytes.Repeat(slices.Concat(segmentOf(startOfScan, 1, 1, 0, 0, 0, 0), []byte{0}), maxScans+1)), fault.ErrCorrupt, "more than 200 scans"},
		"a huge promise":              {slices.Concat(start, tables, segmentOf(sequential0, frameOf(65535, 65535, grey...)...), scan, []byte{0}), fault.ErrTruncated, ""},
	} {
		d := new(Decoder)
		_, err := d.Decode(test.file)
		if !errors.Is(err, test.err) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %v: %s", name, err, test.err, test.want)
		}
		if d.Retained() > 1<<20 {
			t.Errorf("%s: %d bytes are held for a file of %d", name, d.Retained(), len(test.file))
		}
	}
}

// Restart markers come in their order; one that is missing or another is an error, stray ones between segments are not.
func TestRestartMarkers(t *testing.T) {
	tables := slices.Concat(segmentOf(defineQuant, quantBody(0)...), segmentOf(defineHuff, huffmanBody(0, 0)...), segmentOf(defineHuff, huffmanBody(1, 0)...))
	build := func(markers ...byte) []byte {
		file := slices.Concat([]byte{0xff, startOfImage, 0xff, 0xd3, 0xff, 1}, tables, segmentOf(defineRest, 0, 1),
			segmentOf(sequential0, frameOf(8, 8*uint16(len(markers)+1), 1, 0x11, 0)...), segmentOf(startOfScan, 1, 1, 0, 0, 63, 0), []byte{0})
		for _, marker := range markers {
			file = append(file, 0xff, marker, 0)
		}
		return append(file, 0xff, endOfImage)
	}
	if _, err := new(Decoder).Decode(build(0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd0, 0xd1)); err != nil {
		t.Errorf("in order: %v", err)
	}
	for _, markers := range [][]byte{{0xd1}, {0xd0, 0xd0}, {0xd0, 0xd2}, {0xd7}} {
		if _, err := new(Decoder).Decode(build(markers...)); !errors.Is(err, fault.ErrCorrupt) || !strings.Contains(err.Error(), "in place of restart marker") {
			t.Errorf("%#x: %v", markers, err)
		}
	}
}

// A file that is cut anywhere is never taken for whole, and no other byte makes the decoder panic or hold more
// memory than the file pays for.
func TestCutAndChanged(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 9))
	d, files := new(Decoder), examples(t)
	for _, name := range slices.Sorted(maps.Keys(files)) { // for the same changes each time
		data := files[name]
		if len(data) > 6000 {
			continue
		}
		end := bytes.LastIndex(data, []byte{0xff, endOfImage})
		for n := 0; n < end; n += 1 + n/40 {
			if _, err := d.Decode(data[:n]); !errors.Is(err, fault.ErrTruncated) && !errors.Is(err, fault.ErrCorrupt) {
				t.Fatalf("%s cut to %d of %d bytes: %v", name, n, end, err)
			}
		}
		for range 40 {
			changed := bytes.Clone(data)
			for range 1 + r.IntN(4) {
				changed[r.IntN(len(changed))] = byte(r.Uint32())
			}
			d := new(Decoder)
			if _, err := d.Decode(changed); err != nil && !errors.Is(err, fault.ErrTruncated) && !errors.Is(err, fault.ErrCorrupt) && !errors.Is(err, fault.ErrUnsupported) {
				t.Fatalf("%s, changed: %v", name, err)
			}
			// A block of a plane, with its coefficients, is 192 or 256 bytes, and takes at least a bit, but in
			// arithmetic coding.
			if most := 8*256*len(data)*16 + 1<<16; d.Retained() > most && !d.arithmetical {
				t.Fatalf("%s, changed: %d bytes are held for %d", name, d.Retained(), len(data))
			}
		}
	}
}
