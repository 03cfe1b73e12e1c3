package head

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"fovea/vectors"
)

func TestFindDuplicates(t *testing.T) {
	x, _ := clusters(150, 40, 0, 4)
	identities := make([]string, x.Rows)
	for i := range identities {
		identities[i] = fmt.Sprint("picture", i)
	}
	identities[9] = identities[3] // a copy of the file
	copy(x.Row(9), x.Row(3))
	for j, v := range x.Row(100) { // brighter, and a little different
		x.Row(149)[j] = 1.5*v + 0.02*float32(j%3)
	}
	copy(x.Row(70), x.Row(149)) // alike by way of another
	d, err := FindDuplicates(context.Background(), x, identities, 0.98)
	if err != nil {
		t.Fatal(err)
	}
	if d.Equal != 1 || d.Alike != 2 || d.Groups[9] != "3" || d.Groups[149] != "70" || d.Groups[100] != "70" || d.Groups[5] != "5" {
		t.Errorf("%d equal, %d alike, groups %v", d.Equal, d.Alike, d.Groups)
	}
	var pairs [][2]int
	for _, p := range d.Pairs {
		pairs = append(pairs, [2]int{p.A, p.B})
		dot, a, b := 0.0, 0.0, 0.0
		for j, v := range x.Row(p.A) {
			w := x.Row(p.B)[j]
			dot, a, b = dot+float64(v)*float64(w), a+float64(v)*float64(v), b+float64(w)*float64(w)
		}
		if want := dot / math.Sqrt(a*b); math.Abs(p.Similarity-want) > 1e-12 {
			t.Errorf("the cosine %d and %d is %g, want %g", p.A, p.B, p.Similarity, want)
		}
	}
	if diff := cmp.Diff([][2]int{{70, 100}, {70, 149}, {100, 149}}, pairs); diff != "" {
		t.Error(diff)
	}
	d, err = FindDuplicates(context.Background(), x, identities, 0)
	if err != nil || d.Equal != 1 || d.Alike != 0 {
		t.Errorf("without a threshold %d are equal, %d alike, %v", d.Equal, d.Alike, err)
	}
	for want, threshold := range map[string]float64{"cosine 1.5": 1.5, "cosine -1": -1} {
		if _, err := FindDuplicates(context.Background(), x, identities, threshold); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
	}
}

// Rows that are alike are never in both sets of a split.
func TestSplitKeepsDuplicatesTogether(t *testing.T) {
	x, labels := clusters(200, 16, 0, 5)
	identities := make([]string, x.Rows)
	for i := range x.Rows {
		identities[i] = fmt.Sprint(i)
		if i >= 100 {
			for j, v := range x.Row(i - 100) {
				x.Row(i)[j] = 2 * v
			}
		}
	}
	d, err := FindDuplicates(context.Background(), x, identities, 0.999)
	if err != nil || d.Alike != 100 {
		t.Fatalf("%d alike, %v", d.Alike, err)
	}
	_, test, err := Split(labels, d.Groups, 0.3, 1)
	if err != nil {
		t.Fatal(err)
	}
	in := map[int]bool{}
	for _, i := range test {
		in[i%100] = !in[i%100]
	}
	for i, alone := range in {
		if alone {
			t.Errorf("row %d is on one side, its twin on the other", i)
		}
	}
}

// The shortcut loses no pair: all pairs that plain products find are found.
func TestFindDuplicatesFindsAll(t *testing.T) {
	x, _ := clusters(300, 60, 0, 8)
	identities := make([]string, x.Rows)
	for i := range identities {
		identities[i] = fmt.Sprint(i)
	}
	for _, threshold := range []float64{0.1, 0.3, 0.45} {
		d, err := FindDuplicates(context.Background(), x, identities, threshold)
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		for a := range x.Rows {
			for b := a + 1; b < x.Rows; b++ {
				dot, aa, bb := 0.0, 0.0, 0.0
				for j, v := range x.Row(a) {
					w := x.Row(b)[j]
					dot, aa, bb = dot+float64(v)*float64(w), aa+float64(v)*float64(v), bb+float64(w)*float64(w)
				}
				if dot/math.Sqrt(aa*bb) >= threshold {
					want++
				}
			}
		}
		if len(d.Pairs) != want || want == 0 {
			t.Errorf("cosine %g: %d pairs, want %d", threshold, len(d.Pairs), want)
		}
	}
}

// Equal rows are duplicates even if they are all zero, or a block of them is, where the cosine is 0; others with zeros are
// none.
func TestFindDuplicatesOfZeros(t *testing.T) {
	negative := float32(math.Copysign(0, -1))
	for name, c := range map[string]struct {
		blocks    []int
		rows      [][]float32
		threshold float64
		pairs     []vectors.Pair
		groups    string
	}{
		"zeros":       {nil, [][]float32{{0, 0}, {1, 2}, {0, negative}, {3, -1}, {0, 0}}, 0.95, []vectors.Pair{{A: 0, B: 2, Similarity: 1}, {A: 0, B: 4, Similarity: 1}, {A: 2, B: 4, Similarity: 1}}, "0 1 0 3 0"},
		"one":         {nil, [][]float32{{0, 0}, {1, 2}, {3, -1}}, 0.95, nil, "0 1 2"},
		"the same":    {nil, [][]float32{{0, 0}, {1, 2}, {3, -1}, {5, 5}, {9, 1}, {0, 0}}, 0.999, nil, "0 1 2 3 4 0"}, // equal files, see below
		"a block":     {[]int{1, 2}, [][]float32{{0, 1, 2}, {0, 1, 2}, {0, 2, -1}, {5, 1, 2}, {0, 0, 0}}, 0.95, []vectors.Pair{{A: 0, B: 1, Similarity: 1}}, "0 0 2 3 4"},
		"found twice": {[]int{1, 2}, [][]float32{{0, 1, 2}, {0, 1, 2}, {0, 2, -1}, {-5, 2, -1}}, 0.4, []vectors.Pair{{A: 0, B: 1, Similarity: 1}, {A: 2, B: 3, Similarity: 0.5}}, "0 0 2 2"},
		"only files":  {nil, [][]float32{{0, 0}, {0, 0}}, 0, nil, "0 1"},
	} {
		x := Matrix{Rows: len(c.rows), Cols: len(c.rows[0]), Blocks: c.blocks, Data: slices.Concat(c.rows...)}
		identities := ownGroups(x.Rows)
		if name == "the same" {
			identities[5] = identities[0]
		}
		d, err := FindDuplicates(context.Background(), x, identities, c.threshold)
		if err != nil || strings.Join(d.Groups, " ") != c.groups {
			t.Errorf("%s: groups %v, %v", name, d.Groups, err)
		}
		if diff := cmp.Diff(c.pairs, d.Pairs, cmpopts.EquateApprox(0, 1e-9), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	blank := Matrix{Rows: 8500, Cols: 1, Data: make([]float32, 8500)}
	if _, err := FindDuplicates(context.Background(), blank, ownGroups(8500), 0.9); !errors.Is(err, vectors.ErrTooMany) {
		t.Errorf("8,500 rows of zeros: %v", err)
	}
}
