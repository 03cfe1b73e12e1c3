package head

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// newton finds the optimum of softmax regression in float64 by Newton's method: for each row, the probabilities of all
// classes. Every class has a vector, of two classes, too: the optimum is the same.
func newton(t *testing.T, x dense, y []int, classes int, lambda float64) [][]float64 {
	t.Helper()
	d := x.cols + 1
	w := mat.NewVecDense(classes*d, nil)
	for round := range 100 {
		gradient, hessian := mat.NewVecDense(classes*d, nil), mat.NewSymDense(classes*d, nil)
		for i, class := range y {
			row, p := append(wide(x.row(i)[:x.cols]), 1), probabilitiesOf(w, x.row(i)[:x.cols], classes)
			for a := range classes {
				e := p[a]
				if a == class {
					e--
				}
				for j, v := range row {
					gradient.SetVec(a*d+j, gradient.AtVec(a*d+j)+e*v/float64(len(y)))
				}
				for b := a; b < classes; b++ {
					h := -p[a] * p[b]
					if a == b {
						h += p[a]
					}
					for j, v := range row {
						for k, u := range row {
							if a < b || j <= k {
								hessian.SetSym(a*d+j, b*d+k, hessian.At(a*d+j, b*d+k)+h*v*u/float64(len(y)))
							}
						}
					}
				}
			}
		}
		for i := range classes * d {
			strength := lambda
			if i%d == d-1 {
				strength = 1e-12 // biases are free, up to a common one
			}
			hessian.SetSym(i, i, hessian.At(i, i)+strength)
			gradient.SetVec(i, gradient.AtVec(i)+strength*w.AtVec(i))
		}
		if mat.Norm(gradient, math.Inf(1)) < 1e-12 {
			break
		} else if round == 99 {
			t.Fatalf("Newton's method ends with a gradient of %g", mat.Norm(gradient, math.Inf(1)))
		}
		var step mat.VecDense
		var cholesky mat.Cholesky
		if !cholesky.Factorize(hessian) {
			t.Fatal("the Hessian has no Cholesky factorization")
		}
		if err := cholesky.SolveVecTo(&step, gradient); err != nil {
			t.Log(err)
		}
		// Damped while it is far away.
		length := 1 / (1 + math.Sqrt(math.Max(0, mat.Dot(gradient, &step)))/5)
		w.AddScaledVec(w, -length, &step)
	}
	var all [][]float64
	for i := range y {
		all = append(all, probabilitiesOf(w, x.row(i)[:x.cols], classes))
	}
	return all
}

func wide(row []float32) []float64 {
	out := make([]float64, len(row))
	for j, v := range row {
		out[j] = float64(v)
	}
	return out
}

func probabilitiesOf(w *mat.VecDense, row []float32, classes int) []float64 {
	d, p := len(row)+1, make([]float64, classes)
	for c := range classes {
		p[c] = w.AtVec(c*d + d - 1)
		for j, v := range row {
			p[c] += w.AtVec(c*d+j) * float64(v)
		}
	}
	softmax(p)
	return p
}

// overlapping are rows around the classes' centres, whose columns have the given sizes.
func overlapping(rows, classes int, sizes []float64, seed uint64) (Matrix, []string) {
	r := rand.New(rand.NewPCG(seed, seed))
	centres := make([][]float64, classes)
	for c := range centres {
		centres[c] = make([]float64, len(sizes))
		for j := range centres[c] {
			centres[c][j] = 0.5 * r.NormFloat64()
		}
	}
	x, labels := Matrix{Rows: rows, Cols: len(sizes)}, make([]string, rows)
	for i := range rows {
		labels[i] = fmt.Sprint("class", i%classes)
		for j, s := range sizes {
			x.Data = append(x.Data, float32(s*(centres[i%classes][j]+r.NormFloat64())))
		}
	}
	return x, labels
}

// TestOptimum: at every strength of the default grid, probabilities are within 1e-4 of those at the optimum, whatever
// the sizes of the columns.
func TestOptimum(t *testing.T) {
	if testing.Short() {
		t.Skip("solves by another method, too, at every strength")
	}
	equal := make([]float64, 14)
	for j := range equal {
		equal[j] = 1
	}
	with := func(n int, size float64) []float64 {
		all := append([]float64(nil), equal...)
		for j := range n {
			all[j] = size
		}
		return all
	}
	for _, test := range []struct {
		name          string
		rows, classes int
		sizes         []float64
	}{
		{"equal columns, two classes", 250, 2, equal}, {"equal columns", 250, 4, equal},
		{"one column 300 times larger", 250, 4, with(1, 300)}, {"half of the columns 300 times larger", 250, 4, with(7, 300)},
		{"one column 300 times smaller, two classes", 250, 2, with(1, 1./300)},
		{"more columns than rows", 12, 3, equal},
	} {
		x, labels := overlapping(test.rows, test.classes, test.sizes, 7)
		_, y, err := indexLabels(x, labels)
		if err != nil {
			t.Fatal(err)
		}
		trainer, err := newTrainer(context.Background(), x, y, test.classes, TrainOptions{})
		if err != nil {
			t.Fatal(err)
		}
		start := make([]float64, weightVectors(test.classes)*(trainer.coordinates.cols+1))
		for _, lambda := range defaultLambdas {
			got, err := trainer.fit(context.Background(), lambda, start)
			if err != nil {
				t.Errorf("%s, lambda %g: %v", test.name, lambda, err)
				continue
			}
			want, off := newton(t, trainer.coordinates, y, test.classes, lambda), 0.0
			f := fold{test: trainer.all, parameters: got, regression: trainer.regression(trainer.all, 1, lambda)}
			trainer.test(&f)
			for i, logits := range f.logits {
				softmax(logits)
				for c, p := range logits {
					off = math.Max(off, math.Abs(p-want[i][c]))
				}
			}
			if off > 1e-4 {
				t.Errorf("%s, lambda %g: probabilities are up to %.2g off", test.name, lambda, off)
			}
		}
	}
}
