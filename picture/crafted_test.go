package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/image/bmp"
)

// The files below are made here because their headers say what no program would write, or because
// they are too large for the repository.

// pngChunk is a chunk of a PNG with its checksum.
func pngChunk(kind string, body []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	out = append(append(out, kind...), body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// pngOf is a PNG with a header and chunks, which are mended by their checksums.
func pngOf(width, height int, depth, colours, interlaced byte, more ...[]byte) []byte {
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(width)), uint32(height))
	out := append([]byte("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", append(header, depth, colours, 0, 0, interlaced))...)
	for _, chunk := range more {
		out = append(out, chunk...)
	}
	return append(out, pngChunk("IEND", nil)...)
}

func deflated(content []byte) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	w.Write(content)
	w.Close()
	return out.Bytes()
}

// tiffFile is a TIFF of zeros, or of what its blocks contain.
type tiffFile struct {
	width, height, bits, samples, photometric, compression int
	rows, tileWidth, tileHeight                            int // of strips, or of tiles
	block                                                  []byte
}

// bytes writes the file; all strips or tiles have the same place.
func (f tiffFile) bytes() []byte {
	le := binary.LittleEndian
	blocks := divided(f.height, max(1, f.rows))
	offsets, counts := 273, 279
	if f.tileWidth > 0 {
		blocks = divided(f.width, f.tileWidth) * divided(f.height, f.tileHeight)
		offsets, counts = 324, 325
	}
	type entry struct {
		tag, kind, count int
		value            uint32
	}
	entries := []entry{{256, 4, 1, uint32(f.width)}, {257, 4, 1, uint32(f.height)}, {258, 3, f.samples, 0}, {259, 3, 1, uint32(f.compression)}, {262, 3, 1, uint32(f.photometric)}}
	const offsetsAt, countsAt = 1, 2 // stand for places
	if f.tileWidth == 0 {
		entries = append(entries, entry{offsets, 4, blocks, offsetsAt}, entry{277, 3, 1, uint32(f.samples)}, entry{278, 4, 1, uint32(f.rows)}, entry{counts, 4, blocks, countsAt})
	} else {
		entries = append(entries, entry{277, 3, 1, uint32(f.samples)}, entry{322, 4, 1, uint32(f.tileWidth)}, entry{323, 4, 1, uint32(f.tileHeight)},
			entry{offsets, 4, blocks, offsetsAt}, entry{counts, 4, blocks, countsAt})
	}
	if f.samples == 4 {
		entries = append(entries, entry{338, 3, 1, 2})
	}
	bitsAt := 8 + 2 + 12*len(entries) + 4
	listsAt := bitsAt + 2*f.samples
	blockAt := listsAt + 8*blocks
	out := append([]byte("II*\x00\x08\x00\x00\x00"), byte(len(entries)), 0)
	for _, e := range entries {
		value := e.value
		switch {
		case e.tag == 258 && f.samples > 2:
			value = uint32(bitsAt)
		case e.tag == 258:
			value = uint32(f.bits)
		case e.tag == offsets && blocks == 1:
			value = uint32(blockAt)
		case e.tag == counts && blocks == 1:
			value = uint32(len(f.block))
		case e.tag == offsets:
			value = uint32(listsAt)
		case e.tag == counts:
			value = uint32(listsAt + 4*blocks)
		}
		out = le.AppendUint16(le.AppendUint16(out, uint16(e.tag)), uint16(e.kind))
		out = le.AppendUint32(le.AppendUint32(out, uint32(e.count)), value)
	}
	out = le.AppendUint32(out, 0)
	for range f.samples {
		out = le.AppendUint16(out, uint16(f.bits))
	}
	for range blocks {
		out = le.AppendUint32(out, uint32(blockAt))
	}
	for range blocks {
		out = le.AppendUint32(out, uint32(len(f.block)))
	}
	return append(out, f.block...)
}

// riffChunk is a chunk of a WebP.
func riffChunk(name string, content []byte) []byte {
	out := binary.LittleEndian.AppendUint32([]byte(name), uint32(len(content)))
	out = append(out, content...)
	if len(content)%2 == 1 {
		out = append(out, 0)
	}
	return out
}

func webpOf(chunks ...[]byte) []byte {
	body := append([]byte("WEBP"), bytes.Join(chunks, nil)...)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

func put24(n int) []byte { return []byte{byte(n), byte(n >> 8), byte(n >> 16)} }

// vp8x is the chunk with a canvas.
func vp8x(flags byte, width, height int) []byte {
	return riffChunk("VP8X", append(append([]byte{flags, 0, 0, 0}, put24(width-1)...), put24(height-1)...))
}

// anmf is a frame of an animation.
func anmf(left, top, width, height int, chunks ...[]byte) []byte {
	content := append(append(put24(left/2), put24(top/2)...), append(put24(width-1), put24(height-1)...)...)
	content = append(content, 0, 0, 0, 0)
	return riffChunk("ANMF", append(content, bytes.Join(chunks, nil)...))
}

// vp8l is a lossless image of one colour.
func vp8l(width, height int) []byte {
	bits, at := []byte{}, 0
	put := func(value, n int) {
		for i := range n {
			if at%8 == 0 {
				bits = append(bits, 0)
			}
			bits[at/8] |= byte(value>>i&1) << (at % 8)
			at++
		}
	}
	put(0x2f, 8)
	put(width-1, 14)
	put(height-1, 14)
	put(0, 1+3) // without alpha, version 0
	put(0, 1)   // transforms
	put(0, 1)   // colour cache
	put(0, 1)   // one group of codes
	for _, symbol := range []int{90, 200, 10, 255, 0} {
		put(1, 1) // simple
		put(0, 1) // one symbol
		put(1, 1) // of 8 bits
		put(symbol, 8)
	}
	return riffChunk("VP8L", bits)
}

// flatJPEG is a JPEG of one colour, with a bit for each number.
func flatJPEG(frame byte, precision, components, width, height int) []byte {
	segment := func(marker byte, body ...byte) []byte {
		return append([]byte{0xff, marker, byte((len(body) + 2) >> 8), byte(len(body) + 2)}, body...)
	}
	codes := append([]byte{1}, make([]byte, 16)...) // of one bit, for 0
	header := []byte{byte(precision), byte(height >> 8), byte(height), byte(width >> 8), byte(width), byte(components)}
	scan, numbers := []byte{byte(components)}, 2*divided(width, 8)*divided(height, 8)
	for i := range components {
		header, scan = append(header, byte(i), 0x11, 0), append(scan, byte(i), 0)
	}
	if frame == 0xc3 {
		scan, numbers = append(scan, 1, 0, 0), width*height
	} else {
		scan = append(scan, 0, 63, 0)
	}
	return slices.Concat([]byte{0xff, 0xd8}, segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...),
		segment(0xc4, append([]byte{0}, codes...)...), segment(0xc4, append([]byte{0x10}, codes...)...),
		segment(frame, header...), segment(0xda, scan...), make([]byte, divided(components*numbers, 8)), []byte{0xff, 0xd9})
}

// flatJPEGLS is a black JPEG-LS, interleaved by samples: of ones, each for a run that is longer than those before, up to
// the line's end.
func flatJPEGLS(precision, components, width, height int) []byte {
	lengths := [32]int{4: 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	ones, at := 0, 0
	for range height {
		for rest := width; rest > 0; ones++ {
			if whole := 1 << lengths[at]; rest >= whole {
				rest, at = rest-whole, min(at+1, 31)
			} else {
				rest = 0
			}
		}
	}
	out := []byte{0xff, 0xd8, 0xff, 0xf7, 0, byte(8 + 3*components), byte(precision), byte(height >> 8), byte(height), byte(width >> 8), byte(width), byte(components)}
	scan := []byte{0xff, 0xda, 0, byte(6 + 2*components), byte(components)}
	for i := range components {
		out, scan = append(out, byte(i), 0x11, 0), append(scan, byte(i), 0)
	}
	out = append(out, append(scan, 0, byte(components/3*2), 0)...)
	for range divided(ones, 15) { // 0xff, and seven bits
		out = append(out, 0xff, 0x7f)
	}
	return append(out, 0xff, 0xd9)
}

// exifTurned is an EXIF segment for a JPEG, with an orientation.
func exifTurned(orientation byte) []byte {
	block := []byte("Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00" + string(rune(orientation)) + "\x00\x00\x00\x00\x00\x00\x00")
	return append([]byte{0xff, 0xe1, 0, byte(len(block) + 2)}, block...)
}

// noise is an image that compresses to about a third.
func noise(width, height int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	random := rand.New(rand.NewPCG(3, 4))
	for i := range m.Pix {
		m.Pix[i] = uint8(i/4/width) + uint8(random.Uint32()&7)
	}
	return m
}

// asKind is an image with colours of another kind.
func asKind(m *image.NRGBA, kind string) image.Image {
	switch kind {
	case "grey":
		out := image.NewGray(m.Rect)
		for i := range out.Pix {
			out.Pix[i] = m.Pix[4*i]
		}
		return out
	case "grey16":
		out := image.NewGray16(m.Rect)
		for i := range out.Pix {
			out.Pix[i] = m.Pix[2*i]
		}
		return out
	case "rgb":
		out := image.NewRGBA(m.Rect)
		copy(out.Pix, m.Pix)
		for i := 3; i < len(out.Pix); i += 4 {
			out.Pix[i] = 255
		}
		return out
	case "rgba16":
		out := image.NewNRGBA64(m.Rect)
		for i := range out.Pix {
			out.Pix[i] = m.Pix[i/2]
		}
		return out
	case "palette":
		palette := make(color.Palette, 256)
		for i := range palette {
			palette[i] = color.RGBA{uint8(i), uint8(i / 2), uint8(255 - i), 255}
		}
		out := image.NewPaletted(m.Rect, palette)
		for i := range out.Pix {
			out.Pix[i] = m.Pix[4*i]
		}
		return out
	}
	return m
}

// largeSamples are images of every kind, and a way of each decoder, of the given size.
func largeSamples(t testing.TB, width, height int) map[string][]byte {
	t.Helper()
	m := noise(width, height)
	out := map[string][]byte{}
	encode := func(name string, f func(*bytes.Buffer) error) {
		var b bytes.Buffer
		if err := f(&b); err != nil {
			t.Fatal(err)
		}
		out[name] = b.Bytes()
	}
	for _, kind := range []string{"grey", "grey16", "rgb", "rgba", "rgba16", "palette"} {
		source := asKind(m, kind)
		fast := png.Encoder{CompressionLevel: png.BestSpeed}
		encode("png "+kind, func(b *bytes.Buffer) error { return fast.Encode(b, source) })
		switch kind {
		case "grey", "rgb":
			encode("jpeg "+kind, func(b *bytes.Buffer) error { return jpeg.Encode(b, source, nil) })
		case "palette":
			encode("gif", func(b *bytes.Buffer) error { return gif.Encode(b, source, nil) })
		}
		if kind == "palette" || kind == "rgb" || kind == "rgba" {
			encode("bmp "+kind, func(b *bytes.Buffer) error { return bmp.Encode(b, source) })
		}
	}
	out["jpeg 12 bits"] = flatJPEG(0xc1, 12, 3, width, height)
	out["jpeg 12 bits, grey"] = flatJPEG(0xc1, 12, 1, width, height)
	out["jpeg lossless, 16 bits"] = flatJPEG(0xc3, 16, 3, width, height)
	out["jpeg lossless, 16 bits, grey"] = flatJPEG(0xc3, 16, 1, width, height)
	out["jpeg lossless, 7 bits"] = flatJPEG(0xc3, 7, 3, width, height)
	out["jpeg lossless"] = flatJPEG(0xc3, 8, 3, width, height)
	out["jpeg-ls, 16 bits"] = flatJPEGLS(16, 3, width, height)
	out["jpeg-ls, 16 bits, grey"] = flatJPEGLS(16, 1, width, height)
	out["jpeg-ls"] = flatJPEGLS(8, 3, width, height)
	turned := out["jpeg rgb"]
	out["jpeg turned"] = append(append(bytes.Clone(turned[:2]), exifTurned(6)...), turned[2:]...)
	for _, compression := range []int{uncompressed, deflate} {
		for _, f := range []tiffFile{
			{bits: 8, samples: 3, photometric: 2, rows: 16}, {bits: 16, samples: 3, photometric: 2, rows: 16}, {bits: 8, samples: 1, photometric: 1, rows: 16},
			{bits: 8, samples: 4, photometric: 2, tileWidth: 256, tileHeight: 256}, {bits: 8, samples: 3, photometric: 2, rows: height},
		} {
			f.width, f.height, f.compression = width, height, compression
			name := "tiff in strips"
			raw := width * max(f.rows, 1) * f.samples * f.bits / 8
			if f.tileWidth > 0 {
				name, raw = "tiff in tiles", f.tileWidth*f.tileHeight*f.samples*f.bits/8
			} else if f.rows == height {
				name = "tiff in one strip"
			}
			if f.block = make([]byte, raw); compression == deflate {
				name, f.block = name+", deflate", deflated(f.block)
			}
			if f.bits == 16 {
				name += ", 16 bits"
			} else if f.samples == 1 {
				name += ", grey"
			}
			out[name] = f.bytes()
		}
	}
	maps.Copy(out, plainSamples(m))
	out["webp lossless"] = webpOf(vp8l(width, height))
	out["webp animated"] = webpOf(vp8x(2, width, height), anmf(0, 0, width, height, vp8l(width, height)))
	return out
}
