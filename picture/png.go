package picture

import (
	"bytes"
	"hash/crc32"
	"image/png"
	"io"
)

// headerOfPNG reads a PNG's size and what its decoder takes.
func headerOfPNG(_ *workspace, data []byte) (header, error) {
	if err := checkPNG(data); err != nil {
		return header{}, err
	}
	c, err := png.DecodeConfig(needed(data, func(part []byte) io.Reader { return bytes.NewReader(part) }))
	h := header{width: c.Width, height: c.Height}
	if err != nil || h.width < 1 || h.height < 1 {
		return h, err // those without pixels are refused later
	}
	h.extent, err = pngExtent(data, h.width, h.height)
	return h, err
}

func decodePNG(w *workspace, data []byte, j job) (source, error) {
	decoded, err := png.Decode(needed(data, w.timed))
	if err != nil {
		return source{}, err
	}
	return w.fromImage(decoded, j)
}

// needed reads a PNG without the notes whose checksums are wrong: they say nothing about the pixels, and the decoder
// would refuse the whole file for one. Transparency does say something, and stays.
func needed(data []byte, read func([]byte) io.Reader) io.Reader {
	var parts []io.Reader
	at, kept := min(8, len(data)), 0
	pngChunks(data, func(kind string, content []byte) bool {
		end := at + 12 + len(content)
		if kind[0]&0x20 != 0 && kind != "tRNS" && string(data[end-4:end]) != pngSum(data[at+4:end-4]) {
			parts = append(parts, read(data[kept:at]))
			kept = end
		}
		at = end
		return len(parts) >= maxBadNotes
	})
	if parts == nil {
		return read(data)
	}
	return io.MultiReader(append(parts, read(data[kept:]))...)
}

// maxBadNotes bounds how many chunks with a wrong checksum are passed over.
const maxBadNotes = 100

// pngSum is the checksum of a chunk's kind and content, as it is stored.
func pngSum(chunk []byte) string {
	sum := crc32.ChecksumIEEE(chunk)
	return string([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
}
