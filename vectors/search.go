package vectors

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

const (
	// stageRows bounds the rows that are compared at a time, a multiple of stripRows.
	stageRows = 8160
	// chunkValues are the values of held rows for which memory is asked at a time.
	chunkValues = 4 << 20
	// mostCols is the number of columns up to which products are sure to fit into 32 bits.
	mostCols = 1 << 26
)

// pairSearch compares the rows that it holds, from first on, with all that follow.
type pairSearch struct {
	options PairOptions
	screen  screen
	pairs   []Pair
	// number counts them, also those that goroutines have not yet added.
	number atomic.Int64

	layout layout
	stage  *stage
	// first is the first held row, count how many there are; room is for so many, in chunks of
	// chunkRows.
	first, count, room, chunkRows int
	chunks                        []*held
	// workers are what goroutines work with, whole numbers of rows among it.
	workers []*comparison
	// more: there are rows that could not be held.
	more bool
	// pins keep in place what C refers to.
	pins runtime.Pinner
}

// pass reads the stream once.
func (p *pairSearch) pass(ctx context.Context, source Source) error {
	err := source(ctx, func(b Block) error {
		if skip := min(b.Rows, p.first-b.First); skip > 0 {
			b = b.from(skip)
		}
		if b.Rows > 0 && p.stage == nil {
			if err := p.begin(b.Cols); err != nil {
				return err
			}
		}
		for b.Rows > 0 {
			n := min(b.Rows, len(p.stage.rows)-p.stage.count)
			if p.stage.count == 0 {
				p.stage.first = b.First
			}
			copy(p.stage.raw[p.stage.count*b.Cols:], b.Data[:n*b.Cols])
			p.stage.count += n
			b = b.from(n)
			if p.stage.count == len(p.stage.rows) {
				if err := p.flush(ctx); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err == nil && p.stage != nil {
		err = p.flush(ctx)
	}
	return err
}

// begin makes the tables for rows of that size. At least one row is held, whatever its size.
func (p *pairSearch) begin(cols int) error {
	blocks := 0
	for _, width := range p.options.Blocks {
		if width < 1 {
			return fmt.Errorf("vectors: pairs: %w: blocks of %v columns", ErrShape, p.options.Blocks)
		}
		blocks += width
	}
	if cols > mostCols || len(p.options.Blocks) > 0 && blocks != cols {
		return fmt.Errorf("vectors: pairs: %w: rows of %d values in blocks of %v, where at most %d are possible", ErrShape, cols, p.options.Blocks, mostCols)
	}
	p.layout = newLayout(p.screen, cols, p.options.Blocks, p.options.Threshold)
	p.pins.Pin(&p.layout.widths[0])
	p.room = max(1, p.options.Memory/cols)
	p.chunkRows = max(1, min(p.room, chunkValues/cols)/lanes) * lanes
	p.stage = newStage(&p.layout, min(stageRows, max(1, blockValues/cols/stripRows)*stripRows), &p.pins)
	for range runtime.GOMAXPROCS(0) {
		p.workers = append(p.workers, newComparison(cols, &p.pins))
	}
	return nil
}

// flush compares the stage's rows with the held ones, among which are those of it that fit.
func (p *pairSearch) flush(ctx context.Context) error {
	l, s, at := &p.layout, p.stage, p.count
	hold := min(p.room-at, s.count)
	p.more = p.more || hold < s.count
	err := p.each(ctx, (s.count+stripRows-1)/stripRows, func(c *comparison, strip int) error {
		first := strip * stripRows
		return s.prepare(l, first, min(first+stripRows, s.count), c.numbers)
	})
	if err != nil {
		return err
	}
	s.fill()
	for at+hold > len(p.chunks)*p.chunkRows {
		p.chunks = append(p.chunks, newHeld(l, p.chunkRows, &p.pins))
	}
	err = p.each(ctx, (hold+stripRows-1)/stripRows, func(c *comparison, strip int) error {
		for i := strip * stripRows; i < min(strip*stripRows+stripRows, hold); i++ {
			p.chunks[(at+i)/p.chunkRows].put(l, (at+i)%p.chunkRows, s.raw[i*l.cols:][:l.cols], s.inverses[i*len(l.widths):][:len(l.widths)], c.numbers)
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.count += hold
	err = p.each(ctx, (p.count+lanes-1)/lanes, func(c *comparison, panel int) error {
		from := panel * lanes
		return c.compare(l, p.chunks[from/p.chunkRows], from%p.chunkRows, s, p.first+from-s.first, func(lane, row int) error { return p.check(c, from+lane, row) })
	})
	for _, c := range p.workers {
		p.pairs = append(p.pairs, c.pairs...)
		c.pairs = c.pairs[:0]
	}
	s.count = 0
	return err
}

// each calls do for the numbers up to n, on all CPUs.
func (p *pairSearch) each(ctx context.Context, n int, do func(c *comparison, i int) error) error {
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for _, c := range p.workers {
		group.Go(func() error {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := context.Cause(ctx); err != nil {
					return err
				}
				if err := do(c, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// check adds the pair of a held row and one of the stage, if it is similar.
func (p *pairSearch) check(c *comparison, held, row int) error {
	l := &p.layout
	similarity := p.similarity(p.chunks[held/p.chunkRows].raw[held%p.chunkRows*l.cols:][:l.cols], p.stage.raw[row*l.cols:][:l.cols])
	// Copies have similarity 1 but for rounding.
	if similarity < p.options.Threshold-1e-12 {
		return nil
	}
	if p.number.Add(1) > int64(p.options.Most) {
		return fmt.Errorf("vectors: pairs: %w: more than %d with a similarity of at least %g; use a higher threshold", ErrTooMany, p.options.Most, p.options.Threshold)
	}
	c.pairs = append(c.pairs, Pair{A: p.first + held, B: p.stage.first + row, Similarity: similarity})
	return nil
}

// similarity is the mean of the blocks' cosines.
func (p *pairSearch) similarity(a, b []float32) float64 {
	sum := 0.0
	for _, width := range p.layout.widths {
		sum += Cosine(a[:width], b[:width])
		a, b = a[width:], b[width:]
	}
	return sum / float64(len(p.layout.widths))
}
