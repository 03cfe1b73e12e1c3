package trials

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"slices"
)

// huge are sizes that files claim, just beyond what programs expect.
var huge = []uint64{0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 1 << 20, 1 << 24, 1<<28 - 1, 1 << 30, 0x7fffffff, 0x80000000, 0xffffffff, 1 << 32, 1 << 40, 1<<63 - 1, 1 << 63, 1<<64 - 1}

// mutate changes content in one to three places. Other is content to take parts of.
func mutate(r *rand.Rand, content, other []byte) []byte {
	if bytes.HasPrefix(content, []byte("PK\x03\x04")) && r.IntN(2) == 0 {
		if changed := mutateMember(r, content, other); changed != nil {
			return changed
		}
	}
	changed := slices.Clone(content)
	for range 1 + r.IntN(3) {
		changed = mutateOnce(r, changed, other)
		if len(changed) == 0 {
			changed = []byte{0}
		}
	}
	return changed
}

func mutateOnce(r *rand.Rand, data, other []byte) []byte {
	at := place(r, len(data))
	n := min(1+r.IntN(16), len(data)-at)
	switch r.IntN(9) {
	case 0: // cut off
		return data[:max(at, 1)]
	case 1, 2: // a bit
		data[at] ^= 1 << r.IntN(8)
	case 3: // a number, of some width and order
		copy(data[at:], number(r))
	case 4:
		for i := range n {
			data[at+i] = 0xff
		}
	case 5:
		clear(data[at : at+n])
	case 6: // something is missing
		return slices.Delete(data, at, at+n)
	case 7: // something is there twice
		return slices.Insert(data, at, slices.Clone(data[at:at+n])...)
	case 8: // a part of another file, or of this one
		from := place(r, len(other))
		part := other[from:min(len(other), from+1+r.IntN(256))]
		if r.IntN(2) == 0 {
			copy(data[at:], part)
			return data
		}
		return slices.Insert(data, at, part...)
	}
	return data
}

// aim replaces a number of variable length in the 24 bytes from at on by a large one, which moves nothing: zeros that
// are not needed make up the length, or the bytes after it are overwritten.
func aim(r *rand.Rand, content []byte, at int) []byte {
	changed := slices.Clone(content)
	at = min(at+r.IntN(24), len(changed)-1)
	v := huge[r.IntN(len(huge))]
	if r.IntN(2) == 0 { // as signed numbers are written
		v <<= 1
	}
	_, old := binary.Uvarint(changed[at:])
	number := binary.AppendUvarint(nil, v)
	if r.IntN(2) == 0 && old > 0 { // with what follows moved
		return slices.Replace(changed, at, at+old, number...)
	}
	copy(changed[at:], number)
	return changed
}

// place is more often near the beginning and the end, where headers and lists are.
func place(r *rand.Rand, n int) int {
	at := r.IntN(max(1, n))
	switch r.IntN(4) {
	case 0:
		return min(at, r.IntN(256))
	case 1:
		return max(at, n-1-r.IntN(512))
	}
	return at
}

func number(r *rand.Rand) []byte {
	v := huge[r.IntN(len(huge))]
	switch r.IntN(5) {
	case 0:
		return binary.LittleEndian.AppendUint32(nil, uint32(v))
	case 1:
		return binary.BigEndian.AppendUint32(nil, uint32(v))
	case 2:
		return binary.LittleEndian.AppendUint64(nil, v)
	case 3:
		return binary.LittleEndian.AppendUint16(nil, uint16(v))
	}
	return binary.AppendUvarint(nil, v)
}

// mutateMember changes what one member of an archive holds, whose checksum is right again.
func mutateMember(r *rand.Rand, archive, other []byte) []byte {
	from, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil || len(from.File) == 0 {
		return nil
	}
	var out bytes.Buffer
	to := zip.NewWriter(&out)
	chosen := r.IntN(len(from.File))
	for i, f := range from.File {
		if i == chosen {
			err = changeMember(r, to, f, other)
		} else {
			err = to.Copy(f) // as it is: packing again is most of the work
		}
		if err != nil {
			return nil
		}
	}
	if to.Close() != nil {
		return nil
	}
	return out.Bytes()
}

// changeMember writes a member with a change.
func changeMember(r *rand.Rand, to *zip.Writer, f *zip.File, other []byte) error {
	source, err := f.Open()
	if err != nil {
		return err
	}
	content, err := io.ReadAll(source)
	if err != nil {
		return err
	}
	if len(content) > 0 {
		content = mutateOnce(r, content, other)
	}
	w, err := to.CreateHeader(&zip.FileHeader{Name: f.Name, Method: f.Method})
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	return err
}
