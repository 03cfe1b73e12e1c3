package head

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

// What cleanlab makes of the same probabilities: testdata/head/make_confident_golden.py.
func TestEstimateJoint(t *testing.T) {
	text, err := os.ReadFile("../testdata/head/confident.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Classes        int
		Labels         []int
		Probabilities  [][]float64
		Thresholds     []float64
		ConfidentJoint [][]int `json:"confident_joint"`
		Calibrated     [][]float64
		OffDiagonal    []int `json:"off_diagonal"`
	}
	if err := json.Unmarshal(text, &cases); err != nil || len(cases) == 0 {
		t.Fatal(err)
	}
	for _, c := range cases {
		j, err := EstimateJoint(c.Probabilities, c.Labels, c.Classes)
		if err != nil {
			t.Fatal(err)
		}
		var off []int
		for i, class := range j.Confident {
			if class >= 0 && class != c.Labels[i] {
				off = append(off, i)
			}
		}
		if !slices.Equal(off, c.OffDiagonal) {
			t.Errorf("%d classes: off the diagonal are %v, want %v", c.Classes, off, c.OffDiagonal)
		}
		for a := range c.Classes {
			if math.Abs(j.Thresholds[a]-c.Thresholds[a]) > 1e-12 {
				t.Errorf("%d classes: threshold of %d is %g, want %g", c.Classes, a, j.Thresholds[a], c.Thresholds[a])
			}
			if !slices.Equal(j.Counts[a], c.ConfidentJoint[a]) {
				t.Errorf("%d classes: counts of %d are %v, want %v", c.Classes, a, j.Counts[a], c.ConfidentJoint[a])
			}
			for b, n := range j.Joint[a] { // cleanlab rounds them to whole rows
				if math.Abs(n-c.Calibrated[a][b]) >= 1 {
					t.Errorf("%d classes: %g rows with label %d are of class %d, want about %g", c.Classes, n, a, b, c.Calibrated[a][b])
				}
			}
		}
	}
}
