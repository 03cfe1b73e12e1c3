package head

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// definite is a positive definite matrix of random numbers.
func definite(n int, seed uint64) *mat.SymDense {
	random := rand.New(rand.NewPCG(seed, 1))
	x := mat.NewDense(n+3, n, nil)
	for i := range n + 3 {
		for j := range n {
			x.Set(i, j, random.NormFloat64())
		}
	}
	t := mat.NewSymDense(n, nil)
	t.SymOuterK(1/float64(n), x.T())
	return t
}

// Solutions are those of elimination with pivots, which uses no triangle of the kind, to 1e-10 of the largest.
func TestCholesky(t *testing.T) {
	var c cholesky // is used again, for sizes that are others
	for _, n := range []int{1, 2, 63, 64, 65, 200, 200, 130} {
		const lambda = 0.1
		matrix := definite(n, uint64(n))
		before := mat.DenseCopyOf(matrix)
		if !c.factorize(matrix, lambda) {
			t.Fatalf("%d: not factorized", n)
		}
		if !mat.Equal(matrix, before) {
			t.Fatalf("%d: the matrix was changed", n)
		}
		b := mat.NewDense(n, 3, nil)
		for i := range n {
			for j := range 3 {
				b.Set(i, j, math.Sin(float64(3*i+j)))
			}
		}
		got := mat.DenseCopyOf(b)
		c.solve(got)
		for i := range n {
			before.Set(i, i, before.At(i, i)+lambda)
		}
		var lu mat.LU
		lu.Factorize(before)
		var want mat.Dense
		if err := lu.SolveTo(&want, false, b); err != nil {
			t.Fatal(err)
		}
		largest := mat.Max(&want) - mat.Min(&want)
		want.Sub(&want, got)
		if off := math.Max(mat.Max(&want), -mat.Min(&want)); off > 1e-10*largest {
			t.Errorf("%d: solutions differ by %g of %g", n, off, largest)
		}
	}
	c.triangle.Data[0]++
	if kept := c.triangle.Data[0]; !c.factorize(definite(130, 130), 0.1) || c.triangle.Data[0] != kept {
		t.Error("what is factorized is factorized again")
	}
	indefinite := mat.NewSymDense(2, []float64{1, 2, 2, 1})
	if c.factorize(indefinite, 0.5) || !c.factorize(indefinite, 1.5) {
		t.Error("a matrix is taken for positive definite, or not, that is not, or is")
	}
}

// BenchmarkCholesky compares the factorization with that of gonum's own type: docs/explore.md says what it is for.
func BenchmarkCholesky(b *testing.B) {
	for _, n := range []int{512, 1024, 2048, 4096} {
		matrix := mat.NewSymDense(n, nil)
		for i := range n {
			for j := i; j < n; j++ {
				matrix.SetSym(i, j, 1/(1+float64((i-j)*(i-j))))
			}
		}
		var own cholesky
		for name, factorize := range map[string]func() bool{
			"ours":  func() bool { own.lambda++; return own.factorize(matrix, 1) },
			"gonum": func() bool { var c mat.Cholesky; return c.Factorize(matrix) },
		} {
			b.Run(fmt.Sprintf("%d/%s", n, name), func(b *testing.B) {
				start := spent(b)
				for b.Loop() {
					if !factorize() {
						b.Fatal("not factorized")
					}
				}
				b.ReportMetric((spent(b)-start).Seconds()*1e3/float64(b.N), "CPU-ms")
			})
		}
	}
}
