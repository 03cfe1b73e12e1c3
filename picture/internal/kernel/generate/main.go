// Command generate writes the assembly of package kernel. It is a module of its own, so that
// the product does not depend on the assembler:
//
//	cd picture/internal/kernel && go generate
package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/buildtags"
	. "github.com/mmcloughlin/avo/operand"
)

func main() {
	Constraint(buildtags.Term("amd64"))
	Constraint(buildtags.Not("purego"))
	inverseCosine()
	doubleWidth()
	rgb()
	interleave()
	deinterleave()
	// The order of the lanes undoes that packing works within the halves of a register.
	lanes, round := doubles("laneOrder", 0, 4, 1, 5, 2, 6, 3, 7), doubles("weightRound", 1<<21)
	weighStrip(lanes, round)
	weighRows(lanes, round)
	Generate()
}

// words is read-only memory that repeats 16-bit words.
func words(name string, values ...int16) Mem {
	mem := GLOBL(name, 8|16) // RODATA|NOPTR
	for i := range 32 / 2 {
		DATA(2*i, U16(uint16(values[i%len(values)])))
	}
	return mem
}

// doubles is read-only memory that repeats 32-bit words.
func doubles(name string, values ...int32) Mem {
	mem := GLOBL(name, 8|16)
	for i := range 32 / 4 {
		DATA(4*i, U32(uint32(values[i%len(values)])))
	}
	return mem
}

// shuffle is read-only memory of the bytes that VPSHUFB takes its order from, in both
// halves.
func shuffle(name string, order [16]int8) Mem {
	mem := GLOBL(name, 8|16)
	for i := range 32 {
		DATA(i, U8(uint8(order[i%16])))
	}
	return mem
}
