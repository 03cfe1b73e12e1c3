package finite

import "golang.org/x/sys/cpu"

var haveAVX2 = cpu.X86.HasAVX2

// largestAVX2 gives the largest of the bits of n values without their signs, shifted to the
// upper end, in eight parts; n is a multiple of lane.
//
//go:noescape
func largestAVX2(values *float32, n int, largest *[8]uint32)
