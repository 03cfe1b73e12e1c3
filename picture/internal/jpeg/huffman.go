package jpeg

import (
	"bytes"

	"fovea/picture/internal/fault"
)

// quickBits is how many bits the tables look up at once. Most codes are shorter, and most of
// these with the value after them.
const quickBits = 10

// huffman decodes one of the file's prefix codes.
type huffman struct {
	defined bool
	// quick has, per start of the bit stream, the code's length << 8 | its symbol; 0 for
	// codes longer than quickBits.
	quick [1 << quickBits]uint16
	// values has, where a symbol and the value after it both fit, the value << 16 | the
	// run of zeros before it << 8 | the bits taken; else notWhole. The end of a block is a
	// run beyond it.
	values      [1 << quickBits]uint32
	valuesReady bool
	// limit has per length the first 16 bits that are beyond its codes; offset leads from a
	// code to its symbol.
	limit   [18]uint32
	offset  [17]int32
	symbols [256]uint8
	// definition is what the tables were made of. Most files of a kind have the same.
	definition []byte
}

const (
	notWhole   = 0x80
	endOfBlock = 64
)

// define makes the tables from the number of codes of each length, 1 to 16, and the
// symbols in the order of their codes, which follow.
func (h *huffman) define(definition []byte) error {
	if h.defined = bytes.Equal(definition, h.definition); h.defined {
		return nil
	}
	h.definition = h.definition[:0]
	counts, symbols := definition[:16], definition[16:]
	clear(h.quick[:])
	copy(h.symbols[:], symbols)
	code, next := uint32(0), 0
	for length := 1; length <= 16; length++ {
		n := int(counts[length-1])
		h.offset[length] = int32(next) - int32(code)
		if code+uint32(n) > 1<<length {
			return fault.Corrupt("Huffman table has too many codes")
		}
		if length <= quickBits {
			for i := range n {
				first := (int(code) + i) << (quickBits - length)
				for j := range 1 << (quickBits - length) {
					h.quick[first+j] = uint16(length)<<8 | uint16(symbols[next+i])
				}
			}
		}
		code += uint32(n)
		next += n
		h.limit[length] = code << (16 - length)
		code <<= 1
	}
	h.limit[17] = 1 << 16
	h.definition = append(h.definition, definition...)
	h.defined, h.valuesReady = true, false
	return nil
}

// defineValues joins symbols, of DC or AC coefficients, with the values after them.
func (h *huffman) defineValues(ac bool) {
	if h.valuesReady {
		return
	}
	for i, entry := range h.quick {
		length := uint(entry >> 8)
		run, size := meaning(uint8(entry), ac)
		h.values[i] = notWhole
		if length != 0 && length+size <= quickBits {
			value := extend(uint64(i)>>(quickBits-length-size)&(1<<size-1), size)
			h.values[i] = uint32(value)<<16 | uint32(run)<<8 | uint32(length+size)
		}
	}
	h.valuesReady = true
}

// meaning is the run of zeros and the number of bits of the value that a symbol stands for.
func meaning(symbol uint8, ac bool) (run, size uint) {
	run, size = uint(symbol>>4), uint(symbol&15)
	switch {
	case !ac:
		return 0, size
	case size == 0 && run < 15:
		return endOfBlock, 0
	}
	return run, size
}

// whole decodes at the start of acc what is too long for a look-up. No code takes no bits.
func (h *huffman) whole(ac bool, acc uint64) (value int32, run, bits uint) {
	symbol, length := h.symbol(acc)
	if length == 0 {
		return 0, endOfBlock, 0
	}
	run, size := meaning(symbol, ac)
	return extend(acc<<length>>1>>(63-size), size), run, length + size
}

// symbol decodes the symbol at the start of acc; the length of no code is 0.
func (h *huffman) symbol(acc uint64) (symbol uint8, length uint) {
	if entry := h.quick[acc>>(64-quickBits)]; entry != 0 {
		return uint8(entry), uint(entry >> 8)
	}
	start := uint32(acc >> 48)
	length = quickBits + 1
	for start >= h.limit[length] {
		length++
	}
	if length > 16 {
		return 0, 0
	}
	code := int32(acc >> (64 - length))
	return h.symbols[uint8(code+h.offset[length])], length
}

// extend gives the number that size bits stand for: the lower half of them is negative.
func extend(bits uint64, size uint) int32 {
	value := int32(bits)
	if value < 1<<size>>1 {
		value += -1<<size + 1
	}
	return value
}
