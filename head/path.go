package head

import (
	"math"
	"slices"

	arrays "gonum.org/v1/gonum/floats"
)

// trial is what a cross-validation found out about one setting.
type trial struct {
	strength float64
	// logits are the scores of the tested rows, losses their log losses times the importance of their classes, and
	// loss is the mean.
	logits [][]float64
	losses []float64
	loss   float64
	right  float64 // the share of the rows that are classified correctly
	// start is a good starting point for all rows.
	start []float64
}

// trial collects the folds' scores of their test rows. Where the head will have a temperature, or is a support vector
// machine, they are divided by the best one before losses are computed.
func (t *trainer) trial(folds []fold, strength float64) trial {
	r := trial{strength: strength, start: make([]float64, len(folds[0].parameters))}
	var y []int
	for _, f := range folds {
		r.logits = append(r.logits, f.logits...)
		for _, i := range f.test {
			y = append(y, t.y[i])
		}
		for i, p := range f.parameters { // their mean
			r.start[i] += p / float64(len(folds))
		}
	}
	divisor := 1.0
	if t.options.Loss == LossHinge || t.options.Calibrate {
		divisor = temperature(r.logits, y, t.importance, doubtOf(len(y)))
	}
	r.measure(y, t.importance, divisor)
	return r
}

// measure computes the losses with scores divided by a temperature, in the same doubt as temperatures have.
func (r *trial) measure(y []int, importance []float64, divisor float64) {
	r.losses, r.loss, r.right = make([]float64, len(r.logits)), 0, 0
	var row []float64
	doubt := doubtOf(len(y))
	for i, l := range r.logits {
		row = append(row[:0], l...)
		for c := range row {
			row[c] /= divisor
		}
		if argmax(row) == y[i] {
			r.right += 1 / float64(len(r.logits))
		}
		score, others := row[y[i]], (arrays.Sum(row)-row[y[i]])/float64(len(row)-1)
		r.losses[i] = importance[y[i]] * (softmax(row) - (1-doubt)*score - doubt*others)
		r.loss += r.losses[i] / float64(len(r.logits))
	}
}

// worseBy is by how much the mean loss is larger than that of another trial on the same rows, in standard errors of
// the mean difference.
func (r trial) worseBy(other trial) float64 {
	n, mean := float64(len(r.losses)), r.loss-other.loss
	squares := 0.0
	for i, l := range r.losses {
		e := l - other.losses[i] - mean
		squares += e * e
	}
	if mean <= 0 {
		return 0
	}
	if deviation := math.Sqrt(squares / n / max(1, n-1)); deviation > 0 {
		return mean / deviation
	}
	return math.Inf(1)
}

// path are the trials of one model, with different strengths.
type path []trial

// add appends a trial and returns by how much it is better than the best so far. What has no chance any more keeps
// no scores.
func (p *path) add(r trial) float64 {
	by := math.Inf(1)
	if len(*p) > 0 {
		by = p.best().loss - r.loss
	}
	*p = append(*p, r)
	for i, best := range slices.Repeat([]trial{p.best()}, len(*p)) {
		if (*p)[i].worseBy(best) > 4 {
			(*p)[i].logits, (*p)[i].start = nil, nil
		}
	}
	return by
}

// best is the trial with the lowest loss, the stronger of equals.
func (p path) best() trial {
	return slices.MinFunc(p, func(a, b trial) int {
		switch {
		case a.loss != b.loss && a.loss < b.loss, a.loss == b.loss && a.strength > b.strength:
			return -1
		case a.loss == b.loss && a.strength == b.strength:
			return 0
		}
		return 1
	})
}

// chance is the number of standard errors of the paired difference up to which losses count as equal: what the folds
// cannot tell from chance must not decide. A whole one, as in the usual rule, gives few rows too strong a
// regularization.
const chance = 0.5

// choose returns the strongest trial whose loss is as good as that of the best.
func (p path) choose() trial {
	best := p.best()
	chosen := best
	for _, r := range p {
		if r.logits != nil && r.strength > chosen.strength && r.worseBy(best) <= chance {
			chosen = r
		}
	}
	return chosen
}
