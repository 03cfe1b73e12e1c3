package pipeline

import (
	"fmt"
	"slices"
	"testing"
)

func TestSample(t *testing.T) {
	items := make([]Item, 100)
	for i := range items {
		items[i].Path = fmt.Sprintf("%03d.jpg", i)
	}
	small, large := paths(Sample(items, 10, 1)), paths(Sample(items, 40, 1))
	if len(small) != 10 || len(large) != 40 {
		t.Fatalf("samples of 10 and 40 have %d and %d items", len(small), len(large))
	}
	if !slices.IsSorted(small) || !slices.IsSorted(large) {
		t.Error("a sample is out of order")
	}
	for _, path := range small {
		if !slices.Contains(large, path) {
			t.Errorf("%s is in the sample of 10, but not in that of 40", path)
		}
	}
	if slices.Equal(small, paths(Sample(items, 10, 2))) {
		t.Error("another seed gives the same sample")
	}
	for _, n := range []int{-1, 0, 100, 1000} {
		if got := Sample(items, n, 1); len(got) != len(items) {
			t.Errorf("Sample of %d has %d items", n, len(got))
		}
	}
}
