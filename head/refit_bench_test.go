package head

import (
	"fmt"
	"syscall"
	"testing"
	"time"
)

// spent is the CPU time of this process, which other programs do not make longer.
func spent(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

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
			start := spent(b)
			r, err := NewRefit(b.Context(), x, RefitOptions{Labels: labels, Neighbours: map[bool]int{true: -1}[size.rows > 10_000]})
			if err != nil {
				b.Fatal(err)
			}
			b.Logf("prepared in %v of CPU time, strength %g", spent(b)-start, r.Strength)
			var fitting, suspecting time.Duration
			for b.Loop() {
				start := spent(b)
				first, err := r.Fit(b.Context(), y, classes)
				if err != nil {
					b.Fatal(err)
				}
				between := spent(b)
				if _, err := r.Suspect(b.Context(), y, first); err != nil {
					b.Fatal(err)
				}
				fitting, suspecting = fitting+between-start, suspecting+spent(b)-between
			}
			b.ReportMetric(fitting.Seconds()*1e3/float64(b.N), "CPU-ms/fit")
			b.ReportMetric(suspecting.Seconds()*1e3/float64(b.N), "CPU-ms/suspects")
		})
	}
}
