package explorer

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fovea/featurestore"
	"fovea/head"
)

// Copies with different labels are groups, those of equal files first; a label that agrees ends the conflict.
func TestConflicts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	var vectors [][]float32
	makeRows(t, dir, 60, 16, func(i int, r *featurestore.Row) {
		copyOf := map[int]int{40: 3, 41: 4, 42: 5, 43: 8, 44: 9}
		if of, ok := copyOf[i]; ok {
			r.Features[0] = slices.Clone(vectors[of])
			if i < 43 { // the same file
				r.SHA256 = fmt.Sprintf("%064x", of)
			} else { // saved anew
				r.Features[0][0] += 1e-3
			}
			r.Label = []string{"a", "b", "c", "d"}[of%4]
		}
		switch i {
		case 40, 43:
			r.Label = "b"
		case 42:
			r.Label = ""
		}
		vectors = append(vectors, r.Features[0])
	})
	r := start(t, Options{Dir: dir})
	var found order
	for by := time.Now().Add(30 * time.Second); found.Groups == nil || found.Note != ""; time.Sleep(5 * time.Millisecond) {
		if found = object[order](r, "/api/orders/conflicts"); time.Now().After(by) {
			t.Fatalf("%+v", found)
		}
	}
	if d := cmp.Diff([][]int{{3, 40}, {8, 43}}, found.Groups); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]int{3, 40, 8, 43}, found.Rows); d != "" {
		t.Error(d)
	}
	if found := object[order](r, "/api/orders/conflicts?rows=3,8,43"); !cmp.Equal(found.Groups, [][]int{{8, 43}}) {
		t.Errorf("of a selection: %+v", found)
	}
	version := object[labelsSeen](r, "/api/dataset").Version
	if status, said := r.post("/api/labels", fields{"version": version, "rows": []int{40}, "label": "d"}); status != 200 {
		t.Fatalf("%+v", said)
	}
	if found := object[order](r, "/api/orders/conflicts"); !cmp.Equal(found.Groups, [][]int{{8, 43}}) {
		t.Errorf("after one is settled: %+v", found)
	}
}

// Of rows that a head is uncertain about, one of each kind comes before the second of any, however many there are of it; the
// order is the same each time.
func TestSpread(t *testing.T) {
	const kinds, each, cols = 6, 30, 24
	random := rand.New(rand.NewPCG(1, 2))
	x := head.Matrix{Rows: kinds * each, Cols: cols, Data: make([]float32, kinds*each*cols)}
	doubt, rows := make([]float64, x.Rows), make([]int, x.Rows)
	for i := range x.Rows {
		kind := i / each
		for j := range cols {
			x.Row(i)[j] = float32(random.NormFloat64() / 20)
		}
		x.Row(i)[kind]++
		doubt[i], rows[i] = 0.9-0.001*float64(i), i // the first kind is the most uncertain
	}
	chosen, err := spread(t.Context(), x, rows, doubt, 2*kinds)
	must(t, err)
	seen := map[int]bool{}
	for _, row := range chosen[:kinds] {
		seen[row/each] = true
	}
	if len(seen) != kinds || chosen[0] != 0 {
		t.Errorf("the first are %v, of %d kinds of %d", chosen[:kinds], len(seen), kinds)
	}
	again, err := spread(t.Context(), x, rows, doubt, 2*kinds)
	must(t, err)
	if !slices.Equal(chosen, again) {
		t.Errorf("%v, then %v", chosen, again)
	}
	// Rows that nothing is known to be doubtful about come last, and no row twice.
	all, err := spread(t.Context(), x, rows, doubt, x.Rows)
	must(t, err)
	if sorted := slices.Compact(slices.Sorted(slices.Values(all))); len(sorted) != x.Rows {
		t.Errorf("%d of %d rows", len(sorted), x.Rows)
	}
}
