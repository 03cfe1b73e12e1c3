package vectors

/*
#cgo CFLAGS: -O3 -Wno-psabi
#cgo LDFLAGS: -lm
#include "screen.h"
*/
import "C"

import (
	"math"
	"sync"
)

// The sizes of panels and strips.
const (
	lanes     = C.screen_lanes
	stripRows = C.screen_rows
	stepCols  = C.screen_step
)

// screen has the products for some instructions of processors.
type screen struct {
	name string
	c    *C.struct_screen
}

// screens are those for all instructions that there are products for, the fastest first. Without c,
// this processor lacks them.
var screens = sync.OnceValue(func() []screen {
	return []screen{
		{"AVX-512 VNNI", C.screen_with(C.screen_vnni)},
		{"AVX2", C.screen_with(C.screen_avx2)},
		{"any processor", C.screen_with(C.screen_portable)},
	}
})

// fastest is the first screen that this processor has the instructions for.
func fastest() screen {
	for _, s := range screens() {
		if s.c != nil {
			return s
		}
	}
	panic("vectors: no screen for any processor")
}

// slack is how far the screen's comparisons, in float32, may be off.
const slack = 5e-6

// rounding is how far cosines in float64 may be from each other when they are summed in different orders.
func rounding(cols int) float64 { return 1e-12 + 8*float64(cols+8)*0x1p-53 }

// layout is what rows have in common.
type layout struct {
	screen screen
	cols   int
	// widths are those of the blocks of columns that have cosines of their own.
	widths []C.int64_t
	// steps are the columns in steps, early those after which a tile may be left.
	steps, early int
	threshold    float64
}

func newLayout(s screen, cols int, blocks []int, threshold float64) layout {
	l := layout{screen: s, cols: cols, steps: (cols + stepCols - 1) / stepCols, threshold: threshold}
	if len(blocks) == 0 {
		blocks = []int{cols}
	}
	for _, width := range blocks {
		l.widths = append(l.widths, C.int64_t(width))
	}
	l.early = l.steps
	if l.steps >= 32 {
		l.early /= 4
	}
	return l
}

// invert writes the inverse lengths of a row's blocks, 0 for blocks of zeros. It returns false if a
// value is not finite.
func (l *layout) invert(inverses []float64, row []float32) bool {
	for i, width := range l.widths {
		squares := float64(C.screen_dot(l.screen.c, width, (*C.float)(&row[0]), (*C.float)(&row[0])))
		if math.IsNaN(squares) || math.IsInf(squares, 0) {
			return false
		}
		inverses[i] = 0
		if squares > 0 {
			inverses[i] = 1 / math.Sqrt(squares)
		}
		row = row[width:]
	}
	return true
}

func (l *layout) quantize(levels C.int, q []int8, row []float32, inverses []float64) C.struct_screen_quantized {
	return C.screen_quantize(l.screen.c, levels, C.int64_t(l.early*stepCols), C.int64_t(len(l.widths)), &l.widths[0], (*C.float)(&row[0]), (*C.double)(&inverses[0]), (*C.int8_t)(&q[0]))
}

// cosines are those of the rows of a block with a vector, whose inverse length is given: 0 for rows of
// zeros, NaN for rows with a value that is not finite.
func (s screen) cosines(b Block, vector []float32, inverse float64, to []float64) {
	C.screen_cosines(s.c, C.int64_t(b.Rows), C.int64_t(b.Cols), (*C.float)(&b.Data[0]), (*C.float)(&vector[0]), C.double(inverse), (*C.double)(&to[0]))
}
