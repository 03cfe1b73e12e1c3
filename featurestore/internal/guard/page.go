package guard

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/schema"
	"github.com/klauspost/compress/snappy"

	"fovea/internal/budget"
)

// maxPageHeader bounds the header of a page, as Arrow does. Statistics in it may hold values.
const maxPageHeader = 16 << 20

// Kinds of pages.
const (
	pageData       = 0
	pageDictionary = 2
	pageDataV2     = 3
)

// tinyPayload is how long what unpacks to nothing may be: the decoders of gzip and Brotli unpack all of it if no
// memory was prepared.
const tinyPayload = 64

// pageHead is what a page's header says.
type pageHead struct {
	kind                     int64
	uncompressed, compressed int64
	values                   int64
	encoding                 int64
	definitions, repetitions int64 // encodings of the levels, in pages of version 1
	levels                   int64 // bytes of levels before the compressed part, in pages of version 2
	plain                    bool  // a page of version 2 that is not compressed
	length                   int   // of the header
}

// readPageHead reads a header. short means that data ends within it.
func readPageHead(data []byte) (h pageHead, short bool, err error) {
	t := thriftWalk{data: data}
	err = t.fields(0, func(id int, kind byte) (bool, error) {
		to := map[int]*int64{1: &h.kind, 2: &h.uncompressed, 3: &h.compressed}[id]
		switch {
		case to != nil && kind == thriftI32:
			v, err := t.integer()
			*to = int64(int32(v))
			return true, err
		case kind == thriftStruct && id == 5: // data
			return true, t.pagePart(map[int]*int64{1: &h.values, 2: &h.encoding, 3: &h.definitions, 4: &h.repetitions}, nil)
		case kind == thriftStruct && id == 7: // dictionary
			return true, t.pagePart(map[int]*int64{1: &h.values, 2: &h.encoding}, nil)
		case kind == thriftStruct && id == 8: // data of version 2
			var definitions, repetitions int64
			err := t.pagePart(map[int]*int64{1: &h.values, 4: &h.encoding, 5: &definitions, 6: &repetitions}, &h.plain)
			if definitions < 0 || repetitions < 0 {
				return true, t.fail("levels of a negative length")
			}
			h.levels = definitions + repetitions
			return true, err
		}
		return false, nil
	})
	h.length = t.at
	return h, t.short, err
}

// pagePart reads the part of a header for one kind of page.
func (t *thriftWalk) pagePart(numbers map[int]*int64, plain *bool) error {
	return t.fields(1, func(id int, kind byte) (bool, error) {
		if to := numbers[id]; to != nil && kind == thriftI32 {
			v, err := t.integer()
			*to = int64(int32(v))
			return true, err
		}
		const compressedField = 7
		if id == compressedField && plain != nil && (kind == thriftTrue || kind == thriftFalse) {
			*plain = kind == thriftFalse
		}
		return false, nil
	})
}

// column is what checking pages needs to know of a column chunk.
type column struct {
	descr *schema.Column
	codec compress.Compression
	// values is how many there are by the footer, seen how many the pages so far have.
	values, seen int64
	// encodings are those that the footer lists, if pages must have one of them.
	encodings []parquet.Encoding
	file      *Source
}

func (c *column) bad(what string, args ...any) error {
	return fmt.Errorf("%w: a page of column %q "+what, append([]any{ErrCorrupt, c.descr.Path()}, args...)...)
}

// checkHead compares a header with the footer and with the bytes that are left of the column chunk.
func (c *column) checkHead(h pageHead, left int64) error {
	switch {
	case h.compressed < 0 || h.compressed > left:
		return c.bad("claims %d bytes where %d are left", h.compressed, left)
	case h.uncompressed < 0 || h.values < 0:
		return c.bad("claims %d values in %d bytes", h.values, h.uncompressed)
	case h.uncompressed > c.file.memory.Left():
		return fmt.Errorf("column %q: %w", c.descr.Path(), c.file.memory.Take(h.uncompressed, "a page"))
	case (h.plain || c.codec == compress.Codecs.Uncompressed) && h.compressed != h.uncompressed:
		return c.bad("is not compressed, but claims to be %d bytes and %d", h.compressed, h.uncompressed)
	case h.levels > min(h.uncompressed, h.compressed):
		return c.bad("claims %d bytes of levels in %d", h.levels, h.uncompressed)
	}
	switch h.kind {
	case pageDictionary:
		return c.checkDictionary(h)
	case pageData, pageDataV2:
		if c.seen += h.values; c.seen > c.values {
			return c.bad("brings the values to %d, but the footer says %d", c.seen, c.values)
		}
		return c.checkEncoding(h)
	}
	return c.bad("is of the unknown kind %d", h.kind)
}

// checkEncoding fails if the footer does not list a page's encoding. Arrow's reader ignores that error
// unless it is in the first page, and returns zeros or earlier values for the page.
func (c *column) checkEncoding(h pageHead) error {
	encoding := parquet.Encoding(h.encoding)
	if c.encodings != nil && !slices.Contains(c.encodings, encoding) {
		return c.bad("has the encoding %d, which the footer does not list", h.encoding)
	}
	if IsDelta(encoding) {
		return c.charge(16*h.values, "the values of a page")
	}
	return nil
}

// IsDelta reports whether an encoding stores differences; see CheckValues.
func IsDelta(encoding parquet.Encoding) bool {
	switch encoding {
	case parquet.Encodings.DeltaBinaryPacked, parquet.Encodings.DeltaByteArray, parquet.Encodings.DeltaLengthByteArray:
		return true
	}
	return false
}

// checkDictionary compares the number of values of a dictionary, for which memory is allocated, with its size.
func (c *column) checkDictionary(h pageHead) error {
	size := int64(1)
	switch c.descr.PhysicalType() {
	case parquet.Types.ByteArray, parquet.Types.Int32, parquet.Types.Float:
		size = 4
	case parquet.Types.Int64, parquet.Types.Double:
		size = 8
	case parquet.Types.Int96:
		size = 12
	case parquet.Types.FixedLenByteArray:
		size = max(1, int64(c.descr.TypeLength()))
	}
	if h.values > h.uncompressed/size {
		return c.bad("claims %d values of a dictionary in %d bytes", h.values, h.uncompressed)
	}
	const perValue = 24 // of a slice
	return c.charge(perValue*h.values, "a dictionary")
}

func (c *column) charge(n int64, what string) error {
	if err := c.file.Charge(n, what); err != nil {
		return fmt.Errorf("column %q: %w", c.descr.Path(), err)
	}
	return nil
}

// checkPayload looks at the beginning of what is compressed, where most formats repeat how long it will be.
func (c *column) checkPayload(h pageHead, payload []byte) error {
	want := h.uncompressed
	if h.kind == pageDataV2 {
		if h.plain {
			return nil
		}
		payload, want = payload[h.levels:], want-h.levels
	}
	switch c.codec {
	case compress.Codecs.Snappy:
		if n, err := snappy.DecodedLen(payload); err != nil || int64(n) != want {
			return c.bad("has %d bytes by its header, but unpacks to %d (%v)", want, n, err)
		}
	case compress.Codecs.Zstd:
		if err := checkZstd(payload, want, min(c.file.memory.Left(), budget.Base/2)); err != nil {
			return fmt.Errorf("column %q: %w", c.descr.Path(), err)
		}
	case compress.Codecs.Uncompressed:
	default:
		if want == 0 && len(payload) > tinyPayload {
			return c.bad("has %d bytes that unpack to none", len(payload))
		}
	}
	return nil
}

// checkPages goes through the pages of a column chunk.
func (c *column) checkPages(data []byte) error {
	for len(data) > 0 && c.seen < c.values {
		h, _, err := readPageHead(data[:min(len(data), maxPageHeader)])
		if err != nil {
			return c.bad("has a damaged header: %w", err)
		}
		data = data[h.length:]
		if err := c.checkHead(h, int64(len(data))); err != nil {
			return err
		}
		if err := c.checkPayload(h, data[:h.compressed]); err != nil {
			return err
		}
		data = data[h.compressed:]
	}
	return nil
}

// CheckValues checks what a page of Arrow's claims of its values; see checkDelta.
func CheckValues(page file.Page, descr *schema.Column) error {
	encoding := parquet.Encoding(page.Encoding())
	if !IsDelta(encoding) {
		return nil
	}
	values, data := int(page.NumValues()), page.Data()
	switch p := page.(type) {
	case *file.DataPageV1: // levels are in front
		for _, most := range []int16{descr.MaxRepetitionLevel(), descr.MaxDefinitionLevel()} {
			if most == 0 {
				continue
			}
			var err error
			if data, err = ReadLevels(data, bits.Len(uint(most)), values, func(int, int) bool { return true }); err != nil {
				return fmt.Errorf("%w: the levels of a page of column %q", ErrCorrupt, descr.Path())
			}
		}
	case *file.DataPageV2:
		data = data[int(p.RepetitionLevelByteLen())+int(p.DefinitionLevelByteLen()):]
	default:
		return nil
	}
	rest, err := checkDelta(data, values)
	if err == nil && encoding == parquet.Encodings.DeltaByteArray {
		_, err = checkDelta(rest, values)
	}
	if err != nil {
		return fmt.Errorf("column %q: %w", descr.Path(), err)
	}
	return nil
}
