package head

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/diff/fd"
)

// The gradient agrees with differences of the loss, with class weights.
func TestGradient(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const n, d = 13, 5
	for _, classes := range []int{2, 3, 5} {
		x, y, rows := newDense(n, d), make([]int, n), []int{}
		for i := range n {
			y[i] = i % classes
			if i != 4 {
				rows = append(rows, i)
			}
			for j := range d {
				x.row(i)[j] = float32(random.NormFloat64())
			}
		}
		r := newRegression(x, rows, y, classes, []float64{0.5, 1.5, 1, 1, 1}[:classes], 1)
		r.lambda = 0.3
		point := make([]float64, weightVectors(classes)*(d+1))
		gradient, unused := make([]float64, len(point)), make([]float64, len(point))
		for i := range point {
			point[i] = random.NormFloat64()
		}
		r.loss(point, gradient)
		// Scores are float32: a step of 1e-2 leaves their rounding behind.
		want := fd.Gradient(nil, func(p []float64) float64 { return r.loss(p, unused) }, point, &fd.Settings{Formula: fd.Central, Step: 1e-2})
		for i := range want {
			if math.Abs(gradient[i]-want[i]) > 1e-4 {
				t.Errorf("%d classes: component %d of the gradient is %g, by differences %g", classes, i, gradient[i], want[i])
			}
		}
	}
}

// The products equal those of plain loops, at sizes around those of the blocks.
func TestKernels(t *testing.T) {
	t.Run("this CPU", testKernels)
	defer func(have bool) { haveAVX2 = have }(haveAVX2)
	haveAVX2 = false
	t.Run("any CPU", testKernels)
}

func testKernels(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	fill := func(d dense) dense {
		for i := range d.rows {
			for j := range d.cols {
				d.row(i)[j] = float32(random.NormFloat64())
			}
		}
		return d
	}
	for _, cols := range []int{1, 7, 8, 9, 511, 512, 513, 1025} {
		for _, n := range []int{1, 2, 3, 4, 5, 33} {
			x, w, g := fill(newDense(n+1, cols)), fill(newDense(8, cols)), newDense(8, cols)
			rows := make([]int, n)
			for i := range rows {
				rows[i] = n - i // backwards, without row 0
			}
			out := make([]float32, n*w.rows)
			x.scores(rows, w, out)
			x.addProducts(rows, out, g)
			want := make([]float64, 8*cols)
			for i, r := range rows {
				for c := range w.rows {
					sum := 0.0
					for j := range cols {
						sum += float64(x.row(r)[j]) * float64(w.row(c)[j])
						want[c*cols+j] += float64(out[i*w.rows+c]) * float64(x.row(r)[j])
					}
					if math.Abs(sum-float64(out[i*w.rows+c])) > 1e-6*float64(cols)+1e-5 {
						t.Fatalf("%d columns: product of rows %d and %d is %g, want %g", cols, r, c, out[i*w.rows+c], sum)
					}
				}
			}
			for c := range g.rows {
				for j, v := range g.row(c)[:cols] {
					if math.Abs(want[c*cols+j]-float64(v)) > 1e-3 {
						t.Fatalf("%d rows of %d columns: sum %d of column %d is %g, want %g", n, cols, c, j, v, want[c*cols+j])
					}
				}
			}
		}
	}
}
