package head

import (
	"fmt"
	"testing"
)

// From a changed label to a new accuracy, and to new suspects: docs/explore.md has the figures.
func BenchmarkRefit(b *testing.B) {
	for _, size := range []struct{ rows, cols, classes, labelled int }{{10_000, 512, 2, 1}, {10_000, 512, 10, 1}, {10_000, 512, 10, 2}, {10_000, 4096, 10, 1}, {100_000, 512, 10, 1}} {
		b.Run(fmt.Sprintf("%dx%d/%d/1of%d", size.rows, size.cols, size.classes, size.labelled), func(b *testing.B) {
			x, labels := clouds(size.rows, size.cols, size.classes, 0.3, 1)
			y, classes := numbered(labels)
			for i := range y {
				if i/size.classes%size.labelled > 0 {
					y[i] = -1
				}
			}
			r, err := NewRefit(b.Context(), x, RefitOptions{Labels: labels, Neighbours: map[bool]int{true: -1}[size.rows > 10_000]})
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				first, err := r.Fit(b.Context(), y, classes)
				if err != nil {
					b.Fatal(err)
				}
				between := b.Elapsed()
				if _, err := r.Suspect(b.Context(), y, first); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64((b.Elapsed() - between).Milliseconds()), "ms-suspects")
			}
		})
	}
}
