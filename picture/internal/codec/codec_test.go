package codec

import (
	"os"
	"testing"
	"time"
	"path/filepath"
)

func BenchmarkDecode(b *testing.B) {
	for _, k := range []struct {
		name string
		kind Kind
		glob string
	}{{"heic/small", HEIF, "s*.heic"}, {"heic/big", HEIF, "big.heic"}, {"avif/small", AVIF, "s*.avif"}, {"avif/big", AVIF, "big.avif"}} {
		b.Run(k.name, func(b *testing.B) {
			names, _ := filepath.Glob("/tmp/w-heif/bench/" + k.glob)
			var all [][]byte
			for _, n := range names {
				d, _ := os.ReadFile(n)
				all = append(all, d)
			}
			var pix []uint8
			i := 0
			var total time.Duration
			for b.Loop() {
				p, took, err := Decode(k.kind, all[i%len(all)], pix, Limits{1 << 28, 2 << 30, time.Minute})
				if err != nil {
					b.Fatal(err)
				}
				pix = p.Pix
				i++
				total += took
			}
			b.ReportMetric(float64(total.Microseconds())/float64(i), "us-decoder/op")
		})
	}
}
