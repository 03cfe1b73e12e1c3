package head

import "golang.org/x/sys/cpu"

var haveAVX2 = cpu.X86.HasAVX2 && cpu.X86.HasFMA

// dot2x4AVX2 is dot2x4 on CPUs with AVX2 and FMA; n is a multiple of lane.
//
//go:noescape
func dot2x4AVX2(x0, x1, w *float32, stride, n int, sums *[8]float32)

// axpy4x2AVX2 is axpy4x2 on CPUs with AVX2 and FMA; n is a multiple of lane.
//
//go:noescape
func axpy4x2AVX2(x *[4]*float32, g0, g1 *float32, n int, factors *[8]float32)
