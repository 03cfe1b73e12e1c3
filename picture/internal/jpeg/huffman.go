package jpeg

// quickBits is how many bits the tables look up at once. Most codes are shorter.
const quickBits = 9

// huffman decodes one of the file's prefix codes.
type huffman struct {
	defined bool
	// quick has, per start of the bit stream, the code's length << 8 | its symbol; 0 for
	// codes longer than quickBits.
	quick [1 << quickBits]uint16
	// pairs has, where an AC symbol and the value behind it both fit, the value << 16 | the
	// run << 8 | the bits taken; else 0.
	pairs [1 << quickBits]int32
	// limit has per length the first 16 bits that are beyond its codes; offset leads from a
	// code to its symbol.
	limit   [18]uint32
	offset  [17]int32
	symbols [256]uint8
}

// define makes the tables from the number of codes of each length, 1 to 16, and the
// symbols in the order of their codes.
func (h *huffman) define(counts, symbols []byte) error {
	clear(h.quick[:])
	copy(h.symbols[:], symbols)
	code, next := uint32(0), 0
	for length := 1; length <= 16; length++ {
		n := int(counts[length-1])
		h.offset[length] = int32(next) - int32(code)
		if code+uint32(n) > 1<<length {
			return corrupt("Huffman table has too many codes")
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
	h.defined = true
	return nil
}

// definePairs joins AC symbols with the values behind them.
func (h *huffman) definePairs() {
	for i, entry := range h.quick {
		h.pairs[i] = 0
		length, run, size := int(entry>>8), int(entry>>4&15), int(entry&15)
		if length == 0 || size == 0 || length+size > quickBits {
			continue
		}
		value := extend(uint64(i)>>(quickBits-length-size)&(1<<size-1), uint(size))
		h.pairs[i] = value<<16 | int32(run)<<8 | int32(length+size)
	}
}

// extend gives the number that size bits stand for: the lower half of them is negative.
func extend(bits uint64, size uint) int32 {
	value := int32(bits)
	if value < 1<<size>>1 {
		value += -1<<size + 1
	}
	return value
}
