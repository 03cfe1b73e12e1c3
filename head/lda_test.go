package head

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// analyse fits discriminant analysis alone to all rows.
func analyse(t *testing.T, x Matrix, y []int, classes int, shrinkage float64, options TrainOptions) *Head {
	t.Helper()
	trainer, err := newTrainer(context.Background(), x, y, classes, options)
	if err != nil {
		t.Fatal(err)
	}
	start := make([]float64, weightVectors(classes)*(trainer.coordinates.cols+1))
	found, err := newDiscriminant(trainer.regression(trainer.all, allCPUs(), 0), x.Cols).fit(context.Background(), start, shrinkage, preciseResidual)
	if err != nil {
		t.Fatal(err)
	}
	h := &Head{Classes: make([]string, classes), Standardization: trainer.standardization}
	h.Weights, h.Biases = trainer.weights(found)
	return h
}

func TestDiscriminantAgreesWithScikitLearn(t *testing.T) {
	data, err := os.ReadFile("../testdata/head/lda.json")
	if err != nil {
		t.Fatal(err)
	}
	var problems []struct {
		Name                string
		Rows, Cols, Classes int
		Shrinkage           float64
		Scaling             Scaling
		X                   []float32
		Y                   []int
		Probabilities       []float64
	}
	if err := json.Unmarshal(data, &problems); err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Run(p.Name, func(t *testing.T) {
			x := Matrix{Rows: p.Rows, Cols: p.Cols, Data: p.X}
			got, err := analyse(t, x, p.Y, p.Classes, p.Shrinkage, TrainOptions{Scaling: p.Scaling}).Probabilities(x)
			if err != nil {
				t.Fatal(err)
			}
			worst := 0.0
			for i, row := range got {
				for c, v := range row {
					worst = max(worst, math.Abs(v-p.Probabilities[i*p.Classes+c]))
				}
			}
			if !(worst < 1e-4) {
				t.Errorf("probabilities differ by %g", worst)
			}
			t.Logf("probabilities differ by %.2g", worst)
		})
	}
}

// With enough columns for directions, conjugate gradients find what a factorization does, also with class weights.
func TestDiscriminantOfManyColumns(t *testing.T) {
	const rows, cols, classes, shrinkage = 900, 300, 3, 0.1
	random := rand.New(rand.NewPCG(1, 2))
	x, y := Matrix{Rows: rows, Cols: cols, Data: make([]float32, rows*cols)}, make([]int, rows)
	for i := range rows {
		y[i] = min(i%6, 2)
		common := random.NormFloat64()
		for j := range cols {
			x.Row(i)[j] = float32(random.NormFloat64() + 3*common*math.Sin(float64(j)) + 0.2*math.Cos(float64(j*(y[i]+1))))
		}
	}
	h := analyse(t, x, y, classes, shrinkage, TrainOptions{ClassWeights: WeighClasses})
	weights, err := importance(y, classes, WeighClasses)
	if err != nil {
		t.Fatal(err)
	}
	counts, means, z := make([]float64, classes), mat.NewDense(classes, cols, nil), mat.NewDense(rows, cols, nil)
	row := make([]float32, cols)
	for i := range rows {
		h.Standardization.apply(row, x.Row(i))
		counts[y[i]]++
		for j, v := range row {
			z.Set(i, j, float64(v))
			means.Set(y[i], j, means.At(y[i], j)+float64(v))
		}
	}
	for c := range classes {
		for j := range cols {
			means.Set(c, j, means.At(c, j)/counts[c])
		}
	}
	for i := range rows {
		for j := range cols {
			z.Set(i, j, (z.At(i, j)-means.At(y[i], j))*math.Sqrt(weights[y[i]]/rows))
		}
	}
	var covariance mat.SymDense
	covariance.SymOuterK(1-shrinkage, z.T())
	spread := mat.Trace(&covariance) / (1 - shrinkage) / cols
	for j := range cols {
		covariance.SetSym(j, j, covariance.At(j, j)+shrinkage*spread)
	}
	var factor mat.Cholesky
	var want mat.Dense
	if !factor.Factorize(&covariance) {
		t.Fatal("no factorization")
	}
	if err := factor.SolveTo(&want, means.T()); err != nil {
		t.Fatal(err)
	}
	size, worst := mat.Max(&want), 0.0
	for c := range classes {
		for j, w := range h.Weights[c] {
			worst = max(worst, math.Abs(float64(w)-want.At(j, c)))
		}
	}
	if !(worst < 1e-4*size) {
		t.Errorf("weights differ by %g of %g", worst, size)
	}
}
