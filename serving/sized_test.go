package serving

import (
	"fmt"
	"slices"
	"testing"
)

// fixed is an extractor of a batch size, which it puts into each feature.
type fixed int

func (f fixed) BatchSize() int { return int(f) }

func (f fixed) Extract(pixels []float32, n int) ([][]float32, error) {
	if n > int(f) || len(pixels) != n {
		return nil, fmt.Errorf("a batch of %d for %d", n, f)
	}
	return [][]float32{slices.Repeat([]float32{float32(f)}, n)}, nil
}

// Each batch is computed by the smallest extractor that holds it.
func TestSized(t *testing.T) {
	s := sized{fixed(1), fixed(2), fixed(4), fixed(6)}
	if s.BatchSize() != 6 {
		t.Errorf("the batch size is %d", s.BatchSize())
	}
	for n, want := range map[int]float32{1: 1, 2: 2, 3: 4, 4: 4, 5: 6, 6: 6} {
		if got, err := s.Extract(make([]float32, n), n); err != nil || got[0][n-1] != want {
			t.Errorf("%d images are computed by the extractor of %v: %v", n, got, err)
		}
	}
	if _, err := s.Extract(make([]float32, 7), 7); err == nil {
		t.Error("a batch too large is computed")
	}
}
