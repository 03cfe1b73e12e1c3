package main

import (
	"cmp"
	"slices"

	"fovea/app/cli"
)

// decision is how probabilities become a label.
type decision struct {
	classes   []string
	threshold float64
	unsure    string
	// top is the number of classes to be shown, 0 for all in their order.
	top int
	// errorColumn adds to a table why a picture could not be read.
	errorColumn bool
}

// check refuses what cannot be told apart or shown.
func (d decision) check() error {
	switch {
	case !(d.threshold >= 0 && d.threshold <= 1):
		return cli.Usagef("--threshold %g: use a probability from 0 to 1", d.threshold)
	case d.threshold > 0 && (d.unsure == "" || slices.Contains(d.classes, d.unsure)):
		return cli.Usagef("--unsure %q: use a name that is no class of the head", d.unsure)
	case d.top < 0 || d.top > len(d.classes):
		return cli.Usagef("--top %d: the head has %d classes", d.top, len(d.classes))
	}
	return nil
}

// label is the most probable class, unless it is not probable enough.
func (d decision) label(probabilities []float64) string {
	best := rank(probabilities, d.classes, 1)[0]
	if best.probability < d.threshold {
		return d.unsure
	}
	return best.label
}

// ranked is a class with its probability.
type ranked struct {
	label       string
	probability float64
}

// rank gives the n most probable classes; of equals the first comes first.
func rank(probabilities []float64, classes []string, n int) []ranked {
	all := make([]ranked, len(classes))
	for i, c := range classes {
		all[i] = ranked{c, probabilities[i]}
	}
	slices.SortStableFunc(all, func(a, b ranked) int { return cmp.Compare(b.probability, a.probability) })
	return all[:n]
}
