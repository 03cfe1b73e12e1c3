//go:build !amd64

package head

var haveAVX2 = false

func dot2x4AVX2(x0, x1, w *float32, stride, n int, sums *[8]float32) { panic("head: no AVX2") }

func axpy4x2AVX2(x *[4]*float32, g0, g1 *float32, n int, factors *[8]float32) {
	panic("head: no AVX2")
}
