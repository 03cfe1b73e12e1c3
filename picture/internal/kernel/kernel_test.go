//go:build amd64 && !purego

package kernel

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// randomBytes are all alike, of extremes only, or of all values.
func randomBytes(random *rand.Rand, n int) []uint8 {
	out := make([]uint8, n)
	switch random.IntN(4) {
	case 0:
		same := uint8(random.IntN(256))
		for i := range out {
			out[i] = same
		}
	case 1:
		for i := range out {
			out[i] = uint8(-random.IntN(2))
		}
	default:
		for i := range out {
			out[i] = uint8(random.IntN(256))
		}
	}
	return out
}

// both runs work without assembly and with it, and compares what it wrote.
func both(t *testing.T, name string, work func() []uint8) {
	t.Helper()
	useAVX2 = false
	want := work()
	useAVX2 = true
	if got := work(); !bytes.Equal(got, want) {
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("%s: byte %d of %d is %d in assembly and %d in Go", name, i, len(got), got[i], want[i])
			}
		}
	}
}

// compareRows compares the functions that work on rows of n samples.
func compareRows(t *testing.T, random *rand.Rand, n int) {
	a, b, c := randomBytes(random, n), randomBytes(random, n), randomBytes(random, n)
	name := fmt.Sprint(n, " samples")
	both(t, "RGB of "+name, func() []uint8 {
		out := make([]uint8, 3*n)
		RGB(out, a, b, c)
		return out
	})
	both(t, "DoubleRow of "+name, func() []uint8 {
		out := make([]uint8, 2*n)
		DoubleRow(out, a)
		return out
	})
	both(t, "DoubleRows of "+name, func() []uint8 {
		out := make([]uint8, 2*n)
		DoubleRows(out, a, b)
		return out
	})
	stride := n + random.IntN(20)
	rows := randomBytes(random, stride*(StripRows-1)+n)
	both(t, "Interleave of "+name, func() []uint8 {
		out := make([]uint8, StripRows*n)
		Interleave(out, rows, stride, n)
		return out
	})
	strip := randomBytes(random, StripRows*n)
	both(t, "Deinterleave of "+name, func() []uint8 {
		out := make([]uint8, stride*(StripRows-1)+n)
		Deinterleave(out, stride, strip, n)
		return out
	})
	compareSums(t, random, n)
}

// randomWeights sum up to about 1, as a filter's do; some are negative. Their absolute values
// stay within what the sum of 32 bits can take.
func randomWeights(random *rand.Rand, n int) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = int32((random.Float64()*1.4 - 0.2) / float64(n) * 1.5 * (1 << WeightBits))
	}
	return out
}

func compareSums(t *testing.T, random *rand.Rand, n int) {
	taps := 1 + random.IntN(12)
	stride := n + random.IntN(20)
	src, weights := randomBytes(random, stride*(taps-1)+n+8), randomWeights(random, taps)
	both(t, fmt.Sprintf("WeighRows of %d samples, %d weights", n, taps), func() []uint8 {
		out := make([]uint8, n)
		WeighRows(out, src, stride, weights)
		return out
	})
	strip := randomBytes(random, 3*StripRows*n)
	var starts, ends []int32
	weights = nil
	for range 1 + random.IntN(2*n) {
		start := random.IntN(n)
		taps := 1 + random.IntN(min(12, n-start))
		weights = append(weights, randomWeights(random, taps)...)
		starts, ends = append(starts, int32(start)), append(ends, int32(len(weights)))
	}
	both(t, fmt.Sprintf("WeighStrip of %d to %d samples", n, len(starts)), func() []uint8 {
		out := make([]uint8, 3*StripRows*len(starts))
		WeighStrip(out, strip, starts, ends, weights)
		return out
	})
}

// compareCosine takes blocks of any coefficients, such as only damaged files have, too.
func compareCosine(t *testing.T, random *rand.Rand) {
	var block [64]int16
	size := []int{3, 50, 1000, 1 << 15}[random.IntN(4)]
	for range 1 + random.IntN(64) {
		block[random.IntN(64)] = int16(random.IntN(2*size) - size)
	}
	stride := 8 + random.IntN(20)
	both(t, fmt.Sprint("InverseCosine of ", block), func() []uint8 {
		out, copied := make([]uint8, 7*stride+8), block
		InverseCosine(out, stride, &copied)
		if copied != [64]int16{} {
			t.Fatal("the block isn't cleared")
		}
		return out
	})
}

// withAssembly skips where there is nothing to compare with.
func withAssembly(tb testing.TB) {
	if !useAVX2 {
		tb.Skip("no AVX2 on this processor, or built without it")
	}
	tb.Cleanup(func() { useAVX2 = true })
}

// TestAssembly compares Go and assembly for every length that takes another way through
// either.
func TestAssembly(t *testing.T) {
	withAssembly(t)
	random := rand.New(rand.NewPCG(1, 2))
	for n := 1; n <= 100; n++ {
		for range 4 {
			compareRows(t, random, n)
		}
	}
	compareRows(t, random, 1001)
	for range 5000 {
		compareCosine(t, random)
	}
}

// TestColours compares every luma, blue and red.
func TestColours(t *testing.T) {
	withAssembly(t)
	luma, cb, cr := make([]uint8, 256), make([]uint8, 256), make([]uint8, 256)
	for i := range luma {
		luma[i] = uint8(i)
	}
	for b := range 256 {
		for r := range 256 {
			for i := range cb {
				cb[i], cr[i] = uint8(b), uint8(r)
			}
			both(t, fmt.Sprint("RGB of blue ", b, ", red ", r), func() []uint8 {
				out := make([]uint8, 3*256)
				RGB(out, luma, cb, cr)
				return out
			})
		}
	}
}

// TestBounds: what would read or write beyond a slice panics, with and without assembly.
func TestBounds(t *testing.T) {
	long, short := make([]uint8, 4096), make([]uint8, 40)
	starts, ends, weights := []int32{0, 1}, []int32{1, 2}, []int32{1, 1}
	for name, work := range map[string]func(){
		"InverseCosine":    func() { InverseCosine(short, 8, new([64]int16)) },
		"DoubleRow":        func() { DoubleRow(short, long[:40]) },
		"DoubleRows":       func() { DoubleRows(long, long[:50], short[:40:40]) },
		"RGB":              func() { RGB(short, long[:40], long, long) },
		"RGB, red":         func() { RGB(long, long[:50], long, short[:40:40]) },
		"Interleave":       func() { Interleave(long, short, 30, 30) },
		"Deinterleave":     func() { Deinterleave(short, 30, long, 30) },
		"WeighRows":        func() { WeighRows(long[:64], short, 64, weights) },
		"WeighStrip":       func() { WeighStrip(long, short, starts, ends, weights) },
		"WeighStrip, dst":  func() { WeighStrip(short, long, starts, ends, weights) },
		"WeighStrip, ends": func() { WeighStrip(long, long, starts, ends, weights[:1:1]) },
	} {
		for _, assembly := range []bool{false, true} {
			if assembly && !useAVX2 {
				continue
			}
			t.Run(fmt.Sprint(name, " assembly ", assembly), func(t *testing.T) {
				withAssembly(t)
				useAVX2 = assembly
				defer func() {
					if recover() == nil {
						t.Error("no panic")
					}
				}()
				work()
			})
		}
	}
}

func FuzzAssembly(f *testing.F) {
	withAssembly(f)
	f.Add(uint64(1), uint16(224))
	f.Fuzz(func(t *testing.T, seed uint64, n uint16) {
		random := rand.New(rand.NewPCG(seed, uint64(n)))
		compareRows(t, random, 1+int(n)%2000)
		compareCosine(t, random)
	})
}

// BenchmarkCosine is one block.
func BenchmarkCosine(b *testing.B) {
	withAssembly(b)
	random := rand.New(rand.NewPCG(1, 2))
	var block [64]int16
	for i := range 12 {
		block[i] = int16(random.IntN(100) - 50)
	}
	pix := make([]uint8, 64)
	for _, assembly := range []bool{false, true} {
		b.Run(fmt.Sprint("assembly ", assembly), func(b *testing.B) {
			useAVX2 = assembly
			for b.Loop() {
				copied := block
				InverseCosine(pix, 8, &copied)
			}
		})
	}
}
