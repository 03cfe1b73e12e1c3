package head

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// clouds are rows around one centre for each class, so far apart that some are on the wrong side.
func clouds(rows, cols, classes int, distance float64, seed uint64) (Matrix, []string) {
	random := rand.New(rand.NewPCG(seed, 1))
	x, labels := Matrix{Rows: rows, Cols: cols, Data: make([]float32, rows*cols)}, make([]string, rows)
	for i := range rows {
		c := i % classes
		labels[i] = fmt.Sprintf("class%d", c)
		for j := range cols {
			v := random.NormFloat64()
			if j%classes == c {
				v += distance
			}
			x.Row(i)[j] = float32(v)
		}
	}
	return x, labels
}

// Each row is tested by a regression on the rows of other folds: the same as the regression on those rows gives.
func TestOutOfFoldIsRegression(t *testing.T) {
	const lambda, folds = 0.03, 3
	x, labels := clouds(90, 6, 3, 1, 1)
	out, err := OutOfFoldProbabilities(t.Context(), x, labels, OutOfFoldOptions{TrainOptions: TrainOptions{Seed: 4, Lambdas: []float64{lambda}, Folds: folds}})
	if err != nil {
		t.Fatal(err)
	}
	number, count := foldNumbers(out.Y, ownGroups(90), 3, folds, 4)
	if count != folds || len(out.Untested) > 0 {
		t.Fatalf("%d folds, %v untested", count, out.Untested)
	}
	// Rows are standardized together: that takes no labels.
	s, err := standardize(x, ScaleCommon)
	if err != nil {
		t.Fatal(err)
	}
	standard, err := s.all(x)
	if err != nil {
		t.Fatal(err)
	}
	for f := range folds {
		var train []int
		for i, n := range number {
			if n != f {
				train = append(train, i)
			}
		}
		// Directly by the regression, from another start, to the precision of final weights.
		r := newRegression(standard, train, out.Y, 3, []float64{1, 1, 1}, 1)
		r.directions, r.lambda = &directions{variances: standard.variances()}, lambda
		parameters, err := r.fit(t.Context(), slices.Repeat([]float64{0.01}, 3*7), true)
		if err != nil {
			t.Fatal(err)
		}
		for i, n := range number {
			if n != f {
				continue
			}
			scores := make([]float64, 3)
			for c := range scores {
				for j, v := range standard.row(i)[:6] {
					scores[c] += float64(v) * parameters[c*7+j]
				}
				scores[c] += parameters[c*7+6]
			}
			softmax(scores)
			for c, p := range scores {
				if math.Abs(p-out.Probabilities[i][c]) > 0.01 {
					t.Errorf("row %d: %v, by the regression %v", i, out.Probabilities[i], scores)
					break
				}
			}
		}
	}
}

// Every row of more than enoughTested is tested, copies never by their copies, whatever the number of CPUs.
func TestOutOfFoldOfAllRows(t *testing.T) {
	x, labels := clouds(enoughTested+2002, 4, 2, 1.5, 2)
	groups := ownGroups(x.Rows)
	// The rows of this group are far from all others, with labels that only they could tell.
	for i := range 40 {
		row := x.Row(i)
		for j := range row {
			row[j] = float32(3*j) - 5
		}
		labels[i], groups[i] = "class0", "copies"
	}
	options := OutOfFoldOptions{TrainOptions: TrainOptions{Seed: 1, Lambdas: []float64{0.01}, Groups: groups}, Neighbours: 5}
	out, err := OutOfFoldProbabilities(t.Context(), x, labels, options)
	if err != nil {
		t.Fatal(err)
	}
	for i := range x.Rows {
		for _, table := range [][][]float64{out.Probabilities, out.Refined, out.Votes} {
			sum := 0.0
			for _, p := range table[i] {
				sum += p
			}
			if math.Abs(sum-1) > 1e-9 {
				t.Fatalf("the probabilities of row %d are %v", i, table[i])
			}
		}
	}
	if testing.Short() { // on one CPU nothing is done at the same time
		return
	}
	before := runtime.GOMAXPROCS(1)
	again, err := OutOfFoldProbabilities(t.Context(), x, labels, options)
	runtime.GOMAXPROCS(before)
	if err != nil {
		t.Fatal(err)
	}
	for i := range x.Rows {
		if !slices.Equal(again.Refined[i], out.Refined[i]) || !slices.Equal(again.Votes[i], out.Votes[i]) {
			t.Fatalf("row %d: %v on one CPU, %v on %d", i, again.Refined[i], out.Refined[i], before)
		}
	}
}

// A group is judged by others alone: its rows, of which each has copies with the same wrong label, are found.
func TestOutOfFoldKeepsGroups(t *testing.T) {
	x, labels := clouds(300, 8, 2, 1.5, 3)
	groups := ownGroups(300)
	for i := 2; i < 22; i += 2 { // copies of row 0, which is of class0
		copy(x.Row(i), x.Row(0))
		groups[i] = groups[0]
	}
	for i := 0; i < 22; i += 2 {
		labels[i] = "class1"
	}
	out, err := OutOfFoldProbabilities(t.Context(), x, labels, OutOfFoldOptions{TrainOptions: TrainOptions{Seed: 1, Groups: groups}})
	if err != nil {
		t.Fatal(err)
	}
	if p := out.Refined[0][1]; p > 0.1 {
		t.Errorf("the probability of a wrong label that all copies have is %.3f", p)
	}
	if v := out.Votes[0][1]; v > 0.3 {
		t.Errorf("copies vote for their own label: %.3f", v)
	}
}

// A class that has one group is learned from, but its rows cannot be tested. Classes of few rows are tested.
func TestOutOfFoldOfRareClasses(t *testing.T) {
	x, labels := clouds(60, 4, 3, 4, 4)
	labels[0] = "rare"
	labels[3], labels[6] = "seldom", "seldom"
	out, err := OutOfFoldProbabilities(t.Context(), x, labels, OutOfFoldOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(out.Untested, []int{0}) || out.Refined[0] != nil || out.Votes[0] != nil || out.Scores()[0] != nil {
		t.Errorf("untested are %v", out.Untested)
	}
	for i := 1; i < 60; i++ {
		if len(out.Refined[i]) != 5 {
			t.Errorf("row %d has the probabilities %v", i, out.Refined[i])
		}
	}
}

func TestOutOfFoldRefuses(t *testing.T) {
	x, labels := clouds(20, 3, 2, 1, 5)
	for name, c := range map[string]struct {
		labels, groups []string
		want           string
	}{
		"one class": {slices.Repeat([]string{"cat"}, 20), nil, `all rows are of one class, "cat"`},
		"no label":  {append([]string{""}, labels[1:]...), nil, "row 0 has no label"},
		"few":       {labels[1:], nil, "19 labels for 20 rows"},
		"groups":    {labels, []string{"a"}, "1 groups for 20 rows"},
		"one group": {labels, labels, "so that no fold can be made"},
		"single":    {ownGroups(20), nil, "no class has more than one image"},
	} {
		_, err := OutOfFoldProbabilities(t.Context(), x, c.labels, OutOfFoldOptions{TrainOptions: TrainOptions{Groups: c.groups}})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if name == "one group" && !errors.Is(err, ErrAlike) {
			t.Errorf("%s: it is not ErrAlike", name)
		}
	}
}

// The neighbours are those of a plain search in float64.
func TestFindNeighbours(t *testing.T) {
	x, _ := clouds(131, 7, 3, 1, 6)
	groups := ownGroups(131)
	for i := range 131 {
		groups[i] = groups[i/2*2]
	}
	const k = 5
	found, err := FindNeighbours(t.Context(), x, k, groups)
	if err != nil {
		t.Fatal(err)
	}
	centred := make([][]float64, x.Rows)
	for i := range centred {
		centred[i] = make([]float64, x.Cols)
		for j := range x.Cols {
			mean := 0.0
			for r := range x.Rows {
				mean += float64(x.Row(r)[j]) / float64(x.Rows)
			}
			centred[i][j] = float64(x.Row(i)[j]) - mean
		}
	}
	cosine := func(a, b []float64) float64 {
		var ab, aa, bb float64
		for j := range a {
			ab, aa, bb = ab+a[j]*b[j], aa+a[j]*a[j], bb+b[j]*b[j]
		}
		return ab / math.Sqrt(aa*bb)
	}
	for i := range x.Rows {
		var want []float64
		for r := range x.Rows {
			if groups[r] != groups[i] {
				want = append(want, cosine(centred[i], centred[r]))
			}
		}
		slices.SortFunc(want, func(a, b float64) int { return cmp.Compare(b, a) })
		rows, similarities := found.Of(i)
		if len(rows) != k {
			t.Fatalf("row %d has %d neighbours", i, len(rows))
		}
		for j, r := range rows {
			if math.Abs(float64(similarities[j])-want[j]) > 1e-5 || math.Abs(cosine(centred[i], centred[r])-want[j]) > 1e-5 {
				t.Errorf("row %d: neighbour %d is %d with %.6f, want %.6f", i, j, r, similarities[j], want[j])
			}
		}
	}
	few, err := FindNeighbours(t.Context(), Matrix{Rows: 3, Cols: 7, Data: x.Data[:21]}, k, nil)
	if err != nil {
		t.Fatal(err)
	}
	if rows, _ := few.Of(0); len(rows) != 2 {
		t.Errorf("of three rows, the neighbours of one are %v", rows)
	}
}

// Similarity is that of a plain search in float64, on few rows and, along directions, nearly on many; a row unlike all
// others has the least.
func TestSimilarity(t *testing.T) {
	for _, shape := range [][2]int{{90, 12}, {600, 300}} {
		const k = 5
		// Rows are sums of a few patterns, like features of images.
		random := rand.New(rand.NewPCG(3, 3))
		x := Matrix{Rows: shape[0], Cols: shape[1], Data: make([]float32, shape[0]*shape[1])}
		for i := range x.Rows {
			for j := range x.Cols {
				x.Row(i)[j] = float32(math.Abs(math.Sin(float64(j*(1+i%7)))) * (1 + 0.2*random.Float64()))
			}
		}
		for j := range x.Cols {
			x.Row(11)[j] = float32(random.ExpFloat64())
		}
		found, err := Similarity(t.Context(), x, k, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range x.Rows {
			var all []float64
			for r := range x.Rows {
				ab, aa, bb := 0.0, 0.0, 0.0
				for j := range x.Cols {
					a, b := math.Sqrt(float64(x.Row(i)[j])), math.Sqrt(float64(x.Row(r)[j]))
					ab, aa, bb = ab+a*b, aa+a*a, bb+b*b
				}
				if r != i {
					all = append(all, ab/math.Sqrt(aa*bb))
				}
			}
			slices.Sort(all)
			want := 0.0
			for _, v := range all[len(all)-k:] {
				want += v / k
			}
			if math.Abs(found[i]-want) > map[bool]float64{true: 1e-5, false: 0.02}[shape[1] < directionMinCols] && i != 11 {
				t.Errorf("%v: row %d has %.5f, want %.5f", shape, i, found[i], want)
			}
			if i != 11 && found[i] <= found[11] {
				t.Errorf("%v: row %d has %.5f, that unlike all others %.5f", shape, i, found[i], found[11])
			}
		}
	}
}
