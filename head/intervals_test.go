package head

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// population is a classifier with known probabilities: joint[a*classes+b] is that of a row of class a that is
// classified as b.
type population struct {
	classes      int
	joint        []float64
	balanced, f1 float64
}

// newPopulation has recalls around an accuracy, errors that are mostly with a few other classes, and classes that
// are equally frequent, or less and less.
func newPopulation(r *rand.Rand, classes int, accuracy float64, uneven bool) population {
	p := population{classes: classes, joint: make([]float64, classes*classes)}
	total := 0.0
	for a := range classes {
		frequency := 1.0
		if uneven {
			frequency = 1 / math.Sqrt(float64(a+1))
		}
		total += frequency
		recall := 1 - (1-accuracy)*(0.5+r.Float64())
		p.balanced += recall / float64(classes)
		weights, sum := make([]float64, classes), 0.0
		for b := range classes {
			if b != a {
				weights[b] = math.Pow(r.Float64(), 4)
				sum += weights[b]
			}
		}
		for b, w := range weights {
			p.joint[a*classes+b] = frequency * (1 - recall) * w / sum
		}
		p.joint[a*classes+a] = frequency * recall
	}
	sums := make([]float64, classes)
	for i := range p.joint {
		p.joint[i] /= total
		sums[i/classes] += p.joint[i]
		sums[i%classes] += p.joint[i]
	}
	for c, s := range sums {
		p.f1 += 2 * p.joint[c*classes+c] / s / float64(classes)
	}
	return p
}

// draw is the confusion of n rows, as many of each class as chance has it or, as in a stratified split, equally
// many.
func (p population) draw(r *rand.Rand, n int, stratified bool, names []string) *Metrics {
	ends, sum := make([]float64, len(p.joint)), 0.0
	for i, v := range p.joint {
		sum += v
		ends[i] = sum
	}
	m := &Metrics{N: n, Classes: names, Confusion: newConfusion(p.classes)}
	for i := range n {
		drawn := r.Float64() * sum
		if stratified {
			drawn = (float64(i%p.classes) + r.Float64()) * sum / float64(p.classes)
		}
		at, _ := slices.BinarySearch(ends, drawn)
		at = min(at, len(ends)-1)
		m.Confusion[at/p.classes][at%p.classes]++
		if at/p.classes == at%p.classes {
			m.Accuracy += 1 / float64(n)
		}
	}
	m.perClass()
	return m
}

// coverage counts how often intervals were given and held the true value.
type coverage struct{ given, held int }

func (c *coverage) add(interval *[2]float64, truth float64) {
	if interval == nil {
		return
	}
	c.given++
	if interval[0] <= truth && truth <= interval[1] {
		c.held++
	}
}

// check wants 93 to 97 % of the intervals to hold, give or take three standard errors of the simulation.
func (c *coverage) check(t *testing.T, name string) {
	if c.given < 100 {
		t.Logf("%s: %d intervals given", name, c.given)
		return
	}
	share := float64(c.held) / float64(c.given)
	t.Logf("%s: %.1f %% of %d intervals hold", name, 100*share, c.given)
	if off := 3 * math.Sqrt(0.05*0.95/float64(c.given)); share < 0.93-off || share > 0.97+off {
		t.Errorf("%s: %.1f %% of %d intervals hold the true value, want 93 to 97 %%", name, 100*share, c.given)
	}
}

// TestCoverage draws rows from known populations, again and again.
func TestCoverage(t *testing.T) {
	if testing.Short() {
		t.Skip("draws thousands of samples, one after the other")
	}
	for _, n := range []int{40, 200, 2000, 6000} {
		for _, classes := range []int{2, 20, 200} {
			r := rand.New(rand.NewPCG(uint64(n), uint64(classes)))
			names := make([]string, classes)
			for i := range names {
				names[i] = fmt.Sprint("class", i)
			}
			var right, balanced, f1 coverage
			for _, accuracy := range []float64{0.6, 0.8, 0.95} {
				for _, kind := range []struct{ uneven, stratified bool }{{false, false}, {true, false}, {false, true}} {
					p := newPopulation(r, classes, accuracy, kind.uneven)
					truth := 0.0
					for c := range classes {
						truth += p.joint[c*classes+c]
					}
					for range max(60, min(800, 200_000/(n+classes*classes))) {
						m := p.draw(r, n, kind.stratified, names)
						got := intervals(m, make([]float64, n))
						accuracy := Wilson(m.Accuracy, float64(n))
						right.add(&accuracy, truth)
						balanced.add(got.BalancedAccuracy, p.balanced)
						f1.add(got.MacroF1, p.f1)
						if (got.MacroF1 == nil) != (got.None["macro_f1"] != "") || (got.BalancedAccuracy == nil) != (got.None["balanced_accuracy"] != "") {
							t.Fatalf("%d of %d classes: %+v", n, classes, got)
						}
					}
				}
			}
			right.check(t, fmt.Sprintf("accuracy of %d rows of %d classes", n, classes))
			balanced.check(t, fmt.Sprintf("balanced accuracy of %d rows of %d classes", n, classes))
			f1.check(t, fmt.Sprintf("macro F1 of %d rows of %d classes", n, classes))
		}
	}
}

// TestLossCoverage does it with the losses of calibrated and of too confident classifiers.
func TestLossCoverage(t *testing.T) {
	if testing.Short() {
		t.Skip("draws thousands of samples, one after the other")
	}
	for _, n := range []int{100, 200, 2000} {
		var all coverage
		for _, classes := range []int{2, 20} {
			for _, sharpness := range []float64{2, 6, 12} {
				for _, confidence := range []float64{1, 2} {
					r := rand.New(rand.NewPCG(uint64(n), uint64(classes)))
					losses, truth := make([]float64, 50_000), 0.0
					for i := range losses {
						losses[i] = drawLoss(r, classes, sharpness, confidence)
						truth += losses[i] / float64(len(losses))
					}
					for range 400 {
						sample := make([]float64, n)
						for i := range sample {
							sample[i] = losses[r.IntN(len(losses))]
						}
						all.add(meanInterval(sample), truth)
					}
				}
			}
		}
		all.check(t, fmt.Sprintf("log loss of %d rows", n))
	}
}

// drawLoss draws logits, a class by their probabilities, and is its loss by those of the logits times confidence.
func drawLoss(r *rand.Rand, classes int, sharpness, confidence float64) float64 {
	p, q := make([]float64, classes), make([]float64, classes)
	for c := range p {
		p[c] = sharpness * r.NormFloat64()
		q[c] = confidence * p[c]
	}
	softmax(p)
	softmax(q)
	class, left := 0, r.Float64()
	for left -= p[0]; left > 0 && class < classes-1; left -= p[class] {
		class++
	}
	return -math.Log(max(q[class], 0x1p-52))
}

func TestNoIntervals(t *testing.T) {
	classes := []string{"a", "b", "c"}
	p := [][]float64{{1, 0, 0}, {0, 1, 0}, {1, 0, 0}}
	m, err := Evaluate(p, []string{"a", "b", "b"}, classes)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"balanced_accuracy", "macro_f1", "log_loss"} {
		if m.Intervals.None[name] == "" {
			t.Errorf("%s has an interval: %+v", name, m.Intervals)
		}
	}
	// scikit-learn's f1_score of these, average="macro": the class c is neither there nor predicted.
	if want := 2. / 3; math.Abs(m.MacroF1-want) > 1e-12 {
		t.Errorf("macro F1 is %g, want %g", m.MacroF1, want)
	}
	if !slices.Equal(m.Absent, []string{"c"}) {
		t.Errorf("without rows: %v", m.Absent)
	}
	// 40 of 40 are not 100 % for sure: Wilson's interval.
	if got := Wilson(1, 40); math.Abs(got[0]-0.91237) > 1e-4 || got[1] != 1 {
		t.Errorf("of 40 right ones: %v", got)
	}
	if meanInterval(make([]float64, 200)) != nil {
		t.Error("losses that are all 0 have an interval")
	}
}

// A class with a single row is named as such.
func TestNoIntervalOfOneRow(t *testing.T) {
	m, err := Evaluate([][]float64{{0.9, 0.1}, {0.2, 0.8}, {0.3, 0.7}}, []string{"cat ", "dog", "dog"}, []string{"cat ", "dog"})
	if want := `class cat\x20 has 1 row, it takes 5 of each class`; err != nil || m.Intervals.None["macro_f1"] != want {
		t.Errorf("%q, %v, want %q", m.Intervals.None["macro_f1"], err, want)
	}
}
