package pipeline

import (
	"errors"
	"slices"
	"testing"
)

// sumExtractor has two layers: the sum of a view's two values, and both values.
type sumExtractor struct {
	batch int
	calls []int
	err   error
}

func (e *sumExtractor) BatchSize() int { return e.batch }

func (e *sumExtractor) Extract(pixels []float32, n int) ([][]float32, error) {
	e.calls = append(e.calls, n)
	sums := make([]float32, n)
	for i := range n {
		sums[i] = pixels[2*i] + pixels[2*i+1]
	}
	return [][]float32{sums, slices.Clone(pixels)}, e.err
}

func TestOverViews(t *testing.T) {
	// Two pictures of three views of two values.
	pixels := []float32{1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 90}
	for _, test := range []struct {
		batch, pictures int
		calls           []int
	}{{8, 2, []int{6}}, {6, 2, []int{6}}, {4, 1, []int{4, 2}}, {2, 1, []int{2, 2, 2}}, {1, 1, []int{1, 1, 1, 1, 1, 1}}} {
		inner := &sumExtractor{batch: test.batch}
		e := OverViews(inner, 3)
		if e.BatchSize() != test.pictures {
			t.Errorf("batches of %d views have %d pictures, want %d", test.batch, e.BatchSize(), test.pictures)
		}
		features, err := e.Extract(pixels, 2)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(features[0], []float32{7, 80}) || !slices.Equal(features[1], []float32{3, 4, 30, 50}) {
			t.Errorf("batches of %d give %v", test.batch, features)
		}
		if !slices.Equal(inner.calls, test.calls) {
			t.Errorf("batches of %d are computed as %v, want %v", test.batch, inner.calls, test.calls)
		}
	}
	inner := &sumExtractor{batch: 4}
	if OverViews(inner, 1) != Extractor(inner) {
		t.Error("one view has an extractor of its own")
	}
	if _, err := OverViews(inner, 5).Extract(pixels, 1); err == nil {
		t.Error("12 values are taken for 5 views")
	}
	inner.err = errors.New("out of memory")
	if _, err := OverViews(inner, 3).Extract(pixels, 2); !errors.Is(err, inner.err) {
		t.Errorf("error is %v", err)
	}
}
