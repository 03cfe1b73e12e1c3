package head

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

// CurvePoint is how well heads that were trained on some of the rows do on the test rows.
type CurvePoint struct {
	// Rows is the number of rows trained on.
	Rows int `json:"rows"`
	// Accuracy and LogLoss are means over the repetitions, Low and High the lowest and the highest
	// accuracy.
	Accuracy float64 `json:"accuracy"`
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
	LogLoss  float64 `json:"log_loss"`
}

// CurveOptions are the options of LearningCurve.
type CurveOptions struct {
	// Repeats is the number of random choices of the rows for each size (default 3), which Seed
	// determines.
	Seed    uint64
	Repeats int
	// Groups of the training rows, as for Train. Nil means that each row is its own group.
	Groups []string
	// Progress, if set, is called after each training with the number of rows.
	Progress func(rows int)
	// Skipped, if set, is called with the number of rows where no head can be learned from a choice of them, and why.
	Skipped func(rows int, why error)
}

// LearningCurve trains heads on 10, 20, 50, 100, ... and all of the rows, with the proportions of
// the classes, and tests them. Each choice of rows contains the smaller ones. Choices of
// rows with fewer than two of a class are left out, and others that no head can be learned from (ErrUnlearnable).
func LearningCurve(ctx context.Context, x Matrix, labels []string, test Matrix, truth []string,
	train func(context.Context, Matrix, []string, []string) (*Head, error), options CurveOptions,
) ([]CurvePoint, error) {
	if len(labels) != x.Rows || len(truth) != test.Rows || test.Rows == 0 {
		return nil, fmt.Errorf("head: %d labels for %d rows, %d for %d test rows", len(labels), x.Rows, len(truth), test.Rows)
	}
	if options.Repeats < 1 {
		options.Repeats = 3
	}
	if options.Groups == nil {
		options.Groups = ownGroups(x.Rows)
	}
	c := curve{x, test, labels, truth, train, options}
	var points []CurvePoint
	for _, size := range curveSizes(x.Rows) {
		point, heads, err := c.at(ctx, size)
		if err != nil {
			return nil, err
		}
		if heads > 0 {
			point.Accuracy /= float64(heads)
			point.LogLoss /= float64(heads)
			points = append(points, point)
		}
	}
	return points, nil
}

// curve is what the points of a learning curve have in common.
type curve struct {
	x, test       Matrix
	labels, truth []string
	train         func(context.Context, Matrix, []string, []string) (*Head, error)
	options       CurveOptions
}

// at trains heads on so many rows, and returns how many there are and the sums of their accuracies and losses.
func (c *curve) at(ctx context.Context, size int) (sum CurvePoint, heads int, err error) {
	sum = CurvePoint{Rows: size, Low: 1}
	repeats := c.options.Repeats
	if size == c.x.Rows {
		repeats = 1 // there is only one choice
	}
	for r := range repeats {
		rows := stratifiedOrder(c.labels, c.options.Seed+uint64(r))[:size]
		own, groups := make([]string, size), make([]string, size)
		for i, row := range rows {
			own[i], groups[i] = c.labels[row], c.options.Groups[row]
		}
		if _, err := Classes(own); err != nil {
			continue
		}
		part, err := c.x.Select(rows)
		if err != nil {
			return sum, heads, err
		}
		h, err := c.train(ctx, part, own, groups)
		part.Free()
		if errors.Is(err, ErrUnlearnable) {
			if c.options.Skipped != nil {
				c.options.Skipped(size, err)
			}
			continue
		}
		if err != nil {
			return sum, heads, fmt.Errorf("head: train on %d rows: %w", size, err)
		}
		accuracy, loss, err := h.quick(c.test, c.truth)
		if err != nil {
			return sum, heads, err
		}
		heads++
		sum.Accuracy += accuracy
		sum.LogLoss += loss
		sum.Low, sum.High = min(sum.Low, accuracy), max(sum.High, accuracy)
		if c.options.Progress != nil {
			c.options.Progress(size)
		}
	}
	return sum, heads, nil
}

// curveSizes are 10, 20, 50, 100, ... and n.
func curveSizes(n int) []int {
	var sizes []int
	for decade := 10; decade < n; decade *= 10 {
		for _, f := range []int{1, 2, 5} {
			// A size just below all rows says nothing more than all rows do.
			if size := f * decade; float64(size) < 0.8*float64(n) {
				sizes = append(sizes, size)
			}
		}
	}
	return append(sizes, n)
}

// stratifiedOrder shuffles rows such that every prefix has the classes in proportion.
func stratifiedOrder(labels []string, seed uint64) []int {
	y, number := make([]int, len(labels)), map[string]int{}
	for i, l := range labels {
		if _, found := number[l]; !found {
			number[l] = len(number)
		}
		y[i] = number[l]
	}
	counts, next := make([]float64, len(number)), make([]float64, len(number))
	for _, c := range y {
		counts[c]++
	}
	position := make([]float64, len(labels))
	var order []int
	for _, u := range groupUnits(y, ownGroups(len(labels)), seed) {
		i := u.rows[0]
		position[i] = (next[u.class] + 0.5) / counts[u.class]
		next[u.class]++
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(position[a], position[b]) })
	return order
}

// quick computes accuracy and log loss. Labels that the head does not know count as wrong, with a
// probability of 0.
func (h *Head) quick(x Matrix, labels []string) (accuracy, loss float64, err error) {
	probabilities, err := h.Probabilities(x)
	if err != nil {
		return 0, 0, err
	}
	n := float64(len(labels))
	for i, p := range probabilities {
		own := 0.0
		if c, found := slices.BinarySearch(h.Classes, labels[i]); found {
			own = p[c]
		}
		if h.Predict(p) == labels[i] {
			accuracy += 1 / n
		}
		loss -= math.Log(max(own, 0x1p-52)) / n
	}
	return accuracy, loss, nil
}

// ROC is the curve of the true positive rate against the false positive rate of a class, from (0, 0)
// to (1, 1), with a point (false, true) for each step of the threshold. It is nil if the class has no
// rows, or all.
func ROC(probabilities [][]float64, labels []string, classes []string, class int) [][2]float64 {
	order := make([]int, len(labels))
	positives := 0.0
	for i, l := range labels {
		order[i] = i
		if l == classes[class] {
			positives++
		}
	}
	negatives := float64(len(labels)) - positives
	if positives == 0 || negatives == 0 {
		return nil
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(probabilities[b][class], probabilities[a][class]) })
	curve, hits, alarms := [][2]float64{{0, 0}}, 0.0, 0.0
	for k, i := range order {
		if labels[i] == classes[class] {
			hits++
		} else {
			alarms++
		}
		if k+1 == len(order) || probabilities[order[k+1]][class] != probabilities[i][class] {
			curve = append(curve, [2]float64{alarms / negatives, hits / positives})
		}
	}
	return curve
}
