package hdf5

import (
	"encoding/binary"
	"math/bits"
)

// lookup3 is Bob Jenkins's hash of that name, which HDF5 takes as the checksum of its
// metadata and as the order of names in a B-tree.
func lookup3(data []byte) uint32 {
	a := 0xdeadbeef + uint32(len(data))
	b, c := a, a
	for len(data) > 12 {
		a += binary.LittleEndian.Uint32(data)
		b += binary.LittleEndian.Uint32(data[4:])
		c += binary.LittleEndian.Uint32(data[8:])
		a, c = (a-c)^bits.RotateLeft32(c, 4), c+b
		b, a = (b-a)^bits.RotateLeft32(a, 6), a+c
		c, b = (c-b)^bits.RotateLeft32(b, 8), b+a
		a, c = (a-c)^bits.RotateLeft32(c, 16), c+b
		b, a = (b-a)^bits.RotateLeft32(a, 19), a+c
		c, b = (c-b)^bits.RotateLeft32(b, 4), b+a
		data = data[12:]
	}
	if len(data) == 0 {
		return c
	}
	var tail [12]byte
	copy(tail[:], data)
	a += binary.LittleEndian.Uint32(tail[:])
	b += binary.LittleEndian.Uint32(tail[4:])
	c += binary.LittleEndian.Uint32(tail[8:])
	c = (c ^ b) - bits.RotateLeft32(b, 14)
	a = (a ^ c) - bits.RotateLeft32(c, 11)
	b = (b ^ a) - bits.RotateLeft32(a, 25)
	c = (c ^ b) - bits.RotateLeft32(b, 16)
	a = (a ^ c) - bits.RotateLeft32(c, 4)
	b = (b ^ a) - bits.RotateLeft32(a, 14)
	return (c ^ b) - bits.RotateLeft32(b, 24)
}

// fletcher32 is HDF5's form of Fletcher's checksum: of big-endian 16-bit words, folded.
func fletcher32(data []byte) uint32 {
	var low, high uint32
	fold := func(n uint32) uint32 { return n&0xffff + n>>16 }
	// After 360 words the sums could overflow.
	for len(data) >= 2 {
		block := data[:min(720, len(data)&^1)]
		data = data[len(block):]
		for ; len(block) > 0; block = block[2:] {
			low += uint32(binary.BigEndian.Uint16(block))
			high += low
		}
		low, high = fold(low), fold(high)
	}
	if len(data) == 1 {
		low += uint32(data[0]) << 8
		high += low
		low, high = fold(low), fold(high)
	}
	return fold(high)<<16 | fold(low)
}
