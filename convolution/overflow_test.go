package convolution_test

import (
	"fmt"
	"math"
	"testing"

	"fovea/convolution"
	"fovea/inference"
)

// TestMethodsOfThisMachine says which instruction sets the tests of kernels really run (-v shows it).
func TestMethodsOfThisMachine(t *testing.T) {
	for _, precision := range []inference.Precision{inference.Float32, inference.Int16, inference.BFloat16, inference.Int8} {
		names, missing := convolution.Methods(precision)
		for i, name := range names {
			if missing[i] != nil {
				t.Logf("%s by %s is not tested here: %v", precision, name, missing[i])
				continue
			}
			t.Logf("%s by %s is tested", precision, name)
		}
	}
}

// Sums of whole numbers cannot overflow, whatever the pixels are. Equal channels with equal kernels make
// the largest sums that there can be: every product of a sum is the largest, with the same sign. They are
// computed as exactly as others, from pixels of any size; a sum that wraps would be off by more than all.
func TestSumsCannotOverflow(t *testing.T) {
	names, missing := convolution.Methods(inference.Int16)
	for which, name := range names {
		t.Run(name, func(t *testing.T) {
			if missing[which] != nil {
				t.Skip(missing[which])
			}
			for _, c := range []kernelCase{{9, 10, 5, 16, 1}, {8, 8, 16, 16, 3}, {9, 10, 17, 32, 1}, {14, 14, 48, 16, 2}, {7, 8, 512, 16, 3}, {4, 4, 1024, 16, 1}} {
				for _, sign := range []float32{1, -1} {
					for _, size := range []float32{1e-20, 1, 1e15} {
						t.Run(fmt.Sprintf("%s, pixels of %g", c, sign*size), func(t *testing.T) { checkLargestSums(t, c, which, sign*size) })
					}
				}
			}
		})
	}
}

// checkLargestSums compares a case with float64, with pixels around a size of one sign, and kernels that
// are the same in all input channels and positive in even output channels, negative in the others.
func checkLargestSums(t *testing.T, c kernelCase, which int, size float32) {
	t.Helper()
	d := c.data()
	for i := range d.pixels {
		d.pixels[i] = size * (1 + d.pixels[i-i%3]/1000)
	}
	for i := range d.kernel {
		tap, o := i/(c.in*c.out), i%c.out
		d.kernel[i] = 1 + float32(tap)/10
		if o%2 == 1 {
			d.kernel[i] = -d.kernel[i]
		}
	}
	for o := range d.bias {
		d.bias[o] = 0
	}
	want, got := c.want(d), c.compute(t, d, inference.Int16, which, 1)[0]
	var worst, most float64
	for i, w := range want {
		worst, most = math.Max(worst, math.Abs(float64(got[i])-w)), math.Max(most, w)
	}
	if !(most > 0) || !(worst <= bounds[inference.Int16]*most) {
		t.Errorf("off by %.1e of the largest value, %g", worst/most, most)
	}
}
