package head

import (
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"fovea/recipe"
)

// rectified are features like a network's: sums of rectified values whose sizes differ from row to row.
func rectified(rows, cols, classes int, seed uint64) (Matrix, []string) {
	random := rand.New(rand.NewPCG(seed, 5))
	x, y := Matrix{Rows: rows, Cols: cols, Data: make([]float32, rows*cols)}, make([]int, rows)
	for i := range rows {
		y[i] = i % classes
		contrast := math.Exp(random.NormFloat64())
		for j := range cols {
			v := random.NormFloat64() - 0.5 + 0.6*math.Sin(float64((j+1)*(y[i]+2)))
			x.Row(i)[j] = float32(contrast * max(0, v) * max(0, v))
		}
	}
	return x, names(y)
}

// lossOf is the log loss on other rows.
func lossOf(t *testing.T, h *Head, x Matrix, labels []string) float64 {
	t.Helper()
	p, err := h.Probabilities(x)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Evaluate(p, labels, h.Classes)
	if err != nil {
		t.Fatal(err)
	}
	return m.LogLoss
}

// The head that is chosen is better than softmax regression on features as they are, and what the report says.
func TestTrainAuto(t *testing.T) {
	x, labels := rectified(400, 60, 3, 1)
	other, truth := rectified(2000, 60, 3, 2)
	plain, _, err := Train(context.Background(), x, labels, TrainOptions{Calibrate: true})
	if err != nil {
		t.Fatal(err)
	}
	h, report, err := TrainAuto(context.Background(), x, labels, TrainOptions{Calibrate: true})
	if err != nil {
		t.Fatal(err)
	}
	before, after := lossOf(t, plain, other, truth), lossOf(t, h, other, truth)
	if !(after < 0.9*before) || report.Scaling == ScaleCommon || h.Standardization.Unit != (report.Scaling == ScaleUnit || report.Scaling == ScaleSqrt) {
		t.Errorf("log loss %g with %s, scaling %s; softmax on features as they are: %g", after, report.Model, report.Scaling, before)
	}
	if len(report.Candidates) != 12 || report.Folds != 5 || report.Tested != 400 || report.Temperature == 0 {
		t.Errorf("the report is %+v", report)
	}
	at := slices.IndexFunc(report.Candidates, func(c Candidate) bool { return c.Model == report.Model && c.Scaling == report.Scaling })
	if c := report.Candidates[at]; math.Abs(c.LogLoss-after) > 0.15*after || c.WorseBy > chance {
		t.Errorf("cross-validation found %+v, the loss on other rows is %g", c, after)
	}
	for _, c := range report.Candidates[:at] { // what would be preferred
		if c.WorseBy <= chance {
			t.Errorf("%+v was not chosen", c)
		}
	}
	for _, cpus := range []int{1, 3} {
		before := runtime.GOMAXPROCS(cpus)
		again, _, err := TrainAuto(context.Background(), x, labels, TrainOptions{Calibrate: true})
		runtime.GOMAXPROCS(before)
		if err != nil || !reflect.DeepEqual(h, again) {
			t.Errorf("with %d CPUs it is another head: %v", cpus, err)
		}
	}
}

// A head on square roots is a file that earlier versions refuse, and comes back from it the same.
func TestSquareRoots(t *testing.T) {
	x, labels := rectified(90, 6, 2, 3)
	for i := range x.Data {
		if i%4 == 0 {
			x.Data[i] = -x.Data[i]
		}
	}
	h, _, err := Train(context.Background(), x, labels, TrainOptions{Scaling: ScaleSqrt, Lambdas: []float64{0.1}})
	if err != nil {
		t.Fatal(err)
	}
	roots := Matrix{Rows: x.Rows, Cols: x.Cols, Data: slices.Clone(x.Data)}
	for i, v := range roots.Data {
		roots.Data[i] = float32(math.Copysign(math.Sqrt(math.Abs(float64(v))), float64(v)))
	}
	same, _, err := Train(context.Background(), roots, labels, TrainOptions{Scaling: ScaleUnit, Lambdas: []float64{0.1}})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(h.Weights, same.Weights) || !h.Standardization.Sqrt || same.Standardization.Sqrt {
		t.Error("it is not the head on the roots")
	}
	h.Layers = []recipe.Layer{{Name: "pool5", Shape: []int{6}}}
	name := filepath.Join(t.TempDir(), "a.head")
	if err := h.Save(name); err != nil {
		t.Fatal(err)
	}
	again, err := Load(name)
	if err != nil || !reflect.DeepEqual(h, again) {
		t.Errorf("got %+v, %v", again, err)
	}
	h.Standardization.Unit = false
	if err := h.Save(name); err == nil {
		t.Error("roots that are not scaled were written")
	}
}

// Without a temperature there is no discriminant analysis; what is not TrainAuto's is refused.
func TestTrainAutoOptions(t *testing.T) {
	x, labels := clusters(60, 5, 0.7, 3)
	_, report, err := TrainAuto(context.Background(), x, labels, TrainOptions{})
	if err != nil || len(report.Candidates) != 4 || report.Model != ModelSoftmax || report.Temperature != 0 {
		t.Errorf("got %+v, %v", report, err)
	}
	_, report, err = TrainAuto(context.Background(), x, labels, TrainOptions{Calibrate: true, Scaling: ScaleColumns, ClassWeights: WeighClasses})
	if err != nil || len(report.Candidates) != 3 || report.Scaling != ScaleColumns {
		t.Errorf("got %+v, %v", report, err)
	}
	for _, o := range []TrainOptions{{Lambdas: []float64{1}}, {L1Ratio: 0.5}, {Loss: LossHinge}, {Scaling: "none"}, {Groups: []string{"a"}}} {
		if _, _, err := TrainAuto(context.Background(), x, labels, o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	one, labels := clusters(60, 1, 2, 3) // of unit length, all are 1 or -1
	for i := range one.Data {
		one.Data[i] += 10
	}
	if _, report, err = TrainAuto(context.Background(), one, labels, TrainOptions{Calibrate: true}); err != nil || len(report.Candidates) != 6 {
		t.Errorf("a single column: %d candidates, %v", len(report.Candidates), err)
	}
}

// Of many rows, the scaling is chosen on a part.
func TestTrainAutoOfManyRows(t *testing.T) {
	if testing.Short() {
		t.Skip("trains many times, as other tests do once")
	}
	x, labels := rectified(manyRows+1000, 12, 2, 1)
	h, report, err := TrainAuto(context.Background(), x, labels, TrainOptions{Calibrate: true, Groups: ownGroups(x.Rows)})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Candidates) != 3+4 || report.Candidates[0].Scaling != report.Scaling || report.Tested != x.Rows {
		t.Errorf("the report is %+v", report)
	}
	if got := accuracyOf(t, h, x, labels); got < 0.75 {
		t.Errorf("accuracy %g", got)
	}
}

// A strength is chosen that is at most half a standard error worse than the best, the strongest of these.
func TestPathChoose(t *testing.T) {
	losses := func(strength float64, values ...float64) trial {
		r := trial{strength: strength, losses: values, logits: [][]float64{}}
		for _, v := range values {
			r.loss += v / float64(len(values))
		}
		return r
	}
	for _, test := range []struct {
		path path
		want float64
	}{
		{path{losses(1, 0.5, 0.5, 0.5, 0.5)}, 1},
		{path{losses(1, 0.6, 0.6, 0.6, 0.61), losses(0.1, 0.5, 0.5, 0.5, 0.5)}, 0.1},                                 // clearly better
		{path{losses(1, 0.9, 0.1, 0.7, 0.31), losses(0.1, 0.5, 0.5, 0.5, 0.5)}, 1},                                   // by chance
		{path{losses(1, 0.5, 0.5, 0.5, 0.5), losses(0.1, 0.5, 0.5, 0.5, 0.5)}, 1},                                    // equal
		{path{losses(10, 2, 2, 2, 2.1), losses(1, 0.9, 0.1, 0.7, 0.31), losses(0.1, 0.5, 0.5, 0.5, 0.5)}, 1},         // one of two
		{path{losses(10, 0.5, 0.5, 0.5, 0.5), losses(1, 0.6, 0.6, 0.6, 0.61), losses(0.1, 0.9, 0.8, 0.9, 0.91)}, 10}, // the strongest is the best
	} {
		if got := test.path.choose().strength; got != test.want {
			t.Errorf("%g was chosen instead of %g", got, test.want)
		}
	}
}

// All rows that are classified correctly in a cross-validation of a few do not make a head certain.
func TestDoubt(t *testing.T) {
	logits, y := [][]float64{}, []int{}
	for i := range 20 {
		y = append(y, i%2)
		logits = append(logits, []float64{float64(1 - i%2), float64(i % 2)})
	}
	divisor := temperature(logits, y, nil, doubtOf(20))
	if p := 1 / (1 + math.Exp(-1/divisor)); math.Abs(p-21.0/22) > 1e-6 {
		t.Errorf("the probability is %g, by the rule of succession it is %g", p, 21.0/22)
	}
}

// Where discriminant analysis has no solution, as for classes whose rows are nearly equal, there is softmax regression.
func TestTrainAutoWithoutDiscriminant(t *testing.T) {
	equal := Matrix{Rows: 12, Cols: 4}
	var labels []string
	for i := range equal.Rows {
		class := i % 3
		labels = append(labels, []string{"a", "b", "c"}[class])
		for j := range equal.Cols {
			equal.Data = append(equal.Data, float32(10*class*class+j))
		}
	}
	for name, change := range map[string]func(){
		"equal rows": func() {},
		"rounding":   func() { equal.Data[5] *= 1 + 1e-6 },
		"one column": func() { equal.Data[1] *= 1e6; equal.Data[9] *= 1e6 },
	} {
		change()
		h, report, err := TrainAuto(context.Background(), equal, labels, TrainOptions{Calibrate: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		probabilities, err := h.Probabilities(equal)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range probabilities {
			if name != "one column" && h.Predict(p) != labels[i] {
				t.Errorf("%s: row %d is %v by %+v", name, i, p, report)
			}
		}
	}
}

// Values of which a float32 cannot hold the inverse are told apart like others, unless they are next to nothing.
func TestTinyValues(t *testing.T) {
	x, labels := clouds(40, 6, 2, 8, 1)
	for size, most := range map[float32]float64{1e-44: 0.7, 1e-40: 0.6, 1e-20: 0.6} {
		tiny := Matrix{Rows: x.Rows, Cols: x.Cols}
		for _, v := range x.Data {
			tiny.Data = append(tiny.Data, v*size)
		}
		for _, train := range []func(context.Context, Matrix, []string, TrainOptions) (*Head, Report, error){Train, TrainAuto} {
			h, report, err := train(t.Context(), tiny, labels, TrainOptions{Calibrate: true})
			if err != nil {
				t.Fatalf("%g: %v", size, err)
			}
			if loss := lossOf(t, h, tiny, labels); !(loss < most) {
				t.Errorf("%g: log loss %g by %+v", size, loss, report)
			}
		}
	}
}
