package head

import (
	"context"
	"math"
	"slices"
)

// temperatureRows is the number of rows that are enough for a temperature, temperatureSteps that of halvings, to a
// millionth.
const (
	temperatureRows  = 4000
	temperatureSteps = 24
)

// finish divides the scores by the temperature that suits the tested rows among those that were learned from, and makes
// probabilities of them.
func (r *Refitted) finish(y, learn []int32) {
	var tested []int
	for i, ok := range r.Tested {
		if !ok {
			continue
		}
		r.N++
		if int32(argmax(r.Of(i))) == y[i] {
			r.Right++
		}
		if learn[i] >= 0 {
			tested = append(tested, i)
		}
	}
	r.Temperature = 1
	if len(tested) > 0 {
		r.Temperature = r.temperature(y, tested)
	}
	inParallel(len(y), func(i int) {
		own := r.Of(i)
		for c := range own {
			own[c] /= r.Temperature
		}
		softmax(own) // NaN stays
	})
}

// loss is the mean log loss of the tested rows.
func (r *Refitted) loss(y []int32) float64 {
	sum := 0.0
	for i, ok := range r.Tested {
		if ok {
			sum -= math.Log(max(r.Of(i)[y[i]], 0x1p-52))
		}
	}
	return sum / float64(max(1, r.N))
}

// temperature is the function of that name for scores of which some are -Inf: classes that a model does not know.
func (r *Refitted) temperature(y []int32, rows []int) float64 {
	doubt := doubtOf(len(rows))
	if len(rows) > temperatureRows { // evenly spaced ones
		some := make([]int, temperatureRows)
		for i := range some {
			some[i] = rows[i*len(rows)/len(some)]
		}
		rows = some
	}
	slopes := make([]float64, len(rows))
	low, high := 1.0/maxTemperature, 1/minTemperature
	for range temperatureSteps {
		middle := math.Sqrt(low * high)
		inParallel(len(rows), func(i int) { slopes[i] = slopeOf(r.Of(rows[i]), int(y[rows[i]]), middle, doubt) })
		sum := 0.0
		for _, s := range slopes {
			sum += s
		}
		if sum < 0 {
			low = middle
		} else {
			high = middle
		}
	}
	return 1 / math.Sqrt(low*high)
}

// slopeOf is the derivative of a row's loss with respect to the inverse temperature.
func slopeOf(scores []float64, own int, inverse, doubt float64) float64 {
	most, known := math.Inf(-1), 0.0
	for _, s := range scores {
		if most = max(most, s); !math.IsInf(s, -1) {
			known++
		}
	}
	total, mean, all := 0.0, 0.0, 0.0
	for _, s := range scores {
		if math.IsInf(s, -1) {
			continue
		}
		p := math.Exp((s - most) * inverse)
		total += p
		mean += p * s
		all += s
	}
	others := (all - scores[own]) / max(1, known-1)
	return mean/total - (1-doubt)*scores[own] - doubt*others
}

// mostVoters is the largest number of neighbours that vote, as in OutOfFoldOptions.
const mostVoters = 25

// Suspect is the probability that the label of each row is wrong, NaN for rows without one and rows that are not tested:
// of the label and of what is best supported besides, by models that were not trained on the row and by its neighbours
// together, the share of the latter. Rows are in the same order as by the margins of OutOfFold.Scores, for these models:
// as there, they are fitted again without the rows whose label is surely wrong, and the neighbours' votes are evened out.
// First is what Fit found for the same labels.
func (r *Refit) Suspect(ctx context.Context, y []int32, first *Refitted) ([]float32, error) {
	refined, err := r.fit(ctx, len(r.folds), first.likely(y), y, first.Classes)
	if err != nil {
		return nil, err
	}
	suspect := make([]float32, len(y))
	votes := r.voters(y, first.Classes)
	inParallel(len(y), func(i int) {
		suspect[i] = float32(math.NaN())
		if !first.Tested[i] || !refined.Tested[i] {
			return
		}
		support := slices.Clone(refined.Of(i))
		votes(i, support)
		own, other := support[y[i]], 0.0
		for c, v := range support {
			if c != int(y[i]) {
				other = max(other, v)
			}
		}
		suspect[i] = float32(other / max(own+other, math.SmallestNonzeroFloat64))
	})
	return suspect, nil
}

// likely are the labels to learn from again: see outOfFold.likely.
func (r *Refitted) likely(y []int32) []int32 {
	keep, wrong, rows := slices.Clone(y), make([]int, r.Classes), make([]int, r.Classes)
	for i, c := range y {
		if c < 0 {
			continue
		}
		rows[c]++
		if p := r.Of(i); r.Tested[i] && p[c] < surelyWrong*slices.Max(p) {
			keep[i] = -1
			wrong[c]++
		}
	}
	for i, c := range y {
		if c >= 0 && 2*wrong[c] >= rows[c] {
			keep[i] = c
		}
	}
	return keep
}

// voters multiplies the support of each class by the share of a row's neighbours that have its label.
func (r *Refit) voters(y []int32, classes int) func(row int, support []float64) {
	if r.neighbours == nil {
		return func(int, []float64) {}
	}
	labelled, prior := 0.0, make([]float64, classes)
	for _, c := range y {
		if c >= 0 {
			prior[c]++
			labelled++
		}
	}
	k := min(r.neighbours.K, max(5, int(labelled)/max(1, classes)/4))
	return func(row int, support []float64) {
		voters, votes := 0.0, make([]float64, classes)
		near, _ := r.neighbours.Of(row)
		for _, n := range near {
			if c := y[n]; c >= 0 && voters < float64(k) {
				votes[c]++
				voters++
			}
		}
		for c := range support {
			support[c] *= (votes[c] + evenVotes*prior[c]/max(1, labelled)) / (voters + evenVotes)
		}
	}
}
