package vectors

// #include "screen.h"
import "C"

import (
	"fmt"
	"math"
	"runtime"
)

// held are rows that others are compared with.
type held struct {
	// raw are the rows, inverses the inverse lengths of their blocks.
	raw      []float32
	inverses []float64
	// panels are the rows as whole numbers; the others are fields of C.struct_screen_panel.
	panels              []uint8
	least, length, tail []float32
}

// newHeld has room for so many rows, a multiple of lanes.
func newHeld(l *layout, rows int, pins *runtime.Pinner) *held {
	h := &held{
		raw: make([]float32, rows*l.cols), inverses: make([]float64, rows*len(l.widths)), panels: make([]uint8, rows*l.steps*stepCols),
		least: make([]float32, rows), length: make([]float32, rows), tail: make([]float32, rows),
	}
	for _, p := range []any{&h.raw[0], &h.inverses[0], &h.panels[0], &h.least[0], &h.length[0], &h.tail[0]} {
		pins.Pin(p)
	}
	h.clear()
	return h
}

// clear gives up the rows. A lane without a row is similar to nothing.
func (h *held) clear() {
	for i := range h.least {
		h.least[i], h.length[i] = float32(math.Inf(1)), 1
	}
}

// put holds a row at a place, where none was since clear.
func (h *held) put(l *layout, at int, row []float32, inverses []float64, q []int8) {
	copy(h.raw[at*l.cols:], row)
	copy(h.inverses[at*len(l.widths):], inverses)
	s := l.quantize(l.screen.c.levels, q, row, inverses)
	if s.scale == 0 {
		return
	}
	panel := at / lanes * lanes * l.steps * stepCols
	C.screen_pack_lane(l.screen.c.offset, C.int64_t(l.cols), (*C.int8_t)(&q[0]), (*C.uint8_t)(&h.panels[panel+at%lanes*stepCols]))
	h.least[at] = float32(float64(s.scale) * (l.threshold - slack - float64(s.rest)))
	h.length[at] = float32(float64(s.scale) * (1 + float64(s.rest)))
	h.tail[at] = float32(s.tail)
}

// stage are consecutive rows that are compared with the held ones.
type stage struct {
	first, count int
	raw          []float32
	inverses     []float64
	strips       []int8
	rows         []C.struct_screen_row
}

// newStage has room for so many rows, a multiple of stripRows.
func newStage(l *layout, rows int, pins *runtime.Pinner) *stage {
	s := &stage{
		raw: make([]float32, rows*l.cols), inverses: make([]float64, rows*len(l.widths)),
		strips: make([]int8, rows*l.steps*stepCols), rows: make([]C.struct_screen_row, rows),
	}
	for _, p := range []any{&s.raw[0], &s.inverses[0], &s.strips[0], &s.rows[0]} {
		pins.Pin(p)
	}
	return s
}

// prepare makes strips of the rows from first to end. A value that is not finite is a NotFiniteError.
func (s *stage) prepare(l *layout, first, end int, q []int8) error {
	for i := first; i < end; i++ {
		row, inverses := s.raw[i*l.cols:][:l.cols], s.inverses[i*len(l.widths):][:len(l.widths)]
		if !l.invert(inverses, row) {
			return fmt.Errorf("vectors: pairs: %w", &NotFiniteError{s.first + i})
		}
		n := l.quantize(127, q, row, inverses)
		C.screen_pack_row(C.int64_t(l.cols), (*C.int8_t)(&q[0]), (*C.int8_t)(&s.strips[i/stripRows*stripRows*l.steps*stepCols+i%stripRows*stepCols]))
		offset := l.screen.c.offset
		s.rows[i] = C.struct_screen_row{scale: C.float(n.scale), rest: C.float(n.scale * n.rest), tail: C.float(n.tail), start: C.int32_t(-offset * C.int(n.sum)), tail_start: C.int32_t(offset * C.int(n.tail_sum))}
		if n.scale == 0 {
			s.rows[i] = zeroRow
		}
	}
	return nil
}

// zeroRow makes a row similar to nothing.
var zeroRow = C.struct_screen_row{rest: C.float(math.Inf(-1))}

// fill makes the rest of the last strip similar to nothing.
func (s *stage) fill() {
	for i := s.count; i%stripRows != 0; i++ {
		s.rows[i] = zeroRow
	}
}

// comparison is what a goroutine works with.
type comparison struct {
	found []uint32
	// numbers has room for the whole numbers of a row.
	numbers []int8
	// resting is how many panels are compared without a look at the early products, because they
	// rule out too little.
	resting int
	pairs   []Pair
}

func newComparison(cols int, pins *runtime.Pinner) *comparison {
	c := &comparison{found: make([]uint32, 1<<16), numbers: make([]int8, cols)}
	pins.Pin(&c.found[0])
	return c
}

// compare calls visit with the places of rows, one of a panel and a later one of the stage, that are
// similar but for rounding. The panel begins with a row of h; it is ahead of the stage's first row by so
// many rows, or behind.
func (c *comparison) compare(l *layout, h *held, from int, s *stage, ahead int, visit func(lane, row int) error) error {
	p := C.struct_screen_panel{numbers: (*C.uint8_t)(&h.panels[from*l.steps*stepCols]), least: (*C.float)(&h.least[from]), length: (*C.float)(&h.length[from]), tail: (*C.float)(&h.tail[from])}
	strips := C.struct_screen_strips{first: C.int64_t(max(0, ahead+1) / stripRows), numbers: (*C.int8_t)(&s.strips[0]), rows: &s.rows[0], count: C.int64_t((s.count + stripRows - 1) / stripRows), steps: C.int64_t(l.steps), early: C.int64_t(l.early)}
	exact := C.struct_screen_exact{
		cols: C.int64_t(l.cols), blocks: C.int64_t(len(l.widths)), widths: &l.widths[0], held: (*C.float)(&h.raw[from*l.cols]), rows: (*C.float)(&s.raw[0]),
		held_inverses: (*C.double)(&h.inverses[from*len(l.widths)]), row_inverses: (*C.double)(&s.inverses[0]),
	}
	if c.resting > 0 {
		c.resting--
		strips.early = strips.steps
	}
	found := C.struct_screen_found{pairs: (*C.uint32_t)(&c.found[0]), room: C.int64_t(len(c.found))}
	for strips.first < strips.count {
		strips.first = C.screen_compare(l.screen.c, &p, &strips, &found)
		kept := c.found[:0]
		for _, pair := range c.found[:found.count] {
			if int(pair%lanes)+ahead < int(pair/lanes) {
				kept = append(kept, pair)
			}
		}
		found.count = C.int64_t(len(kept))
		C.screen_refine(l.screen.c, &exact, C.double(l.threshold-rounding(l.cols)), &found)
		for _, pair := range c.found[:found.count] {
			if err := visit(int(pair%lanes), int(pair/lanes)); err != nil {
				return err
			}
		}
		found.count = 0
	}
	if strips.early < strips.steps && found.skipped < strips.count/8 {
		c.resting = 15
	}
	return nil
}
