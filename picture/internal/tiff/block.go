package tiff

import (
	"compress/lzw"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"

	"github.com/klauspost/compress/zstd"
	tifflzw "golang.org/x/image/tiff/lzw"

	"fovea/picture/internal/fault"
)

// Codec decodes a block of JPEG, old-style JPEG or WebP: pixels of so many samples of 8 bits each, row by row, chroma
// spread and converted as the Layout's colours ask for. tables are those of the page that the block refers to.
type Codec func(l *Layout, tables, coded []byte) (Pixels, error)

// Pixels are what a Codec makes of a block.
type Pixels struct {
	Width, Height, Samples int
	Pix                    []uint8
}

// place is where a block is in the file, and its size.
func (f *File) place(l *Layout, block int64) (at, n int64, err error) {
	start, err := l.dir.at(&f.lists[0], l.offsets, block)
	if err != nil {
		return 0, 0, err
	}
	at = int64(min(start, math.MaxInt64))
	if l.dir.Count(l.counts) <= block { // some leave it out
		return at, max(0, f.size-at), nil
	}
	size, err := l.dir.at(&f.lists[1], l.counts, block)
	if err != nil {
		return 0, 0, err
	}
	if size == 0 && l.Blocks() == 1 {
		return at, max(0, f.size-at), nil
	}
	return at, int64(min(size, math.MaxInt64)), nil
}

// empty tells whether a file leaves a block out, as sparse files do.
func (f *File) empty(l *Layout, block int64) bool {
	at, n, err := f.place(l, block)
	return err == nil && n == 0 && at == 0
}

// unpack decodes the rows of a block from first on into the file's memory: those that it says it has, or fewer. Blocks
// that are not compressed are read as far as is wanted.
func (f *File) unpack(l *Layout, block int64, first, rows int) ([]byte, error) {
	at, n, err := f.place(l, block)
	if err != nil {
		return nil, err
	}
	if l.Compression == Uncompressed {
		return f.unpackPlain(l, at, first, rows)
	}
	if n > f.size-at || at < 0 {
		return nil, fault.Truncated("a strip or tile ends after the end of the file")
	}
	f.raw = grown(f.raw, n)
	if err := f.fill(f.raw, at); err != nil {
		return nil, err
	}
	if l.Reversed && l.Compression != JPEG && l.Compression != OldJPEG {
		reverseBits(f.raw)
	}
	stored := l.rowsOf(int(block%times(l.Across, l.Down)) / l.Across)
	f.block = grown(f.block, l.bytesOf(stored))
	if err := f.decompress(l, f.block, f.raw, stored); err != nil {
		return nil, err
	}
	if err := f.undo(l, f.block); err != nil {
		return nil, err
	}
	return f.block[l.bytesOf(first):], nil
}

// unpackPlain is unpack for a block at an offset of the file that is not compressed.
func (f *File) unpackPlain(l *Layout, at int64, first, rows int) ([]byte, error) {
	skip, want := l.bytesOf(first), l.bytesOf(rows)
	if at > f.size-skip-want || at < 0 {
		return nil, fault.Truncated("a strip or tile ends after the end of the file")
	}
	f.block = grown(f.block, want)
	if err := f.fill(f.block, at+skip); err != nil {
		return nil, err
	}
	if l.Reversed {
		reverseBits(f.block)
	}
	if err := f.undo(l, f.block); err != nil {
		return nil, err
	}
	return f.block, nil
}

func (f *File) decompress(l *Layout, dst, raw []byte, rows int) error {
	var r io.Reader
	var err error
	switch l.Compression {
	case PackBits:
		return unpackBits(dst, raw)
	case LZW:
		if len(raw) >= 2 && raw[0] == 0 && raw[1]&1 != 0 { // of before TIFF 5
			r = lzw.NewReader(&spendingReader{raw, f}, lzw.LSB, 8)
		} else {
			r = tifflzw.NewReader(&spendingReader{raw, f}, tifflzw.MSB, 8)
		}
	case Deflate, DeflateOld:
		if r, err = f.inflater(&spendingReader{raw, f}); err != nil {
			return coding(err)
		}
	case Zstandard:
		return unpackZstandard(dst, raw)
	case JPEG, WebP:
		return f.viaCodec(l, dst, raw, rows)
	default:
		return f.unpackFax(l, dst, raw, rows)
	}
	_, err = io.ReadFull(r, dst)
	return coding(err)
}

// inflater unpacks Deflate, in the memory of the last block.
func (f *File) inflater(r io.Reader) (io.Reader, error) {
	if f.inflate == nil {
		var err error
		f.inflate, err = zlib.NewReader(r)
		return f.inflate, err
	}
	return f.inflate, f.inflate.(zlib.Resetter).Reset(r, nil)
}

// spendingReader counts compressed bytes, each of which may stand for many pixels, as work.
type spendingReader struct {
	rest []byte
	file *File
}

func (r *spendingReader) Read(p []byte) (int, error) {
	const workOfByte = 64
	n := copy(p, r.rest)
	if r.rest = r.rest[n:]; n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, r.file.spend(n * workOfByte)
}

// coding is a decompressor's error.
func coding(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fault.ErrStopped):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fault.Truncated("a strip or tile has too few pixels")
	}
	return fault.Corrupt("%w", err)
}

// zstdWindow is the largest window of Zstandard that blocks need which do not say how long they are: that of level 19.
const zstdWindow = 8 << 20

func unpackZstandard(dst, raw []byte) error {
	var header zstd.Header
	if err := header.Decode(raw); err != nil {
		return coding(err)
	}
	most := uint64(max(len(dst)+1, zstdWindow))
	if header.HasFCS && header.FrameContentSize > uint64(len(dst)) {
		return fault.Corrupt("a strip or tile of %d bytes holds %d", len(dst), header.FrameContentSize)
	} else if header.HasFCS { // then no window is kept
		most = max(most, header.WindowSize)
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(most))
	if err != nil {
		return fmt.Errorf("open the decoder of Zstandard: %w", err)
	}
	defer decoder.Close()
	out, err := decoder.DecodeAll(raw, dst[:0:len(dst)])
	switch {
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return fault.Unsupported("TIFF compressed by Zstandard with a window of %d MB: convert it to PNG", header.WindowSize>>20)
	case err != nil:
		return coding(err)
	case len(out) < len(dst):
		return coding(io.EOF)
	}
	copy(dst, out)
	return nil
}

func unpackBits(dst, raw []byte) error {
	for len(dst) > 0 {
		if len(raw) < 2 {
			return coding(io.EOF)
		}
		n := int(int8(raw[0]))
		switch {
		case n >= 0:
			if n++; n >= len(raw) {
				return coding(io.EOF)
			}
			copy(dst, raw[1:1+n])
			dst, raw = dst[min(n, len(dst)):], raw[1+n:]
		case n == -128:
			raw = raw[1:]
		default:
			n = min(1-n, len(dst))
			for i := range dst[:n] {
				dst[i] = raw[1]
			}
			dst, raw = dst[n:], raw[2:]
		}
	}
	return nil
}

// viaCodec decodes a block by the Codec, into rows of the block's width.
func (f *File) viaCodec(l *Layout, dst, raw []byte, rows int) error {
	if f.Codec == nil {
		return fault.Unsupported("TIFF of compression %d: convert it to PNG", l.Compression)
	}
	p, err := f.Codec(l, l.tables, raw)
	if err != nil {
		return err
	}
	if p.Width < l.BlockWidth || p.Height < rows {
		return fault.Corrupt("a block of %dx%d pixels holds %dx%d", l.BlockWidth, rows, p.Width, p.Height)
	}
	if p.Samples != l.channels() {
		return fault.Corrupt("a block of %d samples a pixel holds %d", l.channels(), p.Samples)
	}
	row := l.BlockWidth * p.Samples
	for y := range rows {
		copy(dst[y*row:(y+1)*row], p.Pix[y*p.Width*p.Samples:])
	}
	return nil
}

func reverseBits(b []byte) {
	for i, v := range b {
		b[i] = bits.Reverse8(v)
	}
}

// grown returns a slice of n bytes, of the old memory if that suffices.
func grown(old []byte, n int64) []byte {
	if int64(cap(old)) < n {
		return make([]byte, n)
	}
	return old[:n]
}
