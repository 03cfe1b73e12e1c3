package convolution_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/convolution"
	"fovea/inference"
)

// Two layers, the first of few channels, give the same bits when they are computed as one operation as when the map
// between them is asked for, for any size, number of images and of shares, with both rectifiers or none.
func TestPair(t *testing.T) {
	if testing.Short() {
		t.Skip("what C computes, the race detector does not watch")
	}
	ones, twos := []int64{1, 1, 1, 1}, []int64{1, 2, 2, 1}
	for _, precision := range []inference.Precision{inference.Float32, inference.Int16} {
		_, missing := convolution.Methods(precision)
		for which := range missing {
			for _, c := range []kernelCase{{1, 1, 3, 16, 1}, {5, 7, 3, 16, 2}, {9, 4, 1, 48, 3}, {56, 57, 3, 64, 3}, {30, 225, 4, 16, 1}, {61, 123, 2, 32, 2}} {
				for _, rectified := range []bool{true, false} {
					t.Run(fmt.Sprintf("%s %d, %s, %t", precision, which, c, rectified), func(t *testing.T) {
						if missing[which] != nil {
							t.Skip(missing[which])
						}
						run := func(between bool, pictures, shares int) [][]float32 {
							n, x := newNetwork(t, c.height, c.width, c.in)
							first := op.BiasAdd(n.next(), op.Conv2D(n.next(), x, n.constant(3, 3, c.in, c.out), ones, "SAME"), n.constant(c.out))
							if rectified {
								first = op.Relu(n.next(), first)
							}
							second := op.Conv2D(n.next(), first, n.constant(3, 3, c.out, 32), ones, "SAME")
							n.tap("second", second, c.height, c.width, 32)
							if c.height > 1 {
								n.tap("pooled", op.MaxPool(n.next(), op.Relu(n.next(), op.BiasAdd(n.next(), second, n.constant(32))), twos, twos, "VALID"), c.height/2, c.width/2, 32)
							}
							if between { // which another layer reads, so that it is no pair
								n.tap("between", op.Mul(n.next(), first, op.Const(n.next(), float32(2))), c.height, c.width, c.out)
							}
							model := n.open()
							model.Precision = precision
							if err := convolution.AccelerateBy(model, which, convolution.Options{Shares: shares}); err != nil {
								t.Fatal(err)
							}
							if got := operations(t, model, "FoveaWidePair"); (got == 0) != between {
								t.Fatalf("%d pairs", got)
							}
							return features(t, model, pictures)
						}
						want := run(true, c.pictures, 1)
						for shares := 1; shares <= 2; shares++ {
							for l, got := range run(false, c.pictures, shares) {
								for i, v := range got {
									if math.Float32bits(v) != math.Float32bits(want[l][i]) {
										t.Fatalf("%d shares, layer %d: value %d is %v, and %v by itself", shares, l, i, v, want[l][i])
									}
								}
							}
						}
					})
				}
			}
		}
	}
}
