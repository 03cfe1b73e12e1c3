package finite_test

import (
	"math"
	"testing"

	"fovea/internal/finite"
)

func TestFirst(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, bad := range []float32{inf, -inf, float32(math.NaN()), math.Float32frombits(0xff800001), math.Float32frombits(0x7fffffff)} {
		for _, size := range []int{0, 1, 31, 32, 33, 64, 95, 100, 4095, 4096, 4097, 4096 + 33} {
			values := make([]float32, size)
			for i := range values {
				values[i] = []float32{0, -1, math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32}[i%5]
			}
			if got := finite.First(values); got != -1 {
				t.Fatalf("value %d of %v is not finite", got, values)
			}
			for at := 0; at < size; at += 1 + size/97 {
				kept := values[at]
				values[at], values[size-1] = bad, bad // the first of two
				if got := finite.First(values); got != at {
					t.Fatalf("%v at %d of %d is found at %d", bad, at, size, got)
				}
				values[at], values[size-1] = kept, 1
			}
		}
	}
}

func BenchmarkFirst(b *testing.B) {
	values := make([]float32, 25088)
	b.SetBytes(int64(4 * len(values)))
	for b.Loop() {
		if finite.First(values) != -1 {
			b.Fatal("zeros are not finite")
		}
	}
}
