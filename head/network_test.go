package head

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Training steps give the weights that Keras gives, from the same weights and batches.
func TestNetworkAgreesWithKeras(t *testing.T) {
	var g struct {
		Rows, Cols, Units, Classes, Batch, Epochs int
		Rate                                      float64
		Importance                                []float64
		X                                         []float32
		Y                                         []int
		Before, After                             [][]float32
		Probabilities                             []float64
	}
	data, err := os.ReadFile("../testdata/head/mlp.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	x, rows := newDense(g.Rows, g.Cols), make([]int, g.Rows)
	for i := range rows {
		rows[i] = i
		copy(x.row(i), g.X[i*g.Cols:(i+1)*g.Cols])
	}
	n := newNetwork(x, g.Y, g.Classes, g.Units, g.Batch, g.Importance)
	n.rate = g.Rate
	for u := range g.Units {
		copy(n.hidden.weights.row(u), g.Before[0][u*g.Cols:(u+1)*g.Cols])
	}
	copy(n.hidden.biases, g.Before[1])
	for c := range g.Classes {
		copy(n.output.weights.row(c), g.Before[2][c*g.Units:(c+1)*g.Units])
	}
	copy(n.output.biases, g.Before[3])
	for range g.Epochs {
		for batch := range slices.Chunk(rows, g.Batch) {
			n.step(batch, nil)
		}
	}
	const tolerance = 1e-4 // of weights around 1, after 36 steps in float32
	check := func(name string, got, want []float32) {
		t.Helper()
		for i, v := range want {
			if math.Abs(float64(got[i]-v)) > tolerance {
				t.Fatalf("%s: number %d is %g, Keras has %g", name, i, got[i], v)
			}
		}
	}
	for u := range g.Units {
		check("hidden weights", n.hidden.weights.row(u), g.After[0][u*g.Cols:(u+1)*g.Cols])
	}
	check("hidden biases", n.hidden.biases, g.After[1])
	for c := range g.Classes {
		check("weights", n.output.weights.row(c), g.After[2][c*g.Units:(c+1)*g.Units])
	}
	check("biases", n.output.biases, g.After[3])

	identity := Standardization{Mean: make([]float32, g.Cols), Scale: slices.Repeat([]float32{1}, g.Cols)}
	got, err := n.head([]string{"a", "b", "c"}, identity).Probabilities(Matrix{Rows: g.Rows, Cols: g.Cols, Data: g.X})
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range got {
		for c, p := range row {
			if want := g.Probabilities[i*g.Classes+c]; math.Abs(p-want) > tolerance {
				t.Fatalf("probability of class %d of row %d is %g, Keras says %g", c, i, p, want)
			}
		}
	}
}

// ring is a problem that no linear head can learn: one class around the other.
func ring(n int, seed uint64) (Matrix, []string) {
	x, labels := clusters(n, 8, 0, seed)
	for i := range n {
		sum := 0.0
		for _, v := range x.Row(i)[:2] {
			sum += float64(v * v)
		}
		labels[i] = "inside"
		if sum > 1.4 { // the median of the sum of two squares
			labels[i] = "outside"
		}
	}
	return x, labels
}

func accuracyOf(t *testing.T, h *Head, x Matrix, labels []string) float64 {
	t.Helper()
	probabilities, err := h.Probabilities(x)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Evaluate(probabilities, labels, h.Classes)
	if err != nil {
		t.Fatal(err)
	}
	return m.Accuracy
}

func TestTrainMLPLearnsWhatNoLinearHeadCan(t *testing.T) {
	if testing.Short() {
		t.Skip("trains many times, as other tests do once")
	}
	x, labels := ring(1500, 1)
	fresh, truth := ring(1000, 2)
	epochs := 0
	h, report, err := TrainMLP(context.Background(), x, labels, MLPOptions{Units: 64, Dropout: 0.1, Progress: func(Epoch) { epochs++ }})
	if err != nil {
		t.Fatal(err)
	}
	linear, _, err := Train(context.Background(), x, labels, TrainOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := accuracyOf(t, h, fresh, truth), accuracyOf(t, linear, fresh, truth); a < 0.93 || b > 0.65 {
		t.Errorf("accuracy is %g with a hidden layer, %g without", a, b)
	}
	if epochs != len(report.Epochs) || report.BestEpoch < 2 || report.BestEpoch+8 < epochs || report.Tested != 300 {
		t.Errorf("%d epochs shown, the report is %+v", epochs, report)
	}
	// The weights of the best epoch were kept, which has the smallest loss.
	for _, e := range report.Epochs {
		if e.LogLoss < report.Epochs[report.BestEpoch-1].LogLoss {
			t.Errorf("epoch %d is better than the best, %d", e.Epoch, report.BestEpoch)
		}
	}

	name := filepath.Join(t.TempDir(), "head.json")
	described := trained(t)
	h.Recipe, h.Layers, h.Notes.Report = described.Recipe, described.Layers, report
	h.Layers[0].Shape = []int{8}
	if err := h.Save(name); err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(h, loaded); d != "" {
		t.Errorf("the head came back changed: %s", d)
	}
	loaded.Hidden.Weights = loaded.Hidden.Weights[1:]
	if err := loaded.Save(name); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), "64 biases and 63 rows") {
		t.Errorf("a damaged hidden layer is saved: %v", err)
	}
	if _, err := Load(name); err != nil {
		t.Errorf("the refusal to save took the head that was there: %v", err)
	}
}

func TestTrainMLPIsDeterministic(t *testing.T) {
	x, labels := clusters(120, 50, 0.3, 2)
	train := func(seed uint64, cpus int) *Head {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cpus))
		h, _, err := TrainMLP(context.Background(), x, labels, MLPOptions{Seed: seed, Epochs: 3})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	one := train(1, 1)
	if !cmp.Equal(one, train(1, 4)) {
		t.Error("the head depends on the number of CPUs")
	}
	if cmp.Equal(one, train(2, 1)) {
		t.Error("the head does not depend on the seed")
	}
}

func TestTrainMLPRefuses(t *testing.T) {
	x, labels := clusters(20, 4, 1, 1)
	pairs := make([]string, x.Rows) // no class can do without a row
	for i := range pairs {
		pairs[i] = fmt.Sprint("class", i/2)
	}
	for want, test := range map[string]struct {
		labels  []string
		options MLPOptions
	}{
		"all rows are of one class": {slices.Repeat([]string{"cat"}, 20), MLPOptions{}},
		"must be positive":          {labels, MLPOptions{Rate: -1}},
		"no rows for early":         {pairs, MLPOptions{Validation: 0.001}},
		"unknown scaling":           {labels, MLPOptions{Scaling: "x"}},
		"unknown class weights":     {labels, MLPOptions{ClassWeights: "x"}},
		"diverged: in epoch 1":      {labels, MLPOptions{Rate: 1e30}},
	} {
		if _, _, err := TrainMLP(context.Background(), x, test.labels, test.options); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := TrainMLP(ctx, x, labels, MLPOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled training gives %v", err)
	}
}

func ExampleTrainMLP() {
	// One class is on both sides of the other.
	var x Matrix
	var labels []string
	for i := range 60 {
		x.Data = append(x.Data, float32(i%3)-1+0.001*float32(i))
		labels = append(labels, []string{"outer", "inner", "outer"}[i%3])
	}
	x.Rows, x.Cols = 60, 1
	h, _, err := TrainMLP(context.Background(), x, labels, MLPOptions{Rate: 0.01})
	if err != nil {
		panic(err)
	}
	probabilities, err := h.Probabilities(Matrix{Rows: 3, Cols: 1, Data: []float32{-1, 0, 1}})
	if err != nil {
		panic(err)
	}
	for _, p := range probabilities {
		fmt.Println(h.Predict(p))
	}
	// Output:
	// outer
	// inner
	// outer
}
