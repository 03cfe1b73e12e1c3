// Package kernel holds the inner loops of turning a picture into a model's input, which take
// most of its time: the inverse cosine transform of JPEG, the enlargement of its chroma and
// its conversion to RGB, and the weighted sums of a resize.
//
// Each is written twice: in Go, in portable.go, which says what it computes, and in AVX2
// assembly for amd64, which the program in generate/ writes. Both give the same bytes for
// every input, which the tests check. The assembly is used where the processor has AVX2; the
// build tag purego leaves it out.
//
// The package knows arithmetic on bytes. It knows neither files nor formats.
package kernel

//go:generate go -C generate run . -out ../kernel_amd64.s -stubs ../stubs_amd64.go -pkg kernel
