package report

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/plot/plotter"

	"fovea/head"
	"fovea/internal/figure"
)

// The axis of accuracies begins at chance, or at 0 where something is below, and never where it suits the data.
func TestAccuracyAxis(t *testing.T) {
	for _, c := range []struct{ chance, least, want float64 }{
		{0.52, 0.96, 0.5}, {0.5, 0.5, 0.5}, {0.58, 0.51, 0.5}, {0.52, 0.49, 0}, {0.01, 0.05, 0}, {0.25, 0.22, 0.2}, {0.3, 0.9, 0.3}, {0.9, 0.99, 0.9},
	} {
		p := figure.New("x", "")
		accuracyAxis(p, c.chance, c.least)
		if label := fmt.Sprintf("accuracy (%.0f to 100 %%)", 100*c.want); math.Abs(p.Y.Min-c.want) > 1e-9 || p.Y.Max != 1 || p.Y.Label.Text != label {
			t.Errorf("chance %g, least %g: %g to %g, %s", c.chance, c.least, p.Y.Min, p.Y.Max, p.Y.Label.Text)
		}
		ticks := p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max)
		if first, last := ticks[0], ticks[len(ticks)-1]; math.Abs(first.Value-c.want) > 1e-9 || last.Label != "100 %" {
			t.Errorf("chance %g: marks from %+v to %+v", c.chance, first, last)
		}
	}
}

// Rates are drawn in a square from 0 to 1, losses from 0.
func TestAxes(t *testing.T) {
	data := sample(t)
	for _, d := range data.drawings() {
		f, err := d.draw()
		if err != nil {
			t.Fatal(err)
		}
		switch p := f.Plot; d.name {
		case "roc", "calibration":
			if f.Aspect != 1 || p.X.Min != 0 || p.X.Max != 1 || p.Y.Min != 0 || p.Y.Max != 1 {
				t.Errorf("%s: %g to %g by %g to %g, %g high", d.name, p.X.Min, p.X.Max, p.Y.Min, p.Y.Max, f.Aspect)
			}
		case "learning-curve":
			// A third of the images have each class.
			if math.Abs(p.Y.Min-0.3) > 1e-9 || p.Y.Max != 1 {
				t.Errorf("%s: %g to %g", d.name, p.Y.Min, p.Y.Max)
			}
		default:
			if p.Y.Min != 0 {
				t.Errorf("%s begins at %g", d.name, p.Y.Min)
			}
		}
	}
}

// ROC curves have the colours of their classes, and those of the same colour other dashes, and a name in the key each.
func TestManyCurves(t *testing.T) {
	d := Data{Metrics: head.Metrics{N: 1000}}
	for i := range 100 {
		d.Metrics.PerClass = append(d.Metrics.PerClass, head.ClassMetrics{Class: fmt.Sprint("class ", i), N: 10})
	}
	for _, c := range []int{3, 13, 14, 23, 33, 98, 99} {
		d.ROC = append(d.ROC, Curve{c, [][2]float64{{0, 0}, {0.1, 0.9}, {1, 1}}})
	}
	f, err := d.roc()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for i, e := range f.Key[:len(f.Key)-1] {
		style := fmt.Sprint(e.Colour, e.Dashes)
		if seen[style] != "" || e.Colour != figure.ClassColour(d.ROC[i].Class) || !strings.HasPrefix(e.Name, fmt.Sprint("class ", d.ROC[i].Class)) {
			t.Errorf("%s is drawn as %s is", e.Name, seen[style])
		}
		seen[style] = e.Name
	}
	if len(f.Key) != len(d.ROC)+1 {
		t.Errorf("the key has %d names", len(f.Key))
	}
}

// The band of a ROC curve is between the corners of Wilson's intervals, contains the curve, and is wider with fewer images.
func TestRateBand(t *testing.T) {
	curve := plotter.XYs{{X: 0, Y: 0}, {X: 0.1, Y: 0.8}, {X: 1, Y: 1}}
	few, err := rateBand(curve, 10, 10, figure.Mark)
	if err != nil {
		t.Fatal(err)
	}
	many, err := rateBand(curve, 1000, 1000, figure.Mark)
	if err != nil {
		t.Fatal(err)
	}
	// The second point of 10 images: 1 of 10 is 0.018 to 0.404, 8 of 10 is 0.490 to 0.943, as in every textbook.
	upper, lower := few.XYs[0][1], few.XYs[0][4]
	for i, got := range []float64{upper.X, upper.Y, lower.X, lower.Y} {
		if want := []float64{0.0179, 0.9433, 0.4042, 0.4902}[i]; math.Abs(got-want) > 5e-4 {
			t.Errorf("corner %d is at %g, want %g", i, got, want)
		}
	}
	if u, l := many.XYs[0][1], many.XYs[0][4]; u.X <= upper.X || u.Y >= upper.Y || u.Y < 0.8 || l.Y > 0.8 || l.X >= lower.X {
		t.Errorf("of 1,000 images it is %v to %v, of 10 %v to %v", u, l, upper, lower)
	}
}
