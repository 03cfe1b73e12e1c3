package hdf5

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zlib"
)

// The filters that are known, by their registered numbers.
const (
	filterDeflate    = 1
	filterShuffle    = 2
	filterFletcher32 = 3
	filterLZF        = 32000
)

// otherFilters are named where they are refused.
var otherFilters = map[uint16]string{
	4: "szip", 5: "n-bit", 6: "scale-offset", 305: "lzo", 307: "bzip2", 32001: "blosc", 32004: "lz4",
	32008: "bitshuffle", 32013: "zfp", 32015: "zstd", 32026: "blosc2",
}

type filter struct {
	id     uint16
	client []uint32
}

// filters reads the message that lists what each chunk went through.
func (f *File) filters(data []byte) ([]filter, error) {
	c := cursor{data: data, file: f}
	version, count := c.byte(), int(c.byte())
	switch version {
	case 1:
		c.skip(6)
	case 2:
	default:
		return nil, fmt.Errorf("%w: filters of version %d", ErrUnsupported, version)
	}
	if count > 32 {
		return nil, fmt.Errorf("%w: %d filters", ErrFormat, count)
	}
	filters := make([]filter, count)
	for i := range filters {
		filters[i] = c.filter(version == 1)
	}
	if err := c.err("the list of filters"); err != nil {
		return nil, err
	}
	return filters, checkFilters(filters)
}

// filter reads one filter. In old lists, names and values are padded to 8 bytes.
func (c *cursor) filter(old bool) filter {
	one, nameLength := filter{id: c.uint16()}, 0
	if old || one.id >= 256 {
		nameLength = int(c.uint16())
	}
	c.skip(2)
	values := int(c.uint16())
	if old {
		nameLength += -nameLength & 7
	}
	c.skip(nameLength)
	for range values {
		if c.failed {
			break
		}
		one.client = append(one.client, c.uint32())
	}
	if old && values&1 != 0 {
		c.skip(4)
	}
	return one
}

func checkFilters(filters []filter) error {
	for _, one := range filters {
		switch one.id {
		case filterDeflate, filterFletcher32, filterLZF:
		case filterShuffle:
			if len(one.client) != 1 || one.client[0] == 0 {
				return fmt.Errorf("%w: a shuffle of %v", ErrFormat, one.client)
			}
		default:
			name := otherFilters[one.id]
			if name == "" {
				name = fmt.Sprintf("number %d", one.id)
			}
			return fmt.Errorf("%w: it is compressed by the filter %s: write it again with gzip or without compression", ErrUnsupported, name)
		}
	}
	return nil
}

// unfilterer decodes chunks, reusing its memory from one to the next.
type unfilterer struct {
	filters []filter
	size    int // of a chunk's elements
	inflate io.ReadCloser
	buffers [2][]byte
}

// chunk undoes the filters of a chunk, the last first, except those that mask says were skipped.
// The result is valid until the next call.
func (u *unfilterer) chunk(data []byte, mask uint32) ([]byte, error) {
	which := 0 // the buffer that does not hold data
	for i := len(u.filters) - 1; i >= 0; i-- {
		if mask&(1<<i) != 0 {
			continue
		}
		var err error
		if data, err = u.one(u.filters[i], data, which); err != nil {
			return nil, err
		}
		if u.filters[i].id != filterFletcher32 { // which leaves data where it is
			which = 1 - which
		}
	}
	if len(data) != u.size {
		return nil, fmt.Errorf("%w: a chunk of %d bytes instead of %d", ErrFormat, len(data), u.size)
	}
	return data, nil
}

// buffer is one of the two buffers, with room for n bytes.
func (u *unfilterer) buffer(which, n int) []byte {
	if cap(u.buffers[which]) < n {
		u.buffers[which] = make([]byte, n)
	}
	return u.buffers[which][:n]
}

// room is the largest size of a chunk between two filters: checksums may be included.
func (u *unfilterer) room() int { return u.size + 4*len(u.filters) }

func (u *unfilterer) one(f filter, data []byte, which int) ([]byte, error) {
	switch f.id {
	case filterDeflate:
		return u.deflated(data, u.buffer(which, u.room()+1))
	case filterLZF:
		return unLZF(u.buffer(which, u.room()), data)
	case filterShuffle:
		out := u.buffer(which, len(data))
		unshuffle(out, data, int(f.client[0]))
		return out, nil
	case filterFletcher32:
		if len(data) < 4 {
			return nil, fmt.Errorf("%w: a chunk of %d bytes with a checksum", ErrFormat, len(data))
		}
		body, stored := data[:len(data)-4], binary.LittleEndian.Uint32(data[len(data)-4:])
		if fletcher32(body) != stored {
			return nil, fmt.Errorf("%w: the checksum of a chunk is wrong: it is damaged", ErrFormat)
		}
		return body, nil
	}
	return nil, fmt.Errorf("%w: filter %d", ErrUnsupported, f.id)
}

func (u *unfilterer) deflated(data, out []byte) (_ []byte, err error) {
	if u.inflate == nil {
		u.inflate, err = zlib.NewReader(bytes.NewReader(data))
	} else {
		err = u.inflate.(zlib.Resetter).Reset(bytes.NewReader(data), nil)
	}
	if err != nil {
		u.inflate = nil
		return nil, fmt.Errorf("%w: a compressed chunk: %w", ErrFormat, err)
	}
	n, err := io.ReadFull(u.inflate, out)
	switch {
	case err == nil:
		return nil, fmt.Errorf("%w: a compressed chunk has more than %d bytes", ErrFormat, len(out)-1)
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("%w: a compressed chunk: %w", ErrFormat, err)
	}
	// ReadFull reports a short read both at the end and where the stream is cut off; the reader tells them apart.
	if _, err := u.inflate.Read(out[n:]); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: a compressed chunk: %w", ErrFormat, io.ErrUnexpectedEOF)
	}
	return out[:n], nil
}

// unshuffle restores elements of size bytes: stored are first the first bytes of all elements, then
// the second ones. Left-over bytes stay at the end.
func unshuffle(out, data []byte, size int) {
	count := len(data) / size
	for i := range size {
		plane := data[i*count : (i+1)*count]
		for j, b := range plane {
			out[j*size+i] = b
		}
	}
	copy(out[count*size:], data[count*size:])
}

// unLZF decompresses by LibLZF's format: runs of bytes to copy, and references back.
func unLZF(out, data []byte) ([]byte, error) {
	bad := fmt.Errorf("%w: a chunk compressed by lzf is damaged", ErrFormat)
	n := 0
	for at := 0; at < len(data); {
		control := int(data[at])
		at++
		if control < 32 {
			length := control + 1
			if length > len(data)-at || length > len(out)-n {
				return nil, bad
			}
			n += copy(out[n:], data[at:at+length])
			at += length
			continue
		}
		length, back := control>>5, control&0x1f<<8
		if length == 7 {
			if at >= len(data) {
				return nil, bad
			}
			length += int(data[at])
			at++
		}
		if at >= len(data) {
			return nil, bad
		}
		from := n - (back | int(data[at])) - 1
		at++
		length += 2
		if from < 0 || length > len(out)-n {
			return nil, bad
		}
		for i := range length { // the two may overlap
			out[n+i] = out[from+i]
		}
		n += length
	}
	return out[:n], nil
}
