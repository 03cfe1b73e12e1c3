package explore

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"fovea/featurestore"
	"fovea/internal/finite"
	"fovea/recipe"
	"fovea/vectors"
)

// Searcher finds the rows of a dataset that are most similar to vectors, many times. It may be used by several
// goroutines. It shows the dataset as it was when it was opened.
type Searcher struct {
	layer  recipe.Layer
	rows   []Row
	source vectors.Source
	turns  chan struct{} // one for each search at a time
}

// NewSearcher reads the rows of a dataset. Their vectors stay in memory if they take at most so many bytes; of more,
// each search reads them again. A dataset without rows is featurestore.ErrEmpty, a layer that it does not have is
// ErrUnknownLayer.
func NewSearcher(ctx context.Context, d *featurestore.Dataset, layer string, memory int64) (*Searcher, error) {
	l, scan, err := Selection{Layer: layer}.Resolve(ctx, d)
	if err != nil {
		return nil, err
	}
	if d.Rows() == 0 {
		return nil, fmt.Errorf("the dataset has %w", featurestore.ErrEmpty)
	}
	s := &Searcher{layer: l, turns: make(chan struct{}, 1)}
	whole := int64(d.Rows())*int64(l.Size())*4 <= memory
	source := streamed(d, l, scan, func(b *featurestore.Batch) {
		if len(s.rows) == d.Rows() {
			return // of a later search
		}
		for i, r := range b.Rows {
			s.rows = append(s.rows, rowOf(b.Index[i], r))
		}
	})
	if s.source = source; whole {
		s.source = source.Kept(d.Rows(), l.Size(), d.Rows()*l.Size())
		s.turns = make(chan struct{}, runtime.GOMAXPROCS(0))
	}
	err = s.source(ctx, func(b vectors.Block) error {
		if at := finite.First(b.Data); at >= 0 {
			return &vectors.NotFiniteError{Row: b.First + at/b.Cols}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the vectors: %w", located(err, s.rows))
	}
	return s, nil
}

// Rows is the number of rows that are searched.
func (s *Searcher) Rows() int { return len(s.rows) }

// Nearest returns, for each vector of the layer, the k rows whose vectors have the highest cosine similarity with it, the
// most similar first. A vector of zeros is vectors.ErrZero.
func (s *Searcher) Nearest(ctx context.Context, queries [][]float32, k int) ([][]Row, error) {
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	block := vectors.Block{Rows: len(queries), Cols: s.layer.Size(), Data: slices.Concat(queries...)}
	nearest, err := vectors.Nearest(ctx, s.source, block, k)
	if err != nil {
		return nil, fmt.Errorf("find the nearest rows: %w", err)
	}
	found := make([][]Row, len(nearest))
	for i, neighbors := range nearest {
		for _, n := range neighbors {
			r := s.rows[n.Row]
			r.Similarity = n.Similarity
			found[i] = append(found[i], r)
		}
	}
	return found, nil
}
