package head

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
)

// correlated are rows that vary much more in some directions than in others, as features do.
func correlated(n, d, classes int) (Matrix, []int) {
	random := rand.New(rand.NewPCG(5, 5))
	const rank = 20
	basis := make([]float64, rank*d)
	for i := range basis {
		basis[i] = random.NormFloat64()
	}
	x, y := Matrix{Rows: n, Cols: d, Data: make([]float32, n*d)}, make([]int, n)
	for i := range n {
		y[i] = i % classes
		row := x.Row(i)
		seen := y[i]
		if i%3 == 0 {
			seen = random.IntN(classes) // some look like others
		}
		for j := range row {
			row[j] = float32(0.5 * random.NormFloat64())
		}
		for k := range rank {
			latent := random.NormFloat64() / float64(1+k)
			if k%classes == seen {
				latent += 0.3
			}
			for j := range row {
				row[j] += float32(latent * basis[k*d+j])
			}
		}
	}
	return x, y
}

// With directions, fewer passes over the rows find the same solution.
func TestPrecondition(t *testing.T) {
	if testing.Short() {
		t.Skip("descends without directions, too, which takes many passes")
	}
	for _, classes := range []int{2, 4} {
		x, y := correlated(4000, 300, classes)
		s, err := standardize(x, ScaleCommon)
		if err != nil {
			t.Fatal(err)
		}
		rows := make([]int, x.Rows)
		for i := range rows {
			rows[i] = i
		}
		importance := []float64{1, 1, 1, 1}[:classes]
		standard, err := s.all(x)
		if err != nil {
			t.Fatal(err)
		}
		found, err := findDirections(context.Background(), standard)
		if err != nil || found == nil {
			t.Fatal(found, err)
		}
		var losses [2]float64
		var passes [2]int
		for i, d := range []*directions{{variances: standard.variances()}, found} {
			r := newRegression(standard, rows, y, classes, importance, 2)
			r.lambda, r.directions = 1e-2, d
			solution, err := r.descend(context.Background(), make([]float64, weightVectors(classes)*(x.Cols+1)), 1e-9)
			if err != nil {
				t.Fatal(err)
			}
			passes[i] = r.passes
			losses[i] = r.loss(solution, make([]float64, len(solution)))
		}
		if math.Abs(losses[1]-losses[0]) > 1e-6 || 2*passes[1] > passes[0] {
			t.Errorf("%d classes: loss %.8f in %d passes with directions, %.8f in %d without", classes, losses[1], passes[1], losses[0], passes[0])
		}
		t.Logf("%d classes: %d passes with directions, %d without", classes, passes[1], passes[0])
	}
}

// The directions are eigenvectors of the covariance: their eigenvalues are those of the latent variables
// that the rows were made of, and mapping there and back changes nothing.
func TestDirections(t *testing.T) {
	x, _ := correlated(2000, 300, 2)
	s, err := standardize(x, ScaleCommon)
	if err != nil {
		t.Fatal(err)
	}
	standard, err := s.all(x)
	if err != nil {
		t.Fatal(err)
	}
	d, err := findDirections(context.Background(), standard)
	if err != nil {
		t.Fatal(err)
	}
	for i := range d.vectors.rows {
		if norm := dot(d.vectors.row(i), d.vectors.row(i)); math.Abs(norm-1) > 1e-3 {
			t.Fatalf("direction %d has the norm %g", i, math.Sqrt(norm))
		}
		along := 0.0 // the variance along it
		for r := range standard.rows {
			v := dot(standard.row(r), d.vectors.row(i))
			along += v * v / float64(standard.rows)
		}
		if math.Abs(along-d.values[i]) > 0.05*d.values[i] {
			t.Errorf("along direction %d the variance is %g, not %g", i, along, d.values[i])
		}
	}
	if most := d.values[len(d.values)-1]; most < 50*d.rest {
		t.Errorf("the largest variance is %g, that of the rest %g", most, d.rest)
	}
	p := d.precondition(0.25, 0.01)
	w, u, back := make([]float64, 2*301), make([]float64, 2*301), make([]float64, 2*301)
	for i := range w {
		w[i] = math.Sin(float64(i))
	}
	p.invert(u, w, 2)
	p.apply(back, u, 2)
	for i := range w {
		if math.Abs(back[i]-w[i]) > 1e-4 {
			t.Fatalf("parameter %d, %g, comes back as %g", i, w[i], back[i])
		}
	}
}
