package vectors

import (
	"context"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
)

func TestSpeedTmp(t *testing.T) {
	const cols = 512
	for _, rows := range []int{20000, 100000} {
		r := rand.New(rand.NewPCG(1, 2))
		centers := make([]float32, 200*cols)
		for i := range centers {
			centers[i] = max(0, float32(r.NormFloat64()))
		}
		data := make([]float32, rows*cols)
		for i := range rows {
			c := r.IntN(200)
			for j := range cols {
				data[i*cols+j] = max(0, centers[c*cols+j]+float32(r.NormFloat64()))
			}
			if i%100 == 99 {
				copy(data[i*cols:][:cols], data[(i-50)*cols:][:cols])
				data[i*cols] += 1
			}
		}
		for _, s := range screens()[:2] {
			for _, th := range []float64{.95, .9, .8} {
				if s.name != "AVX-512 VNNI" && (rows > 50000 || th != .95) {
					continue
				}
				var a, b syscall.Rusage
				syscall.Getrusage(0, &a)
				t0 := time.Now()
				p, err := pairsWith(context.Background(), s, Matrix(data, cols, 1024), PairOptions{Threshold: th, Most: 1e7})
				if err != nil {
					t.Fatal(err)
				}
				syscall.Getrusage(0, &b)
				t.Logf("%s %d rows t=%g: %d pairs, wall %v user %.2f", s.name, rows, th, len(p), time.Since(t0), float64(b.Utime.Nano()-a.Utime.Nano())*1e-9)
			}
		}
	}
}
