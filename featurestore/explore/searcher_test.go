package explore

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fovea/featurestore"
	"fovea/vectors"
)

// A searcher finds what Nearest finds, with the vectors in memory and without, for several queries and callers at once.
func TestSearcher(t *testing.T) {
	ctx, d := context.Background(), dataset(t)
	queries := [][]float32{{1, 0}, {0, 1}, {-1, 0.5}}
	for _, memory := range []int64{1 << 20, 6*2*4 - 1, 0} {
		s, err := NewSearcher(ctx, d, "pool5", memory)
		check(t, err)
		if s.Rows() != 6 || s.layer.Name != "pool5" {
			t.Errorf("it has %d rows of %s", s.Rows(), s.layer.Name)
		}
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				found, err := s.Nearest(ctx, queries, 3)
				if err != nil {
					t.Error(err)
					return
				}
				for i, query := range queries {
					want, err := Nearest(ctx, d, Selection{Layer: "pool5"}, query, 3, -1)
					if err != nil || !cmp.Equal(found[i], want) {
						t.Errorf("with %d bytes, query %d finds %+v, want %+v, %v", memory, i, found[i], want, err)
					}
				}
			})
		}
		group.Wait()
		if _, err := s.Nearest(ctx, [][]float32{{0, 0}}, 1); !errors.Is(err, vectors.ErrZero) {
			t.Errorf("a query of zeros: %v", err)
		}
		ended, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := s.Nearest(ended, queries, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("a search that was given up: %v", err)
		}
	}
}

func TestNewSearcherRefuses(t *testing.T) {
	d := dataset(t)
	if _, err := NewSearcher(t.Context(), d, "pool6", 1); !errors.Is(err, ErrUnknownLayer) {
		t.Errorf("an unknown layer: %v", err)
	}
	dir := filepath.Join(t.TempDir(), "features")
	w, err := featurestore.Create(dir, featurestore.Info{Recipe: d.Recipe(), DType: featurestore.Float32, ToolVersion: "v0", Device: "cpu"}, featurestore.Options{})
	check(t, err)
	check(t, w.Close(featurestore.StatusComplete))
	empty, err := featurestore.Open(dir)
	check(t, err)
	if _, err = NewSearcher(t.Context(), empty, "", 1<<20); !errors.Is(err, featurestore.ErrEmpty) {
		t.Errorf("a dataset without rows: %v", err)
	}
}
