//go:build !amd64 || purego

package kernel

// useAVX2 says that there is no assembly: the functions below are never called.
const useAVX2 = false

func inverseCosineAVX2(*uint8, int, *[64]int16)                { panic(noAssembly) }
func doubleRowAVX2(_, _ *uint8, _ int)                         { panic(noAssembly) }
func doubleRowsAVX2(_, _, _ *uint8, _ int)                     { panic(noAssembly) }
func rgbAVX2(_, _, _, _ *uint8, _ int)                         { panic(noAssembly) }
func interleaveAVX2(_, _ *uint8, _, _ int)                     { panic(noAssembly) }
func deinterleaveAVX2(_ *uint8, _ int, _ *uint8, _ int)        { panic(noAssembly) }
func weighStripAVX2(_, _ *uint8, _, _, _ *int32, _ int)        { panic(noAssembly) }
func weighRowsAVX2(_, _ *uint8, _ int, _ *int32, _ int, _ int) { panic(noAssembly) }

const noAssembly = "kernel: built without assembly"
