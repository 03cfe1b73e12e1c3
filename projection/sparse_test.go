package projection

import (
	"math"
	"math/rand/v2"
	"testing"
)

func BenchmarkSparse(b *testing.B) {
	for _, d := range []int{224 * 224 * 64, 25088} {
		s, err := newSparse(1, d, 1024)
		if err != nil {
			b.Fatal(err)
		}
		x, out := make([]float32, d), make([]float32, 1024)
		r := rand.New(rand.NewPCG(1, 1))
		for i := range x {
			x[i] = float32(math.Max(0, r.NormFloat64()))
		}
		b.Run("", func(b *testing.B) {
			for b.Loop() {
				s.apply(out, x)
			}
		})
	}
}

func BenchmarkNewSparse(b *testing.B) {
	for b.Loop() {
		if _, err := newSparse(1, 224*224*64, 1024); err != nil {
			b.Fatal(err)
		}
	}
}
