package head

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// choice is a candidate with what it takes to fit it.
type choice struct {
	Candidate
	trial
	// softmax and lda are the factors of both models' scores.
	softmax, lda, temperature float64
	start                     []float64
	report                    Report
}

// preference is the order in which scalings are preferred where their losses are about the same.
var preference = []Scaling{ScaleSqrt, ScaleUnit, ScaleCommon, ScaleColumns}

// choice completes a choice by its temperature and its losses.
func (a *automatic) choice(r trial, y []int, c choice) choice {
	c.temperature = 1
	if a.options.Calibrate {
		c.temperature = temperature(r.logits, y, a.trainer.importance, doubtOf(len(y)))
	}
	r.measure(y, a.trainer.importance, c.temperature)
	c.trial = r
	c.Scaling, c.LogLoss, c.Accuracy = a.trainer.options.Scaling, r.loss, r.right
	c.softmax, c.lda = c.softmax/c.temperature, c.lda/c.temperature
	return c
}

// mean averages two models' calibrated scores.
func (a *automatic) mean(softmax, lda choice, y []int) choice {
	c := choice{Candidate: Candidate{Model: ModelMean, Lambda: softmax.Lambda, Shrinkage: lda.Shrinkage}, start: softmax.start, report: softmax.report}
	c.softmax, c.lda = softmax.softmax/2, lda.lda/2
	var r trial
	for i, l := range softmax.logits {
		row := make([]float64, len(l))
		for k := range row {
			row[k] = l[k]*c.softmax + lda.logits[i][k]*c.lda
		}
		r.logits = append(r.logits, row)
	}
	return a.choice(r, y, c)
}

// prefer chooses the first of all, in the order of preference, that is at most half a standard error worse than the best:
// the mean of both models before softmax regression before discriminant analysis, scalings by preference.
func prefer(all []choice) (choice, []Candidate) {
	best := slices.MinFunc(all, func(a, b choice) int { return cmp.Compare(a.loss, b.loss) })
	rank := func(c choice) int {
		r := slices.Index([]string{ModelMean, ModelSoftmax, ModelLDA}, c.Model)
		return r + 3*slices.Index(preference, c.Scaling)
	}
	slices.SortStableFunc(all, func(a, b choice) int { return rank(a) - rank(b) })
	var candidates []Candidate
	var chosen *choice
	for i := range all {
		c := &all[i]
		c.WorseBy = c.worseBy(best.trial)
		candidates = append(candidates, c.Candidate)
		if chosen == nil && c.WorseBy <= chance {
			chosen = c
		}
	}
	return *chosen, candidates
}

// fit fits what the choice needs to all rows, and adds it up.
func (a *automatic) fit(ctx context.Context, c choice) ([]float64, error) {
	t := a.trainer
	sum := make([]float64, weightVectors(t.classes)*(t.coordinates.cols+1))
	add := func(parameters []float64, factor float64) {
		for i, p := range parameters {
			sum[i] += factor * p
		}
	}
	if c.softmax > 0 {
		parameters, err := t.fit(ctx, c.Lambda, c.start)
		if err != nil {
			return nil, err
		}
		add(parameters, c.softmax)
	}
	if c.lda > 0 {
		parameters, err := newDiscriminant(t.regression(t.all, allCPUs(), 0), t.x.Cols).fit(ctx, make([]float64, len(sum)), c.Shrinkage, preciseResidual)
		if err != nil {
			return nil, fmt.Errorf("fit all rows: %w", err)
		}
		add(parameters, c.lda)
	}
	return sum, nil
}
