package head

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"gonum.org/v1/gonum/mat"
)

func numbered(labels []string) ([]int32, int) {
	y, classes, _ := numberLabels(labels)
	return y, classes
}

// explicit is linear discriminant analysis of the rows outside a fold, refitted from scratch in float64 with matrices as
// they are written in books: the scores of the fold's rows. Directions are those of all rows, as Refit says of itself;
// where all rows are labelled they make no difference, and are left out.
func explicit(t *testing.T, x *mat.Dense, y []int32, classes int, train, test []int, strength float64) map[int][]float64 {
	t.Helper()
	_, d := x.Dims()
	mean := func(rows []int) *mat.VecDense {
		m := mat.NewVecDense(d, nil)
		for _, i := range rows {
			m.AddScaledVec(m, 1/float64(len(rows)), x.RowView(i))
		}
		return m
	}
	scatter := func(s *mat.Dense, rows []int, share float64) {
		m := mean(rows)
		for _, i := range rows {
			e := mat.NewVecDense(d, nil)
			e.SubVec(x.RowView(i), m)
			s.RankOne(s, share, e, e)
		}
	}
	total := mat.NewDense(d, d, nil)
	scatter(total, train, 1/float64(len(train)))
	lambda := strength * mat.Trace(total) / float64(d)
	of, labelled := make([][]int, classes), []int(nil)
	for _, i := range train {
		if y[i] >= 0 {
			of[y[i]] = append(of[y[i]], i)
			labelled = append(labelled, i)
		}
	}
	within := mat.NewDense(d, d, nil)
	for _, rows := range of {
		scatter(within, rows, 1/float64(len(labelled)))
	}
	for i := range d {
		within.Set(i, i, within.At(i, i)+lambda)
		total.Set(i, i, total.At(i, i)+lambda)
	}
	means := mat.NewDense(d, classes, nil)
	for c, rows := range of {
		var m mat.VecDense
		m.SubVec(mean(rows), mean(labelled))
		means.SetCol(c, m.RawVector().Data)
	}
	w := mat.DenseCopyOf(mat.NewDiagDense(d, slices.Repeat([]float64{1}, d)))
	if len(labelled) < len(train) {
		w = new(mat.Dense)
		if err := w.Solve(total, means.Slice(0, d, 0, classes-1)); err != nil {
			t.Fatal(err)
		}
	}
	var small, q, v mat.Dense
	small.Product(w.T(), within, w)
	q.Mul(w.T(), means)
	if err := v.Solve(&small, &q); err != nil {
		t.Fatal(err)
	}
	scores := map[int][]float64{}
	for _, i := range test {
		var e, z mat.VecDense
		e.SubVec(x.RowView(i), mean(labelled))
		z.MulVec(w.T(), &e)
		for c, rows := range of {
			scores[i] = append(scores[i], mat.Dot(&z, v.ColView(c))-mat.Dot(q.ColView(c), v.ColView(c))/2+math.Log(float64(len(rows))/float64(len(labelled))))
		}
	}
	return scores
}

// What is computed from kept factors is what fitting each fold anew gives, with all labels and with some.
func TestRefitIsExplicit(t *testing.T) {
	for _, test := range []struct{ rows, cols, classes, sevenths int }{{120, 9, 2, 7}, {150, 12, 3, 7}, {150, 12, 3, 2}, {200, 7, 5, 5}, {90, 8, 2, 3}} {
		x, labels := clouds(test.rows, test.cols, test.classes, 1.2, 3)
		for i := range labels {
			if i%7 >= test.sevenths {
				labels[i] = ""
			}
		}
		y, classes := numbered(labels)
		r, err := NewRefit(t.Context(), x, RefitOptions{Seed: 2, Strength: 0.1, Scaling: ScaleCommon, Labels: labels})
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.Fit(t.Context(), y, classes)
		if err != nil {
			t.Fatal(err)
		}
		s, err := standardize(x, ScaleCommon)
		if err != nil {
			t.Fatal(err)
		}
		standard, row := mat.NewDense(x.Rows, x.Cols, nil), make([]float32, x.Cols)
		for i := range x.Rows {
			s.apply(row, x.Row(i))
			for j, v := range row {
				standard.Set(i, j, float64(v))
			}
		}
		var logits [][]float64
		var own []int
		all := map[int][]float64{}
		for f := range r.folds {
			for i, scores := range explicit(t, standard, y, classes, r.folds[f].train, r.folds[f].test, 0.1) {
				all[i] = scores
			}
		}
		for i, c := range y {
			if c >= 0 {
				logits, own = append(logits, all[i]), append(own, int(c))
			}
		}
		want := temperature(logits, own, nil, doubtOf(len(own)))
		if math.Abs(got.Temperature-want) > 1e-3*want {
			t.Errorf("%v: the temperature is %g, want %g", test, got.Temperature, want)
		}
		right := 0
		for i := range y {
			p := slices.Clone(all[i])
			for c := range p {
				p[c] /= want
			}
			softmax(p)
			for c, v := range got.Of(i) {
				if math.Abs(v-p[c]) > 1e-4 {
					t.Fatalf("%v: row %d has class %d with %g, a fit from scratch says %g", test, i, c, v, p[c])
				}
			}
			if y[i] >= 0 && argmax(p) == int(y[i]) {
				right++
			}
		}
		value, interval, ok := got.Accuracy()
		if !ok || got.N != len(own) || got.Right != right || value != float64(right)/float64(len(own)) || interval != Wilson(value, float64(got.N)) {
			t.Errorf("%v: %d of %d are right, want %d of %d; %g in %v", test, got.Right, got.N, right, len(own), value, interval)
		}
	}
}

// More columns than rows are described by products of rows, without loss.
func TestRefitOfWideRows(t *testing.T) {
	x, labels := clouds(60, 80, 2, 0.5, 5)
	y, classes := numbered(labels)
	wide, err := NewRefit(t.Context(), x, RefitOptions{Strength: 0.2, Labels: labels})
	if err != nil {
		t.Fatal(err)
	}
	if wide.coordinates.cols != 60 {
		t.Fatalf("%d coordinates", wide.coordinates.cols)
	}
	a, err := wide.Fit(t.Context(), y, classes)
	if err != nil {
		t.Fatal(err)
	}
	s, err := standardize(x, ScaleUnit)
	if err != nil {
		t.Fatal(err)
	}
	direct := *wide
	if direct.coordinates, err = s.all(x); err != nil {
		t.Fatal(err)
	}
	direct.folds = slices.Clone(wide.folds)
	if err := errors.Join(direct.covariances(t.Context()), direct.factorize(t.Context(), 5, 80, 0.2)); err != nil {
		t.Fatal(err)
	}
	b, err := direct.Fit(t.Context(), y, classes)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range a.Probabilities {
		if math.Abs(p-b.Probabilities[i]) > 2e-3 {
			t.Fatalf("probability %d is %g by products of rows, %g by columns", i, p, b.Probabilities[i])
		}
	}
}

// The labels of a fold have no part in what is said of its rows, nor have copies of a row.
func TestRefitIsOutOfFold(t *testing.T) {
	x, labels := clouds(100, 6, 2, 1, 8)
	groups := make([]string, 100)
	for i := range groups {
		groups[i] = strconv.Itoa(i / 4) // of both classes
	}
	y, classes := numbered(labels)
	r, err := NewRefit(t.Context(), x, RefitOptions{Groups: groups, Labels: labels})
	if err != nil {
		t.Fatal(err)
	}
	for i := range groups {
		if r.number[i] != r.number[i/4*4] {
			t.Fatalf("rows %d and %d of one group are in the folds %d and %d", i, i/4*4, r.number[i], r.number[i/4*4])
		}
	}
	before, err := r.Fit(t.Context(), y, classes)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range r.folds[0].test {
		y[i] = 1 - y[i]
	}
	after, err := r.Fit(t.Context(), y, classes)
	if err != nil {
		t.Fatal(err)
	}
	logit := func(r *Refitted, i int) float64 { return r.Temperature * math.Log(r.Of(i)[1]/r.Of(i)[0]) }
	others := 0.0
	for i, n := range r.number {
		change := math.Abs(logit(before, i) - logit(after, i))
		if n == 0 && change > 1e-6*(1+math.Abs(logit(before, i))) {
			t.Errorf("the score of row %d changes by %g with labels of its own fold", i, change)
		} else if n != 0 {
			others = max(others, change)
		}
	}
	if others < 1e-3 {
		t.Error("no score changes with labels of other folds")
	}
}

// Rows of a class that nothing else has, and labels that are too few, are tested by nobody.
func TestRefitOfFewLabels(t *testing.T) {
	x, labels := clouds(50, 5, 2, 2, 1)
	y, _ := numbered(labels)
	r, err := NewRefit(t.Context(), x, RefitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	y[7] = 2
	got, err := r.Fit(t.Context(), y, 3)
	if err != nil {
		t.Fatal(err)
	}
	suspect, err := r.Suspect(t.Context(), y, got)
	if err != nil {
		t.Fatal(err)
	}
	if got.Tested[7] || got.N != 49 || !math.IsNaN(float64(suspect[7])) || math.IsNaN(float64(suspect[8])) {
		t.Errorf("a class of one row is tested: %v, %d, %g, %g", got.Tested[7], got.N, suspect[7], suspect[8])
	}
	for i, n := range r.number {
		if p := got.Of(i)[2]; n == r.number[7] && p != 0 {
			t.Fatalf("row %d is of an unknown class with %g", i, p)
		}
	}
	for _, y := range [][]int32{slices.Repeat([]int32{-1}, 50), slices.Repeat([]int32{1}, 50)} {
		got, err := r.Fit(t.Context(), y, 2)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, ok := got.Accuracy(); ok || !math.IsNaN(got.Of(0)[0]) {
			t.Errorf("labels %v give %v", y[:2], got.Of(0))
		}
		if suspect, err := r.Suspect(t.Context(), y, got); err != nil || !math.IsNaN(float64(suspect[0])) {
			t.Errorf("suspect %v, %v", suspect[0], err)
		}
	}
	if _, err := r.Fit(t.Context(), slices.Repeat([]int32{2}, 50), 2); err == nil {
		t.Error("a class that is not there is taken")
	}
	if _, err := NewRefit(t.Context(), x, RefitOptions{Groups: slices.Repeat([]string{"one"}, 50)}); !errors.Is(err, ErrCopies) {
		t.Errorf("copies of one image: %v", err)
	}
	if _, err := NewRefit(t.Context(), Matrix{Rows: mostRefitColumns + 1, Cols: mostRefitColumns + 1, Data: make([]float32, (mostRefitColumns+1)*(mostRefitColumns+1))}, RefitOptions{}); !errors.Is(err, ErrWide) {
		t.Errorf("wide rows: %v", err)
	}
}

// Wrong labels come first, about in the order of OutOfFoldProbabilities, which fits softmax regressions.
func TestRefitSuspects(t *testing.T) {
	x, labels := clouds(600, 10, 3, 2, 4)
	wrong := map[int]bool{}
	for i := 0; i < 600; i += 20 {
		labels[i] = fmt.Sprintf("class%d", (i+1)%3)
		wrong[i] = true
	}
	y, classes := numbered(labels)
	r, err := NewRefit(t.Context(), x, RefitOptions{Labels: labels})
	if err != nil {
		t.Fatal(err)
	}
	first, err := r.Fit(t.Context(), y, classes)
	if err != nil {
		t.Fatal(err)
	}
	suspect, err := r.Suspect(t.Context(), y, first)
	if err != nil {
		t.Fatal(err)
	}
	out, err := OutOfFoldProbabilities(t.Context(), x, labels, OutOfFoldOptions{TrainOptions: TrainOptions{Scaling: ScaleUnit}})
	if err != nil {
		t.Fatal(err)
	}
	slow := make([]float64, 600)
	for i, scores := range out.Scores() {
		other := math.Inf(-1)
		for c, s := range scores {
			if c != out.Y[i] {
				other = max(other, s)
			}
		}
		slow[i] = other - scores[out.Y[i]]
	}
	found := func(by func(i int) float64) (n int) {
		rows := make([]int, 600)
		for i := range rows {
			rows[i] = i
		}
		slices.SortStableFunc(rows, func(a, b int) int {
			return map[bool]int{true: -1, false: 1}[by(a) > by(b)]
		})
		for _, i := range rows[:len(wrong)] {
			if wrong[i] {
				n++
			}
		}
		return n
	}
	quick, usual := found(func(i int) float64 { return float64(suspect[i]) }), found(func(i int) float64 { return slow[i] })
	t.Logf("of %d wrong labels, %d are among as many first suspects, %d by regression", len(wrong), quick, usual)
	if quick < usual-2 || quick < len(wrong)*8/10 {
		t.Errorf("%d of %d wrong labels are among the first, %d by regression", quick, len(wrong), usual)
	}
}

// Results do not depend on the number of CPUs.
func TestRefitIsDeterministic(t *testing.T) {
	x, labels := clouds(300, 20, 3, 1, 6)
	y, classes := numbered(labels)
	var all [][]float64
	for _, cpus := range []int{1, 3} {
		before := runtime.GOMAXPROCS(cpus)
		r, err := NewRefit(t.Context(), x, RefitOptions{Labels: labels})
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.Fit(t.Context(), y, classes)
		runtime.GOMAXPROCS(before)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, got.Probabilities)
	}
	if !slices.Equal(all[0], all[1]) {
		t.Error("with other CPUs, probabilities are others")
	}
}
