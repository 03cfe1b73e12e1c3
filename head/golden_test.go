package head

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func rowsOf(values []float64, classes int) [][]float64 {
	return slices.Collect(slices.Chunk(values, classes))
}

func TestMetricsAgreeWithScikitLearn(t *testing.T) {
	g := readGolden(t).Metrics
	classes := []string{"class0", "class1", "class2", "class3"}
	m, err := Evaluate(rowsOf(g.Probabilities, g.Classes), names(g.Y), classes)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string][2]float64{
		"accuracy": {m.Accuracy, g.Accuracy}, "balanced accuracy": {m.BalancedAccuracy, g.BalancedAccuracy},
		"macro F1": {m.MacroF1, g.MacroF1}, "log loss": {m.LogLoss, g.LogLoss}, "ROC AUC": {*m.ROCAUC, g.ROCAUC},
		"calibration error": {m.CalibrationError, g.ECE},
	} {
		if math.Abs(v[0]-v[1]) > 1e-9 {
			t.Errorf("%s is %.12g, scikit-learn says %.12g", name, v[0], v[1])
		}
	}
	if d := cmp.Diff(g.Confusion, m.Confusion); d != "" {
		t.Errorf("confusion: %s", d)
	}
	for c, p := range m.PerClass {
		if math.Abs(p.Precision-g.Precision[c])+math.Abs(p.Recall-g.Recall[c])+math.Abs(p.F1-g.F1[c])+math.Abs(*p.ROCAUC-g.ROCAUCs[c]) > 1e-9 || p.N != g.Support[c] {
			t.Errorf("class %d: %+v, scikit-learn says %g, %g, %g, %d", c, p, g.Precision[c], g.Recall[c], g.F1[c], g.Support[c])
		}
	}
	for name, v := range map[string]struct {
		value    float64
		interval *[2]float64
	}{
		"balanced accuracy": {m.BalancedAccuracy, m.Intervals.BalancedAccuracy},
		"macro F1":          {m.MacroF1, m.Intervals.MacroF1},
		"log loss":          {m.LogLoss, m.Intervals.LogLoss},
	} {
		if !(v.interval[0] < v.value && v.value < v.interval[1]) || v.interval[1]-v.interval[0] > 0.5 {
			t.Errorf("%s: %g in %v", name, v.value, v.interval)
		}
	}
	again, err := Evaluate(rowsOf(g.Probabilities, g.Classes), names(g.Y), classes)
	if err != nil || !cmp.Equal(m, again) {
		t.Errorf("the same rows give other metrics: %v", err)
	}
}

func TestTemperatureAgreesWithSciPy(t *testing.T) {
	g := readGolden(t).Metrics
	logits := slices.Clone(g.Logits)
	for i := range logits {
		logits[i] *= 4
	}
	if got := temperature(rowsOf(logits, g.Classes), g.Y, nil, 0); math.Abs(got-g.Temperature) > 1e-5 {
		t.Errorf("the temperature is %g, SciPy finds %g", got, g.Temperature)
	}
	// Scores that are always right get the lowest temperature, and scores that are always wrong the highest.
	if got := temperature([][]float64{{1, 0}, {0, 1}}, []int{0, 1}, nil, 0); got > 1.01*minTemperature {
		t.Errorf("of perfect scores it is %g", got)
	}
	if got := temperature([][]float64{{1, 0}, {0, 1}}, []int{1, 0}, nil, 0); got < 0.99*maxTemperature {
		t.Errorf("of scores that are always wrong it is %g", got)
	}
}

func TestBalancedWeightsAgreeWithScikitLearn(t *testing.T) {
	g := readGolden(t).Balanced
	x := Matrix{Rows: g.Rows, Cols: g.Cols, Data: g.X}
	h, _, err := Train(context.Background(), x, names(g.Y), TrainOptions{Lambdas: []float64{g.Lambda}, Scaling: ScaleColumns, ClassWeights: WeighClasses})
	if err != nil {
		t.Fatal(err)
	}
	got, err := h.Probabilities(x)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range got {
		for c, p := range row {
			if want := g.Probabilities[3*i+c]; math.Abs(p-want) > 2e-4 {
				t.Fatalf("probability of class %d of row %d is %g, scikit-learn says %g", c, i, p, want)
			}
		}
	}
}

// A calibrated head is the same except for its temperature.
func TestCalibrate(t *testing.T) {
	x, labels := clusters(300, 40, 0.15, 6)
	options := TrainOptions{Seed: 1, Calibrate: true}
	calibrated, report, err := Train(context.Background(), x, labels, options)
	if err != nil {
		t.Fatal(err)
	}
	if report.Temperature < 2*minTemperature || report.Temperature > 3 || report.Temperature == 1 {
		t.Fatalf("the temperature is %g", report.Temperature)
	}
	plain, _, err := Train(context.Background(), x, labels, TrainOptions{Lambdas: []float64{report.Lambda}})
	if err != nil {
		t.Fatal(err)
	}
	for c, w := range plain.Weights {
		for j, v := range w {
			if math.Abs(float64(v)/report.Temperature-float64(calibrated.Weights[c][j])) > 1e-5 {
				t.Fatalf("weight %d of class %d: %g became %g with temperature %g", j, c, v, calibrated.Weights[c][j], report.Temperature)
			}
		}
	}
	options.Lambdas = []float64{1}
	if _, _, err := Train(context.Background(), x, labels, options); err == nil {
		t.Error("a single strength can be calibrated")
	}
}

// With rows scaled to unit length, their original length does not affect the probabilities.
func TestScaleUnit(t *testing.T) {
	x, labels := clusters(60, 12, 1, 3)
	h, _, err := Train(context.Background(), x, labels, TrainOptions{Scaling: ScaleUnit})
	if err != nil {
		t.Fatal(err)
	}
	longer := Matrix{Rows: x.Rows, Cols: x.Cols, Data: slices.Clone(x.Data)}
	for i := range longer.Data {
		longer.Data[i] *= 8
	}
	a, err := h.Probabilities(x)
	if err != nil {
		t.Fatal(err)
	}
	b, err := h.Probabilities(longer)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(a, b); d != "" {
		t.Error(d)
	}
	if got := accuracyOf(t, h, x, labels); got < 0.9 {
		t.Errorf("accuracy is %g", got)
	}
	zero := make([]float32, 3)
	unitNorm(zero, zero)
	if !slices.Equal(zero, []float32{0, 0, 0}) {
		t.Errorf("a row of zeros becomes %v", zero)
	}
}
