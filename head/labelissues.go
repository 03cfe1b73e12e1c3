package head

import (
	"fmt"
	"math"
)

// ConfidentJoint estimates how many rows of each label are really of each class (confident learning; Northcutt,
// Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", 2021).
type ConfidentJoint struct {
	// Thresholds are the mean probabilities of the classes over the rows with their labels: a row is
	// confidently of a class whose probability is at least that.
	Thresholds []float64
	// Counts[i][j] is the number of rows with label i that are confidently of class j, at least 1 for i = j. Of several
	// such classes, the most probable one counts.
	Counts [][]int
	// Joint[i][j] estimates the number of rows with label i that are of class j: Counts, with each row scaled to the
	// number of the rows with its label.
	Joint [][]float64
	// Confident is the class that each row is confidently of, -1 for none.
	Confident []int
}

// confidentSlack keeps rounding from deciding whether a probability reaches its threshold.
const confidentSlack = 1e-6

// EstimateJoint counts rows by their labels y and by the class that they are confidently of. Probabilities are out of
// fold; rows without any (nil) do not count.
func EstimateJoint(probabilities [][]float64, y []int, classes int) (*ConfidentJoint, error) {
	if len(probabilities) != len(y) {
		return nil, fmt.Errorf("head: probabilities of %d rows for %d labels", len(probabilities), len(y))
	}
	j := &ConfidentJoint{Thresholds: make([]float64, classes), Counts: newConfusion(classes), Confident: make([]int, len(y))}
	rows := make([]float64, classes)
	for i, p := range probabilities {
		if p == nil {
			continue
		}
		if len(p) != classes || y[i] < 0 || y[i] >= classes {
			return nil, fmt.Errorf("head: row %d has %d probabilities and class %d of %d", i, len(p), y[i], classes)
		}
		rows[y[i]]++
		j.Thresholds[y[i]] += p[y[i]]
	}
	for c, n := range rows {
		if n == 0 {
			j.Thresholds[c] = math.Inf(1) // no row is confidently of it
		} else {
			j.Thresholds[c] = max(j.Thresholds[c]/n, confidentSlack)
		}
	}
	for i, p := range probabilities {
		if j.Confident[i] = j.confident(p); j.Confident[i] >= 0 {
			j.Counts[y[i]][j.Confident[i]]++
		}
	}
	j.calibrate(rows)
	return j, nil
}

// confident is the most probable class if several reach their thresholds, the only one if one does, else -1.
func (j *ConfidentJoint) confident(p []float64) int {
	found, only := 0, -1
	for c, v := range p {
		if v >= j.Thresholds[c]-confidentSlack {
			found++
			only = c
		}
	}
	if found > 1 {
		return argmax(p)
	}
	return only
}

// calibrate scales the counts to the numbers of rows with each label.
func (j *ConfidentJoint) calibrate(rows []float64) {
	for i, counts := range j.Counts {
		counts[i] = max(counts[i], 1)
		sum := 0
		for _, n := range counts {
			sum += n
		}
		own := make([]float64, len(counts))
		for c, n := range counts {
			own[c] = float64(n) * rows[i] / float64(sum)
		}
		j.Joint = append(j.Joint, own)
	}
}

// Errors is the estimated number of rows whose label is wrong.
func (j *ConfidentJoint) Errors() float64 {
	sum := 0.0
	for i, row := range j.Joint {
		for c, n := range row {
			if c != i {
				sum += n
			}
		}
	}
	return sum
}
