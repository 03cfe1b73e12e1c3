package head

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
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

// Choices of rows that no head can be learned from cost their points, not the curve: an mlp needs a class of three images
// to stop early by, and rows may be all equal.
func TestLearningCurveSkips(t *testing.T) {
	var x Matrix
	var labels []string
	random := rand.New(rand.NewPCG(1, 1))
	for i := range 100 {
		for c := range 5 {
			x.Data = append(x.Data, float32(random.NormFloat64()))
			if c == i%5 {
				x.Data[len(x.Data)-1] += 5
			}
		}
		labels = append(labels, string(rune('a'+i%5)))
	}
	x.Rows, x.Cols = 100, 5
	curve := func(x Matrix, labels []string, train func(context.Context, Matrix, []string, []string) (*Head, error)) (rows []int, skipped map[int]int, why error) {
		t.Helper()
		skipped = map[int]int{}
		points, err := LearningCurve(t.Context(), x, labels, x, labels, train, CurveOptions{Repeats: 2, Skipped: func(rows int, err error) {
			skipped[rows]++
			why = err
		}})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range points {
			rows = append(rows, p.Rows)
		}
		return rows, skipped, why
	}
	rows, skipped, why := curve(x, labels, func(ctx context.Context, x Matrix, labels, groups []string) (*Head, error) {
		h, _, err := TrainMLP(ctx, x, labels, MLPOptions{Epochs: 2, Groups: groups})
		return h, err
	})
	if !cmp.Equal(rows, []int{20, 50, 100}) || !cmp.Equal(skipped, map[int]int{10: 2}) || !strings.Contains(why.Error(), "no rows for early stopping") {
		t.Errorf("of mlp: %v, skipped %v: %v", rows, skipped, why)
	}
	clear(x.Data[:99*5]) // one row differs from the others
	rows, skipped, why = curve(x, labels, func(ctx context.Context, x Matrix, labels, groups []string) (*Head, error) {
		h, _, err := TrainAuto(ctx, x, labels, TrainOptions{Calibrate: true, Groups: groups})
		return h, err
	})
	if len(rows) == 0 || rows[len(rows)-1] != 100 || skipped[10] == 0 || !errors.Is(why, ErrConstant) {
		t.Errorf("of rows that are nearly all equal: %v, skipped %v: %v", rows, skipped, why)
	}
	broken := errors.New("broken")
	if _, err := LearningCurve(t.Context(), x, labels, x, labels, func(context.Context, Matrix, []string, []string) (*Head, error) { return nil, broken }, CurveOptions{}); !errors.Is(err, broken) {
		t.Errorf("another error is %v", err)
	}
}
