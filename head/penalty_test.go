package head

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

type penaltyProblem struct {
	Name                string
	Rows, Cols, Classes int
	Lambda, Ratio       float64
	Loss                Loss
	X                   []float32
	Y                   []int
	Weights             [][]float64
	Biases              []float64
}

func readPenalties(t *testing.T) []penaltyProblem {
	t.Helper()
	text, err := os.ReadFile("../testdata/head/penalties.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []penaltyProblem
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// Weights and biases equal those of scikit-learn's saga and LinearSVC, and have the same zeros.
func TestPenaltiesAgreeWithScikitLearn(t *testing.T) {
	for _, p := range readPenalties(t) {
		t.Run(p.Name, func(t *testing.T) {
			h, report, err := Train(context.Background(), Matrix{Rows: p.Rows, Cols: p.Cols, Data: p.X}, names(p.Y), TrainOptions{
				Lambdas: []float64{p.Lambda}, L1Ratio: p.Ratio, Loss: p.Loss, Scaling: ScaleColumns,
			})
			if err != nil {
				t.Fatal(err)
			}
			// Of two classes there is one vector there, for the second class less the first.
			weight := func(c, j int) float64 {
				if p.Classes == 2 {
					return float64(h.Weights[1][j] - h.Weights[0][j])
				}
				return float64(h.Weights[c][j])
			}
			used := map[int]bool{}
			for c, row := range p.Weights {
				for j, want := range row {
					if math.Abs(weight(c, j)-want) > 2e-3 {
						t.Errorf("weight %d of class %d is %g, scikit-learn's %g", j, c, weight(c, j), want)
					}
					if p.Ratio == 0 {
						continue
					}
					if want != 0 {
						used[j] = true
					}
					if got := weight(c, j); (got == 0) != (want == 0) && max(math.Abs(want), math.Abs(got)) > 1e-3 {
						t.Errorf("weight %d of class %d is %g, scikit-learn's %g", j, c, got, want)
					}
				}
			}
			if p.Ratio > 0 && (report.Columns < len(used)-1 || report.Columns > len(used)+1 || report.Columns == p.Cols) {
				t.Errorf("%d columns are used, in scikit-learn %d", report.Columns, len(used))
			}
			for c, want := range p.Biases {
				got := float64(h.Biases[c])
				if p.Classes == 2 {
					got = float64(h.Biases[1] - h.Biases[0])
				} else if p.Loss != LossHinge {
					// A softmax's biases are known up to a common term.
					got -= float64(h.Biases[0]) - p.Biases[0]
				}
				if math.Abs(got-want) > 3e-3 {
					t.Errorf("bias of class %d is %g, scikit-learn's %g", c, got, want)
				}
			}
		})
	}
}

// Cross-validation finds a strength for each kind, and if most columns are noise, a penalty on absolute
// values leaves most of them out.
func TestPenaltiesAreChosen(t *testing.T) {
	p := readPenalties(t)[1]
	x, labels := Matrix{Rows: p.Rows, Cols: p.Cols, Data: p.X}, names(p.Y)
	for name, options := range map[string]TrainOptions{"absolute": {L1Ratio: 1}, "elastic net": {L1Ratio: 0.5}, "hinge": {Loss: LossHinge}} {
		h, report, err := Train(context.Background(), x, labels, options)
		if err != nil {
			t.Fatal(err)
		}
		best := slices.IndexFunc(report.Path, func(p PathPoint) bool { return p.Lambda == report.Lambda })
		if best < 0 || report.Path[best].Accuracy < 0.6 || report.Path[best].LogLoss > 0.9 || len(report.Path) < 3 {
			t.Errorf("%s: lambda %g of %+v", name, report.Lambda, report.Path)
		}
		if options.L1Ratio == 1 && (report.Columns < 4 || report.Columns == 30) {
			t.Errorf("%d columns of 30 are used, of which 6 tell the classes apart", report.Columns)
		}
		if (report.Temperature != 0) != (options.Loss == LossHinge) {
			t.Errorf("%s: the temperature is %g", name, report.Temperature)
		}
		if got := accuracyOf(t, h, x, labels); got < 0.65 {
			t.Errorf("%s: accuracy is %g", name, got)
		}
	}
	for _, options := range []TrainOptions{{L1Ratio: 2}, {L1Ratio: math.NaN()}, {Loss: "cubic"}} {
		if _, _, err := Train(context.Background(), x, labels, options); err == nil {
			t.Errorf("%+v is accepted", options)
		}
	}
}
