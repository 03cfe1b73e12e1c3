package head

import (
	"context"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLearningCurve(t *testing.T) {
	x, labels := clusters(400, 60, 0.3, 1)
	test, truth := clusters(300, 60, 0.3, 2)
	trained := map[int]int{}
	fit := func(ctx context.Context, x Matrix, labels, groups []string) (*Head, error) {
		if len(groups) != x.Rows {
			t.Errorf("%d groups for %d rows", len(groups), x.Rows)
		}
		h, _, err := Train(ctx, x, labels, TrainOptions{Lambdas: []float64{0.1}})
		return h, err
	}
	curve, err := LearningCurve(context.Background(), x, labels, test, truth, fit, CurveOptions{Progress: func(rows int) { trained[rows]++ }})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[int]int{10: 3, 20: 3, 50: 3, 100: 3, 200: 3, 400: 1}, trained); d != "" {
		t.Errorf("trainings: %s", d)
	}
	first, last := curve[0], curve[len(curve)-1]
	if last.Rows != 400 || last.Accuracy < first.Accuracy+0.1 || last.LogLoss >= first.LogLoss || first.Low > first.Accuracy || first.High < first.Accuracy || last.Low != last.High {
		t.Errorf("the curve is %+v", curve)
	}
	h, err := fit(context.Background(), x, labels, labels)
	if err != nil {
		t.Fatal(err)
	}
	if got := accuracyOf(t, h, test, truth); math.Abs(got-last.Accuracy) > 1e-9 {
		t.Errorf("all rows give %g, the head on them %g", last.Accuracy, got)
	}
	if _, err := LearningCurve(context.Background(), x, labels[1:], test, truth, fit, CurveOptions{}); err == nil {
		t.Error("a label too few is accepted")
	}
}

// Every prefix of the order has the classes in proportion.
func TestStratifiedOrder(t *testing.T) {
	var labels []string
	for i := range 300 {
		labels = append(labels, []string{"a", "b", "b"}[i%3])
	}
	order := stratifiedOrder(labels, 1)
	seen, a := map[int]bool{}, 0
	for k, i := range order {
		seen[i] = true
		if labels[i] == "a" {
			a++
		}
		if math.Abs(float64(a)-float64(k+1)/3) > 1 {
			t.Fatalf("%d of the first %d are a", a, k+1)
		}
	}
	if len(seen) != 300 || cmp.Equal(order, stratifiedOrder(labels, 2)) {
		t.Errorf("%d rows, or an order without seed", len(seen))
	}
}

// The area under the curve is the value of the metric.
func TestROC(t *testing.T) {
	ties := readGolden(t).Ties
	probabilities, labels := make([][]float64, len(ties.Y)), make([]string, len(ties.Y))
	classes := []string{"no", "yes"}
	for i, s := range ties.Score {
		probabilities[i], labels[i] = []float64{1 - s, s}, classes[ties.Y[i]]
	}
	curve, area := ROC(probabilities, labels, classes, 1), 0.0
	for i := 1; i < len(curve); i++ {
		area += (curve[i][0] - curve[i-1][0]) * (curve[i][1] + curve[i-1][1]) / 2
	}
	if math.Abs(area-ties.ROCAUC) > 1e-12 || curve[len(curve)-1] != [2]float64{1, 1} {
		t.Errorf("the area is %g, scikit-learn says %g; the curve ends at %v", area, ties.ROCAUC, curve[len(curve)-1])
	}
	if ROC(probabilities[:1], labels[:1], classes, 1) != nil {
		t.Error("a single row has a curve")
	}
}
