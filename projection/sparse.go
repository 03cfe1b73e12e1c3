package projection

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
)

// sparse is a sparse random matrix.
type sparse struct {
	inputs, values int
	// span is the length of a block, of whose values each result takes one.
	span int
	// entries are for each block and result the position in the block, and the sign in the highest bit.
	entries []uint16
	scale   float64
}

const (
	signBit     = 1 << 15
	golden      = 0x9E3779B97F4A7C15
	mostPadding = signBit // the longest block
)

// newSparse makes the matrix for vectors of that many inputs.
func newSparse(seed uint64, inputs, values int) (*sparse, error) {
	span := wholeRoot(inputs)
	if span < 1 || span > mostPadding {
		return nil, fmt.Errorf("projection: a layer of %d values: at most %d can be projected", inputs, mostPadding*mostPadding)
	}
	s := &sparse{inputs: inputs, values: values, span: span, scale: math.Sqrt(float64(span) / float64(values))}
	blocks := (inputs + span - 1) / span
	s.entries = make([]uint16, blocks*values)
	sum := sha256.Sum256(fmt.Appendf(nil, "fovea sparse projection %d %d %d", seed, inputs, values))
	state := binary.LittleEndian.Uint64(sum[:])
	for i := range s.entries {
		state += golden
		h := finalize(state)
		s.entries[i] = uint16((h>>32)*uint64(span)>>32 | h&1<<15)
	}
	return s, nil
}

// finalize is SplitMix64's.
func finalize(z uint64) uint64 {
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// wholeRoot is the whole part of the square root, by whole numbers alone.
func wholeRoot(n int) int {
	root := 0
	for bit := 1 << (bits.Len(uint(n)) / 2); bit > 0; bit >>= 1 {
		if next := root + bit; next*next <= n {
			root = next
		}
	}
	return root
}

// apply projects one vector.
func (s *sparse) apply(out, x []float32) {
	sums := make([]float64, s.values)
	for b := 0; b*s.span < s.inputs; b++ {
		block := x[b*s.span:]
		if len(block) < s.span { // positions beyond the end take nothing
			block = append(make([]float32, 0, s.span), block...)[:s.span]
		}
		addBlock(sums, block[:s.span], s.entries[b*s.values:(b+1)*s.values])
	}
	for j, sum := range sums {
		out[j] = float32(sum * s.scale)
	}
}

// addBlock adds to each sum its value of the block, with its sign.
func addBlock(sums []float64, block []float32, entries []uint16) {
	sums = sums[:len(entries)]
	for j, e := range entries {
		sums[j] += float64(math.Float32frombits(math.Float32bits(block[e&(signBit-1)]) ^ uint32(e&signBit)<<16))
	}
}

// matrix lists the entries.
func (s *sparse) matrix() Matrix {
	m := Matrix{Indices: make([]int32, len(s.entries)), Factors: make([]float32, len(s.entries))}
	for i, e := range s.entries {
		at := i/s.values*s.span + int(e&(signBit-1))
		if at >= s.inputs {
			continue
		}
		m.Indices[i], m.Factors[i] = int32(at), float32(s.scale)
		if e&signBit != 0 {
			m.Factors[i] = -m.Factors[i]
		}
	}
	return m
}
