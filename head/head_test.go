package head

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fovea/recipe"
)

// golden are scikit-learn's values: see the script beside them.
type golden struct {
	Problems []struct {
		Name                string
		Rows, Cols, Classes int
		Lambda              float64
		X                   []float32
		Y                   []int
		Probabilities       []float64
		LogLoss             float64 `json:"log_loss"`
		ROCAUC              float64 `json:"roc_auc"`
	}
	Balanced struct {
		Rows, Cols    int
		Lambda        float64
		X             []float32
		Y             []int
		Probabilities []float64
	}
	Metrics struct {
		Classes                    int
		Y, Support                 []int
		Logits, Probabilities      []float64
		Accuracy, ECE, Temperature float64
		BalancedAccuracy           float64 `json:"balanced_accuracy"`
		MacroF1                    float64 `json:"macro_f1"`
		LogLoss                    float64 `json:"log_loss"`
		ROCAUC                     float64 `json:"roc_auc"`
		Precision, Recall, F1      []float64
		Confusion                  Confusion
		ROCAUCs                    []float64 `json:"roc_aucs"`
	}
	Ties struct {
		Y      []int
		Score  []float64
		ROCAUC float64 `json:"roc_auc"`
	}
}

func readGolden(t *testing.T) golden {
	t.Helper()
	data, err := os.ReadFile("../testdata/head/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func names(y []int) []string {
	labels := make([]string, len(y))
	for i, c := range y {
		labels[i] = fmt.Sprintf("class%d", c)
	}
	return labels
}

// A trained head has the probabilities of scikit-learn for the same objective.
func TestTrainAgreesWithScikitLearn(t *testing.T) {
	const tolerance = 2e-4 // of a probability; the optimizers stop at gradients of 1e-5
	for _, p := range readGolden(t).Problems {
		t.Run(p.Name, func(t *testing.T) {
			x := Matrix{Rows: p.Rows, Cols: p.Cols, Data: p.X}
			h, report, err := Train(context.Background(), x, names(p.Y), TrainOptions{Lambdas: []float64{p.Lambda}, Scaling: ScaleColumns})
			if err != nil {
				t.Fatal(err)
			}
			if report.Lambda != p.Lambda {
				t.Errorf("lambda is %g", report.Lambda)
			}
			got, err := h.Probabilities(x)
			if err != nil {
				t.Fatal(err)
			}
			for i, row := range got {
				for c, v := range row {
					if want := p.Probabilities[i*p.Classes+c]; math.Abs(v-want) > tolerance {
						t.Fatalf("probability of class %d of row %d is %g, scikit-learn says %g", c, i, v, want)
					}
				}
			}
			m, err := Evaluate(got, names(p.Y), h.Classes)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(m.LogLoss-p.LogLoss) > tolerance || m.ROCAUC == nil || math.Abs(*m.ROCAUC-p.ROCAUC) > 1e-3 {
				t.Errorf("log loss %g and ROC AUC %v, scikit-learn says %g and %g", m.LogLoss, m.ROCAUC, p.LogLoss, p.ROCAUC)
			}
		})
	}
}

func TestROCAUCWithTies(t *testing.T) {
	ties := readGolden(t).Ties
	probabilities := make([][]float64, len(ties.Score))
	for i, s := range ties.Score {
		probabilities[i] = []float64{1 - s, s}
	}
	if area, ok := areaUnderROC(probabilities, ties.Y, 1); !ok || math.Abs(area-ties.ROCAUC) > 1e-12 {
		t.Errorf("ROC AUC is %v, scikit-learn says %g", area, ties.ROCAUC)
	}
}

// clusters are rows of two classes around different centres.
func clusters(n, cols int, distance float64, seed uint64) (Matrix, []string) {
	random := rand.New(rand.NewPCG(seed, 9))
	m, labels := Matrix{Rows: n, Cols: cols, Data: make([]float32, n*cols)}, make([]string, n)
	for i := range n {
		labels[i] = []string{"cat", "dog"}[i%2]
		for j := range cols {
			m.Data[i*cols+j] = float32(random.NormFloat64() + distance*float64(i%2)*math.Cos(float64(j)))
		}
	}
	return m, labels
}

// Fitting on the rows' inner products gives the same head as fitting on the columns.
func TestWaysAgree(t *testing.T) {
	const n, cols, lambda = 40, 39, 0.05
	x, labels := clusters(n, cols, 0.5, 1)
	_, y, err := indexLabels(x, labels)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	primal, err := newTrainer(ctx, x, y, 2, TrainOptions{})
	if err != nil {
		t.Fatal(err)
	}
	dual := *primal
	if err := dual.dual(ctx); err != nil {
		t.Fatal(err)
	}
	solve := func(tr *trainer) ([][]float32, []float32) {
		parameters, err := tr.fit(ctx, lambda, make([]float64, tr.coordinates.cols+1))
		if err != nil {
			t.Fatal(err)
		}
		return tr.weights(parameters)
	}
	wantWeights, wantBiases := solve(primal)
	weights, biases := solve(&dual)
	near := cmp.Comparer(func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-3 })
	if d := cmp.Diff(wantWeights, weights, near); d != "" {
		t.Errorf("weights differ: %s", d)
	}
	if d := cmp.Diff(wantBiases, biases, near); d != "" {
		t.Errorf("biases differ: %s", d)
	}
}

func TestTrainIsDeterministic(t *testing.T) {
	for _, cols := range []int{20, 300} {
		x, labels := clusters(101, cols, 0.3, 2)
		train := func(seed uint64, cpus int) *Head {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cpus))
			h, _, err := Train(context.Background(), x, labels, TrainOptions{Seed: seed})
			if err != nil {
				t.Fatal(err)
			}
			return h
		}
		one, many := train(1, 1), train(1, 4)
		if !cmp.Equal(one, many) {
			t.Errorf("%d columns: the head depends on the number of CPUs", cols)
		}
	}
}

func TestTrainChoosesStrength(t *testing.T) {
	noise, labels := clusters(80, 200, 0, 3) // nothing to learn: the strongest is best
	_, report, err := Train(context.Background(), noise, labels, TrainOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if report.Lambda < 1 || len(report.Path) < 1+patience || len(report.Path) == len(defaultLambdas) || report.Folds != 5 {
		t.Errorf("on noise the report is %+v", report)
	}
	clear, labels := clusters(80, 200, 1, 4)
	h, report, err := Train(context.Background(), clear, labels, TrainOptions{})
	if err != nil {
		t.Fatal(err)
	}
	best := slices.IndexFunc(report.Path, func(p PathPoint) bool { return p.Lambda == report.Lambda })
	if report.Path[best].Accuracy < 0.97 {
		t.Errorf("on clear data the report is %+v", report)
	}
	fresh, labels := clusters(200, 200, 1, 5)
	probabilities, err := h.Probabilities(fresh)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := Evaluate(probabilities, labels, h.Classes); err != nil || m.Accuracy < 0.97 {
		t.Errorf("accuracy on fresh rows is %g, %v", m.Accuracy, err)
	}
}

// With many rows, not all folds are fitted.
func TestTrainTestsEnough(t *testing.T) {
	x, labels := clusters(20_000, 2, 1, 1)
	_, report, err := Train(context.Background(), x, labels, TrainOptions{Lambdas: []float64{0.1, 0.01}})
	if err != nil || report.Folds != 3 || report.Tested != 12_000 || len(report.Path) != 2 {
		t.Errorf("the report is %+v, %v", report, err)
	}
}

func TestTrainRefuses(t *testing.T) {
	x, labels := clusters(20, 4, 1, 1)
	constant := Matrix{Rows: 20, Cols: 4, Data: make([]float32, 80)}
	broken := Matrix{Rows: 20, Cols: 4, Data: slices.Clone(x.Data)}
	broken.Data[4*3+2] = float32(math.NaN())
	single := slices.Clone(labels)
	single[7] = "parrot"
	missing := slices.Clone(labels)
	missing[5] = ""
	for name, test := range map[string]struct {
		x       Matrix
		labels  []string
		options TrainOptions
		want    string
	}{
		"one class":      {x, slices.Repeat([]string{"cat"}, 20), TrainOptions{}, `all rows are of one class, "cat"`},
		"one of a class": {x, single, TrainOptions{}, `class "parrot" has only one row`},
		"no label":       {x, missing, TrainOptions{}, "row 5 has no label"},
		"few labels":     {x, labels[:19], TrainOptions{}, "19 labels for 20 rows"},
		"NaN":            {broken, labels, TrainOptions{}, "value 2 of row 3 is NaN"},
		"constant":       {constant, labels, TrainOptions{}, "all rows are equal"},
		"sizes":          {Matrix{Rows: 20, Cols: 5, Data: x.Data}, labels, TrainOptions{}, "80 values are not 20 rows of 5"},
		"lambda":         {x, labels, TrainOptions{Lambdas: []float64{0}}, "must be positive"},
		"scaling":        {x, labels, TrainOptions{Scaling: "none"}, "use common, columns, l2 or sqrt"},
		"groups":         {x, labels, TrainOptions{Groups: []string{"a"}}, "1 groups for 20 rows"},
		"no rows":        {Matrix{Rows: 0, Cols: 4, Data: nil}, nil, TrainOptions{}, "no rows"},
	} {
		if _, _, err := Train(context.Background(), test.x, test.labels, test.options); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error is %v, want one with %q", name, err, test.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := Train(ctx, x, labels, TrainOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled training gives %v", err)
	}
}

func TestSplit(t *testing.T) {
	var labels, groups []string
	for i := range 300 {
		labels = append(labels, []string{"cat", "dog", "dog"}[i%3])
		groups = append(groups, fmt.Sprint(i/2)) // pairs of copies
	}
	train, test, err := Split(labels, groups, 0.2, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(train)+len(test) != 300 || len(test) < 50 || len(test) > 60 {
		t.Errorf("%d and %d rows", len(train), len(test))
	}
	side := map[string]bool{}
	for _, i := range train {
		side[groups[i]] = true
	}
	for _, i := range test {
		if side[groups[i]] {
			t.Errorf("group %s is on both sides", groups[i])
		}
	}
	again, _, _ := Split(labels, groups, 0.2, 1)
	other, _, _ := Split(labels, groups, 0.2, 2)
	if !slices.Equal(train, again) || slices.Equal(train, other) {
		t.Error("the split does not follow the seed")
	}
	for _, fraction := range []float64{0, 1, -1, math.NaN()} {
		if _, _, err := Split(labels, groups, fraction, 1); err == nil {
			t.Errorf("a test fraction of %g is accepted", fraction)
		}
	}
}

func TestEvaluate(t *testing.T) {
	probabilities := [][]float64{{0.9, 0.1}, {0.4, 0.6}, {0.2, 0.8}, {0.7, 0.3}, {0, 1}}
	m, err := Evaluate(probabilities, []string{"cat", "cat", "dog", "dog", "cat"}, []string{"cat", "dog"})
	if err != nil {
		t.Fatal(err)
	}
	if m.N != 5 || m.Accuracy != 0.4 || !cmp.Equal(m.Confusion, Confusion{{1, 2}, {1, 1}}) {
		t.Errorf("metrics are %+v", m)
	}
	// By hand: recalls 1/3 and 1/2; precisions 1/2 and 1/3.
	if math.Abs(m.BalancedAccuracy-5.0/12) > 1e-12 || math.Abs(m.PerClass[0].F1-0.4) > 1e-12 || math.Abs(m.PerClass[1].Precision-1.0/3) > 1e-12 {
		t.Errorf("per class: %+v", m.PerClass)
	}
	if math.IsInf(m.LogLoss, 0) {
		t.Error("one certain error makes the log loss infinite")
	}
	if m, err := Evaluate(probabilities[:2], []string{"cat", "cat"}, []string{"cat", "dog"}); err != nil || m.ROCAUC != nil {
		t.Errorf("with one class the ROC AUC is %v, %v", m.ROCAUC, err)
	}
	if _, err := Evaluate(probabilities[:1], []string{"parrot"}, []string{"cat", "dog"}); err == nil || !strings.Contains(err.Error(), "parrot") {
		t.Errorf("an unknown label gives %v", err)
	}
}

// Wilson's interval for 8 of 10, as in Wilson (1927) and every textbook: 0.490 to 0.943.
func TestWilson(t *testing.T) {
	if got := Wilson(0.8, 10); math.Abs(got[0]-0.490) > 5e-4 || math.Abs(got[1]-0.943) > 5e-4 {
		t.Errorf("the interval is %v", got)
	}
	if got := Wilson(1, 10); got[1] != 1 {
		t.Errorf("the interval of 10 of 10 is %v", got)
	}
}

func TestCheck(t *testing.T) {
	h := trained(t)
	if warnings, err := h.Check(h.Recipe); err != nil || len(warnings) != 0 {
		t.Errorf("the head's own features give %v, %v", warnings, err)
	}
	for want, change := range map[string]func(*recipe.Recipe){
		"model SHA-256: aa in the head, bb in the features": func(r *recipe.Recipe) { r.ModelSHA256 = "bb" },
		"pool: avg in the head, max in the features":        func(r *recipe.Recipe) { r.Pool = "max" },
		"layer: pool5 in the head, fc7 in the features":     func(r *recipe.Recipe) { r.Layers = []recipe.Layer{{Name: "fc7", Shape: []int{6}}} },
		"shape of pool5: [6] in the head, [7]":              func(r *recipe.Recipe) { r.Layers = []recipe.Layer{{Name: "pool5", Shape: []int{7}}} },
	} {
		r := h.Recipe
		change(&r)
		if _, err := h.Check(r); !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want ErrMismatch with %q", err, want)
		}
	}
	minor := h.Recipe
	minor.Precision = "bfloat16"
	if warnings, err := h.Check(minor); err != nil || len(warnings) != 1 {
		t.Errorf("another precision gives %v, %v", warnings, err)
	}
}

// A head takes features in another arithmetic with a warning, unless these are known to drift too far.
func TestCheckArithmetic(t *testing.T) {
	before := recipe.Arithmetics
	t.Cleanup(func() { recipe.Arithmetics = before })
	recipe.Arithmetics = append(before[:len(before):len(before)], recipe.Arithmetic{Precision: "int8", Method: "coarse", Convolutions: "c", Averaged: 5e-3, Whole: 2e-2, Speed: 3})
	h := trained(t)
	h.Recipe.ModelSHA256, h.Recipe.Precision = recipe.PublishedModel, "float32"
	in := func(precision, method string) recipe.Recipe {
		r := h.Recipe
		r.Precision, r.Method = precision, method
		return r
	}
	for _, fine := range []recipe.Recipe{in("int16", "Winograd F(4x4)"), in("bfloat16", "AMX tiles"), in("bfloat16", ""), in("tf32", "")} {
		if warnings, err := h.Check(fine); err != nil || len(warnings) != 1 || warnings[0].Field != "precision" {
			t.Errorf("%s gives %v, %v", fine.Arithmetic(), warnings, err)
		}
	}
	_, err := h.Check(in("int8", "coarse"))
	if !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), "precision: float32 in the head, int8 (coarse) in the features") {
		t.Errorf("the error is %v", err)
	}
	h.Recipe = in("bfloat16", "")
	if warnings, err := h.Check(in("bfloat16", "AMX tiles")); err != nil || len(warnings) != 0 {
		t.Errorf("a head of an earlier version, which names no method, gives %v, %v", warnings, err)
	}
}

// BenchmarkTrain trains a head on the flattened pool5 of 2,000 images.
func BenchmarkTrain(b *testing.B) {
	x, labels := clusters(2000, 25088, 0.02, 1)
	for b.Loop() {
		if _, _, err := Train(context.Background(), x, labels, TrainOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleTrain() {
	x := Matrix{Rows: 6, Cols: 2, Data: []float32{1, 0, 2, 1, 1, 1, 8, 9, 9, 8, 9, 9}}
	labels := []string{"cat", "cat", "cat", "dog", "dog", "dog"}
	h, _, err := Train(context.Background(), x, labels, TrainOptions{Folds: 3})
	if err != nil {
		panic(err)
	}
	probabilities, err := h.Probabilities(Matrix{Rows: 1, Cols: 2, Data: []float32{9, 7}})
	if err != nil {
		panic(err)
	}
	fmt.Println(h.Predict(probabilities[0]))
	// Output: dog
}
