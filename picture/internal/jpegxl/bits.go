package jpegxl

// bits reads numbers, the lowest bit first. Beyond the end they are 0, and short is set.
type bits struct {
	data  []byte
	at    int
	short bool
}

func (b *bits) number(n int) (v uint64) {
	for i := range n {
		if b.at>>3 >= len(b.data) {
			b.short = true
			return 0
		}
		v |= uint64(b.data[b.at>>3]>>(b.at&7)&1) << i
		b.at++
	}
	return v
}

func (b *bits) skip(n int) {
	b.at += n
	b.short = b.short || b.at > 8*len(b.data)
}

func (b *bits) flag() bool { return b.number(1) == 1 }

// choice is one of four ways to write a number: so many bits and what is added to them.
type choice struct{ bits, plus int }

func (b *bits) choose(of [4]choice) int {
	c := of[b.number(2)]
	return c.plus + int(b.number(c.bits))
}

// enumeration is a number of a list that may grow.
func (b *bits) enumeration() int { return b.choose([4]choice{{0, 0}, {0, 1}, {4, 2}, {6, 18}}) }
