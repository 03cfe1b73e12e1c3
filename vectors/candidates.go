package vectors

// #include "screen.h"
import "C"

import (
	"context"
	"math"
	"sync"
)

// segmentRows are compared at a time: whole panels and strips, which stay in a processor's cache.
const segmentRows = 16 * lanes * stripRows / 4

// The whole numbers of candidates are the same for all instructions: those of panels are from -63 to 63.
const laneLevels, rowLevels, laneOffset = 63, 127, 64

// candidates are, for each unique row, the best others by their scores: cosines of the whole numbers.
type candidates struct {
	most   int
	counts []int32
	// The candidates of a row are a heap, the worst first.
	rows   []int32
	scores []float32
}

// of are the candidates of a unique row, in no particular order.
func (c *candidates) of(u int) []int32 { return c.rows[u*c.most:][:c.counts[u]] }

// worse tells whether a candidate gives way to another; among equal scores the first row stays.
func worse(score float32, row int32, than float32, other int32) bool {
	return score < than || score == than && row > other
}

// offer keeps a candidate if it is among the best, and returns what the next one must reach.
func (c *candidates) offer(u, row int32, score float32) float32 {
	rows, scores := c.rows[int(u)*c.most:][:c.most], c.scores[int(u)*c.most:][:c.most]
	n := int(c.counts[u])
	if n < c.most {
		c.counts[u]++
		for n > 0 && worse(score, row, scores[(n-1)/2], rows[(n-1)/2]) {
			rows[n], scores[n] = rows[(n-1)/2], scores[(n-1)/2]
			n = (n - 1) / 2
		}
		rows[n], scores[n] = row, score
		if int(c.counts[u]) < c.most {
			return float32(math.Inf(-1))
		}
		return scores[0]
	}
	if !worse(scores[0], rows[0], score, row) {
		return scores[0]
	}
	at := 0
	for {
		child := 2*at + 1
		if child >= n {
			break
		}
		if child+1 < n && worse(scores[child+1], rows[child+1], scores[child], rows[child]) {
			child++
		}
		if !worse(scores[child], rows[child], score, row) {
			break
		}
		rows[at], scores[at] = rows[child], scores[child]
		at = child
	}
	rows[at], scores[at] = row, score
	return scores[0]
}

// scoring compares unique rows by their whole numbers.
type scoring struct {
	screen       screen
	cols, steps  int
	count        int // of unique rows
	panels       []uint8
	strips       []int8
	starts       []int32
	laneInverses []float32
	rowInverses  []float32
	least        []float32
	// locks are for the candidates, and what they must reach, of each segment.
	locks []sync.Mutex
	best  *candidates
}

func (t *Table) candidates(ctx context.Context, s screen, most int, o GraphOptions) (*candidates, error) {
	n := t.uniques()
	most = min(most, max(1, n-1))
	segments := (n + segmentRows - 1) / segmentRows
	room, steps := segments*segmentRows, (t.cols+stepCols-1)/stepCols
	g := &scoring{
		screen: s, cols: t.cols, steps: steps, count: n,
		panels: make([]uint8, room*steps*stepCols), strips: make([]int8, room*steps*stepCols), starts: make([]int32, room),
		laneInverses: make([]float32, room), rowInverses: make([]float32, room), least: make([]float32, room), locks: make([]sync.Mutex, segments),
		best: &candidates{most: most, counts: make([]int32, n), rows: make([]int32, n*most), scores: make([]float32, n*most)},
	}
	for i := range room {
		g.laneInverses[i], g.rowInverses[i], g.least[i] = float32(math.NaN()), float32(math.NaN()), float32(math.Inf(-1))
	}
	if err := eachRow(ctx, n, o.Workers, func(u int) { g.put(u, t.Row(int(t.members(int32(u))[0]))) }); err != nil {
		return nil, err
	}
	return g.best, g.run(ctx, segments, o)
}

// put enters a row's whole numbers in a panel and a strip.
func (g *scoring) put(u int, row []float32) {
	most, length := float64(largest(row)), norm(row)
	g.laneInverses[u], g.rowInverses[u] = 0, 0
	if most == 0 {
		most, length = 1, math.Inf(1)
	}
	g.laneInverses[u], g.rowInverses[u] = float32(most/laneLevels/length), float32(most/rowLevels/length)
	toLane, toRow := laneLevels/most, rowLevels/most
	lane := g.panels[u/lanes*lanes*g.steps*stepCols+u%lanes*stepCols:]
	strip := g.strips[u/stripRows*stripRows*g.steps*stepCols+u%stripRows*stepCols:]
	sum := int32(0)
	for i, x := range row {
		step, col := i/stepCols, i%stepCols
		lane[step*lanes*stepCols+col] = uint8(laneOffset + int(math.RoundToEven(float64(x)*toLane)))
		q := int8(math.RoundToEven(float64(x) * toRow))
		strip[step*stripRows*stepCols+col] = q
		sum += int32(q)
	}
	g.starts[u] = -laneOffset * sum
}

// run compares each segment with itself and all later ones.
func (g *scoring) run(ctx context.Context, segments int, o GraphOptions) error {
	type task struct{ a, b int }
	var tasks []task
	for apart := range segments { // those of one segment first, which rules out most others later
		for a := range segments - apart {
			tasks = append(tasks, task{a, a + apart})
		}
	}
	workers := make([]*scorer, o.Workers)
	var mutex sync.Mutex
	done := 0
	return eachTask(ctx, len(tasks), o.Workers, func(worker, i int) error {
		if workers[worker] == nil {
			workers[worker] = newScorer(g)
		}
		workers[worker].compare(tasks[i].a, tasks[i].b)
		if o.Progress != nil {
			mutex.Lock()
			defer mutex.Unlock()
			done++
			o.Progress(float64(done) / float64(len(tasks)))
		}
		return nil
	})
}

// scorer is what a goroutine works with.
type scorer struct {
	*scoring
	laneLeast, rowLeast []float32
	pairs               []uint32
	scores              []float32
}

func newScorer(g *scoring) *scorer {
	return &scorer{scoring: g, laneLeast: make([]float32, lanes), rowLeast: make([]float32, segmentRows), pairs: make([]uint32, 4096), scores: make([]float32, 4096)}
}

// compare offers the rows of two segments to each other, and those of one segment among themselves.
func (w *scorer) compare(a, b int) {
	first := b * segmentRows
	w.locks[b].Lock()
	copy(w.rowLeast, w.least[first:])
	w.locks[b].Unlock()
	rows := min(segmentRows, w.count-first)
	size := w.steps * stepCols
	for from := a * segmentRows; from < min(w.count, (a+1)*segmentRows); from += lanes {
		w.locks[a].Lock()
		copy(w.laneLeast, w.least[from:])
		w.locks[a].Unlock()
		strips := C.int64_t((rows + stripRows - 1) / stripRows)
		next := C.int64_t(0)
		if a == b {
			next = C.int64_t((from - first) / stripRows) // later rows alone
		}
		for next < strips {
			found := C.screen_score(w.screen.c, (*C.uint8_t)(&w.panels[from*size]), (*C.float)(&w.laneInverses[from]), (*C.float)(&w.laneLeast[0]),
				next, strips, C.int64_t(w.steps), (*C.int8_t)(&w.strips[first*size]), (*C.int32_t)(&w.starts[first]), (*C.float)(&w.rowInverses[first]), (*C.float)(&w.rowLeast[0]),
				C.int64_t(len(w.pairs)), (*C.uint32_t)(&w.pairs[0]), (*C.float)(&w.scores[0]))
			w.enter(a, b, from, int(found.count))
			next = found.next
		}
	}
}

// enter offers the scores that were found to both rows of each pair.
func (w *scorer) enter(a, b, from, count int) {
	first := b * segmentRows
	w.locks[a].Lock()
	for i, pair := range w.pairs[:count] {
		lane, row := int(pair%lanes), int(pair/lanes)
		if (a != b || from+lane < first+row) && w.scores[i] >= w.laneLeast[lane] {
			w.laneLeast[lane] = w.best.offer(int32(from+lane), int32(first+row), w.scores[i])
			w.least[from+lane] = w.laneLeast[lane]
		}
	}
	w.locks[a].Unlock()
	w.locks[b].Lock()
	for i, pair := range w.pairs[:count] {
		lane, row := int(pair%lanes), int(pair/lanes)
		if (a != b || from+lane < first+row) && w.scores[i] >= w.rowLeast[row] {
			w.rowLeast[row] = w.best.offer(int32(first+row), int32(from+lane), w.scores[i])
			w.least[first+row] = w.rowLeast[row]
		}
	}
	w.locks[b].Unlock()
}
