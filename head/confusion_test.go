package head

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// guesses are labels and probabilities of many classes, with ties.
func guesses(classes, rows int) (probabilities [][]float64, labels, names []string) {
	random := rand.New(rand.NewPCG(1, uint64(classes)))
	for c := range classes {
		names = append(names, fmt.Sprintf("class %04d", c))
	}
	for i := range rows {
		p, sum := make([]float64, classes), 0.0
		for c := range p {
			p[c] = float64(1 + random.IntN(20)) // many are equal
			if c == i%classes {
				p[c] += 6
			}
			sum += p[c]
		}
		for c := range p {
			p[c] /= sum
		}
		probabilities, labels = append(probabilities, p), append(labels, names[i%classes])
	}
	return probabilities, labels, names
}

// Areas by class are those of the curves, and of every pair of rows.
func TestAreasOfClasses(t *testing.T) {
	probabilities, labels, names := guesses(5, 60)
	m, err := Evaluate(probabilities, labels, names)
	if err != nil {
		t.Fatal(err)
	}
	mean := 0.0
	for c, name := range names {
		pairs, above := 0.0, 0.0
		for i := range labels {
			for k := range labels {
				if labels[i] == name && labels[k] != name {
					pairs++
					switch p, q := probabilities[i][c], probabilities[k][c]; {
					case p > q:
						above++
					case p == q:
						above += 0.5
					}
				}
			}
		}
		got := m.PerClass[c].ROCAUC
		if got == nil || math.Abs(*got-above/pairs) > 1e-12 {
			t.Fatalf("%s: the area is %v, by all pairs it is %g", name, got, above/pairs)
		}
		curve, area := ROC(probabilities, labels, names, c), 0.0
		for i := 1; i < len(curve); i++ {
			area += (curve[i][0] - curve[i-1][0]) * (curve[i][1] + curve[i-1][1]) / 2
		}
		if math.Abs(*got-area) > 1e-12 {
			t.Errorf("%s: the area is %g, under the curve it is %g", name, *got, area)
		}
		mean += *got / 5
	}
	if m.ROCAUC == nil || math.Abs(*m.ROCAUC-mean) > 1e-12 {
		t.Errorf("the mean area is %v, not %g", m.ROCAUC, mean)
	}
}

func TestMostConfused(t *testing.T) {
	c := Confusion{{5, 1, 3}, {0, 4, 3}, {0, 1, 9}}
	want := []Confused{{"a", "c", 3, 9}, {"b", "c", 3, 7}, {"a", "b", 1, 9}, {"c", "b", 1, 10}}
	if d := cmp.Diff(want, c.most([]string{"a", "b", "c"})); d != "" {
		t.Error(d)
	}
}

// Metrics of many classes, which heads and JSON contain, do not grow with the square of their number.
func TestMetricsOfManyClassesAreSmall(t *testing.T) {
	for _, test := range []struct {
		classes int
		matrix  bool
	}{{2, true}, {20, true}, {21, false}, {700, false}} {
		m, err := Evaluate(guesses(test.classes, 10*test.classes))
		if err != nil {
			t.Fatal(err)
		}
		encoded, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(encoded), `"confusion":[[`); got != test.matrix {
			t.Errorf("%d classes: the matrix is shown: %v", test.classes, got)
		}
		if !strings.Contains(string(encoded), `"most_confused":[{"class":"class 0`) || len(encoded) > 20_000+200*test.classes {
			t.Errorf("%d classes take %d bytes", test.classes, len(encoded))
		}
	}
}
