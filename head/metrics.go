package head

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"golang.org/x/sync/errgroup"

	"fovea/internal/text"
)

// Metrics describe how well a head does on rows whose classes are known.
type Metrics struct {
	// N is the number of rows.
	N int `json:"n"`
	// Accuracy is the fraction of rows that are classified correctly.
	Accuracy float64 `json:"accuracy"`
	// AccuracyInterval is the 95 % Wilson score interval of the accuracy.
	AccuracyInterval [2]float64 `json:"accuracy_95"`
	// BalancedAccuracy is the mean of the recalls of the classes that have rows.
	BalancedAccuracy float64 `json:"balanced_accuracy"`
	// LogLoss is the mean negative natural logarithm of the probability of each row's own class.
	LogLoss float64 `json:"log_loss"`
	// ROCAUC is the area under the ROC curve: of the second class if there are two, else the mean
	// over all classes, each against the rest. Nil if a class has no rows, or all.
	ROCAUC *float64 `json:"roc_auc"`
	// MacroF1 is the mean of the F1 of the classes that have rows or were predicted.
	MacroF1 float64 `json:"macro_f1"`
	// CalibrationError is the expected calibration error, the mean distance between accuracy and
	// confidence in 15 bins of confidence. Calibration has the bins, from 0 to 1.
	CalibrationError float64 `json:"calibration_error"`
	Calibration      []Bin   `json:"calibration,omitempty"`
	// Intervals are the 95 % confidence intervals of the other metrics.
	Intervals Intervals `json:"intervals_95"`
	// Classes are in the order of Confusion.
	Classes []string `json:"classes"`
	// Confusion counts rows: Confusion[i][j] are of class i and classified as class j. In JSON it is left out for more
	// than MostInMatrix classes; MostConfused has its largest numbers off the diagonal.
	Confusion    Confusion  `json:"confusion,omitzero"`
	MostConfused []Confused `json:"most_confused,omitempty"`
	// PerClass are in the order of Classes.
	PerClass []ClassMetrics `json:"per_class"`
	// Absent are classes that have no rows, so that little is known of them.
	Absent []string `json:"classes_without_rows,omitempty"`
}

// ClassMetrics are the metrics of one class against the rest. A ratio of 0 to 0 is 0.
type ClassMetrics struct {
	Class     string  `json:"class"`
	N         int     `json:"n"`
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
	// ROCAUC is the area under the ROC curve of the class against the rest, nil if it has no rows, or all.
	ROCAUC *float64 `json:"roc_auc"`
}

// Evaluate compares probabilities, a row of len(classes) for each label, with the labels, which must
// be among the classes. Probabilities that are NaN are an error.
func Evaluate(probabilities [][]float64, labels, classes []string) (Metrics, error) {
	if len(probabilities) != len(labels) || len(labels) == 0 {
		return Metrics{}, fmt.Errorf("head: %d predictions for %d labels", len(probabilities), len(labels))
	}
	m := Metrics{N: len(labels), Classes: classes, Confusion: newConfusion(len(classes))}
	index := indexOf(classes)
	y, taken, losses, right := make([]int, len(labels)), make([]int, len(labels)), make([]float64, len(labels)), 0
	for i, l := range labels {
		class, known := index[l]
		if !known {
			return Metrics{}, fmt.Errorf("head: row %d has the label %q, which is not one of the head's classes %s: evaluate on the classes that it was trained on", i, l, text.Some(classes))
		}
		y[i] = class
		if len(probabilities[i]) != len(classes) {
			return Metrics{}, fmt.Errorf("head: row %d has %d probabilities for %d classes", i, len(probabilities[i]), len(classes))
		}
		if slices.ContainsFunc(probabilities[i], math.IsNaN) {
			return Metrics{}, fmt.Errorf("head: the probabilities of row %d are NaN: train the head again", i)
		}
		taken[i] = argmax(probabilities[i])
		m.Confusion[y[i]][taken[i]]++
		if taken[i] == y[i] {
			right++
		}
		// Like scikit-learn, so that one wrong row with a probability of 0 does not make the mean infinite.
		losses[i] = -math.Log(max(probabilities[i][y[i]], 0x1p-52))
		m.LogLoss += losses[i] / float64(len(labels))
	}
	m.Accuracy = float64(right) / float64(m.N)
	m.AccuracyInterval = Wilson(m.Accuracy, float64(m.N))
	m.perClass()
	m.MostConfused = m.Confusion.most(classes)
	m.areasUnderROC(probabilities, y)
	m.Calibration, m.CalibrationError = calibration(probabilities, y)
	m.Intervals = intervals(&m, losses)
	return m, nil
}

func (m *Metrics) perClass() {
	recalls, present, scored := 0.0, 0, 0
	for c, class := range m.Classes {
		row, column := 0, 0
		for o := range m.Classes {
			row += m.Confusion[c][o]
			column += m.Confusion[o][c]
		}
		ratio := func(n, of int) float64 {
			if of == 0 {
				return 0
			}
			return float64(n) / float64(of)
		}
		hits := m.Confusion[c][c]
		metrics := ClassMetrics{Class: class, N: row, Precision: ratio(hits, column), Recall: ratio(hits, row), F1: ratio(2*hits, row+column)}
		m.PerClass = append(m.PerClass, metrics)
		m.MacroF1 += metrics.F1
		if row+column > 0 { // as in scikit-learn
			scored++
		}
		if row > 0 {
			recalls += metrics.Recall
			present++
		} else {
			m.Absent = append(m.Absent, class)
		}
	}
	m.MacroF1 /= float64(scored)
	m.BalancedAccuracy = recalls / float64(present)
}

// indexOf numbers classes by their names.
func indexOf(classes []string) map[string]int {
	index := make(map[string]int, len(classes))
	for c, name := range classes {
		index[name] = c
	}
	return index
}

// areasUnderROC fills in the areas under the ROC curves: the probability that a row of a class is ranked above a row
// of another class, where ties count half.
func (m *Metrics) areasUnderROC(probabilities [][]float64, y []int) {
	var group errgroup.Group
	group.SetLimit(allCPUs())
	for c := range m.Classes {
		group.Go(func() error {
			if area, ok := areaUnderROC(probabilities, y, c); ok {
				m.PerClass[c].ROCAUC = &area
			}
			return nil
		})
	}
	_ = group.Wait() // computing cannot fail
	m.ROCAUC = meanArea(m.PerClass)
}

// meanArea is the area of the second class if there are two, else the mean over the classes, and nil if one is unknown.
func meanArea(classes []ClassMetrics) *float64 {
	if len(classes) == 2 {
		return classes[1].ROCAUC
	}
	mean := 0.0
	for _, c := range classes {
		if c.ROCAUC == nil {
			return nil
		}
		mean += *c.ROCAUC / float64(len(classes))
	}
	return &mean
}

// areaUnderROC looks each row of other classes up among those of the class, of which there are few if there are many
// classes.
func areaUnderROC(probabilities [][]float64, y []int, class int) (float64, bool) {
	var positives []float64
	for i, c := range y {
		if c == class {
			positives = append(positives, probabilities[i][class])
		}
	}
	negatives := len(y) - len(positives)
	if len(positives) == 0 || negatives == 0 {
		return 0, false
	}
	slices.Sort(positives)
	above := 0.0 // pairs in which the class's row is above, and half of the ties
	for i, c := range y {
		if c == class {
			continue
		}
		v := probabilities[i][class]
		first, tied := slices.BinarySearch(positives, v)
		after := first
		if tied {
			after += sort.Search(len(positives)-first, func(k int) bool { return positives[first+k] > v })
		}
		above += float64(len(positives)-after) + float64(after-first)/2
	}
	return above / float64(len(positives)) / float64(negatives), true
}
