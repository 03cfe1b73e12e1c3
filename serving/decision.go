package serving

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"fovea/head"
)

// Decision turns probabilities into a label, and says how many of them are shown. The
// zero value takes the most probable class and shows all.
type Decision struct {
	// Threshold is the least probability, 0 to 1, of a label.
	Threshold float64
	// Unsure is the label of images whose most probable class is below the threshold. No class may
	// have that name.
	Unsure string
	// Unknown, if not empty, is the label of images whose novelty is above 1, however probable a class is. No class may
	// have that name.
	Unknown string
	// Top is the number of the most probable classes to show, in that order; more than there are
	// means all. 0 shows all classes by name.
	Top int
}

// ErrDecision marks a Decision that makes no sense for the given classes.
var ErrDecision = errors.New("serving: not a usable decision")

// Validate returns ErrDecision for a Decision that is ambiguous or cannot be shown.
func (d Decision) Validate(classes []string) error {
	switch {
	case !(d.Threshold >= 0 && d.Threshold <= 1):
		return fmt.Errorf("%w: a threshold of %g: use a probability from 0 to 1", ErrDecision, d.Threshold)
	case d.Threshold > 0 && d.Unsure == "":
		return fmt.Errorf("%w: images below the threshold need a label", ErrDecision)
	case d.Threshold > 0 && slices.Contains(classes, d.Unsure):
		return fmt.Errorf("%w: %q is a class of the head: use another label for images below the threshold", ErrDecision, d.Unsure)
	case d.Top < 0:
		return fmt.Errorf("%w: the top %d classes: use a positive number", ErrDecision, d.Top)
	}
	return nil
}

// CheckUnknown returns ErrDecision for a label Unknown that the head cannot give, or that means something else.
func (d Decision) CheckUnknown(h *head.Head) error {
	switch {
	case d.Unknown == "":
	case h.Novelty == nil:
		return fmt.Errorf("%w: the head cannot tell what it does not know: train it again with finetune train and a --novelty-rate above 0", ErrDecision)
	case slices.Contains(h.Classes, d.Unknown):
		return fmt.Errorf("%w: %q is a class of the head: use another label for unknown images", ErrDecision, d.Unknown)
	case d.Threshold > 0 && d.Unsure == d.Unknown:
		return fmt.Errorf("%w: %q would also be the label of images below the threshold: use different labels", ErrDecision, d.Unknown)
	}
	return nil
}

// Decide is the label of an image.
func (d Decision) Decide(o Outcome, classes []string) string {
	if d.Unknown != "" && o.Novelty != nil && *o.Novelty > 1 {
		return d.Unknown
	}
	return d.Label(o.Probabilities, classes)
}

// Prediction is what is written of an image.
func (d Decision) Prediction(path string, o Outcome, classes []string) Prediction {
	return Prediction{Path: path, Label: d.Decide(o, classes), Probabilities: o.Probabilities, Novelty: o.Novelty}
}

// Label is the most probable class, or Unsure if that is not probable enough.
func (d Decision) Label(probabilities []float64, classes []string) string {
	best := rank(probabilities, classes, 1)[0]
	if best.Probability < d.Threshold {
		return d.Unsure
	}
	return best.Label
}

// top is the number of ranked classes to show, 0 for all by name.
func (d Decision) top(classes []string) int { return min(d.Top, len(classes)) }

// Ranked is a class with its probability.
type Ranked struct {
	Label       string
	Probability float64
}

// rank returns the n most probable classes, at most all of them. Of equally probable
// ones the first comes first.
func rank(probabilities []float64, classes []string, n int) []Ranked {
	const few = 32
	if n > few {
		return rankAll(probabilities, classes)[:n]
	}
	best := make([]Ranked, 0, n+1)
	for i, p := range probabilities[:len(classes)] {
		if len(best) == n && (n == 0 || p <= best[n-1].Probability) {
			continue
		}
		at := len(best)
		for at > 0 && best[at-1].Probability < p {
			at--
		}
		best = slices.Insert(best, at, Ranked{classes[i], p})
		best = best[:min(n, len(best))]
	}
	return best
}

func rankAll(probabilities []float64, classes []string) []Ranked {
	all := make([]Ranked, len(classes))
	for i, c := range classes {
		all[i] = Ranked{c, probabilities[i]}
	}
	slices.SortStableFunc(all, func(a, b Ranked) int { return cmp.Compare(b.Probability, a.Probability) })
	return all
}

// UsualTop is the number of classes to show when nobody said how many: all of a few (0), five of many.
func UsualTop(classes int) int {
	if classes > mostShown {
		return 5
	}
	return 0
}

// mostShown is the number of classes up to which all are shown by name.
const mostShown = 20
