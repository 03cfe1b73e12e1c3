package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"fovea/internal/figure"
)

// Race compares ways of training on the same images by the time that they take.
type Race struct {
	// Settings say what was trained, on what, and where, by snake_case names.
	Settings map[string]any `json:"settings"`
	// Chance is the accuracy of always naming the most frequent class, 0 to 1.
	Chance float64 `json:"chance"`
	// Budget is the training time that each way had, in seconds.
	Budget float64 `json:"budget_seconds"`
	Ways   []Way   `json:"ways"`
}

// Way is one way of training, with its measurements in the order of time.
type Way struct {
	Name   string  `json:"name"`
	Points []Point `json:"points"`
}

// Point is a measurement on the test set.
type Point struct {
	// Seconds is the training time until then. It includes getting ready, but not measuring.
	Seconds float64 `json:"seconds"`
	// Images is the number of images trained on until then, each counted every time. Accuracy is 0 to
	// 1.
	Images   int     `json:"images"`
	Accuracy float64 `json:"accuracy"`
	LogLoss  float64 `json:"log_loss"`
}

// Write writes compare.svg, compare.png, compare.csv and compare.json to dir, which it makes if
// necessary, and returns their paths. It replaces files of these names.
func (r Race) Write(dir string) ([]string, error) {
	if len(r.Ways) == 0 {
		return nil, errors.New("report: there is nothing to compare")
	}
	f, err := r.figure()
	if err != nil {
		return nil, fmt.Errorf("report: draw the comparison: %w", err)
	}
	svg, err := f.SVG()
	if err != nil {
		return nil, fmt.Errorf("report: draw the comparison: %w", err)
	}
	png, err := f.PNG(0)
	if err != nil {
		return nil, fmt.Errorf("report: draw the comparison: %w", err)
	}
	table, err := r.table()
	if err != nil {
		return nil, fmt.Errorf("report: write the comparison: %w", err)
	}
	encoded, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("report: write the comparison: %w", err)
	}
	return writeFiles(dir, []file{{"compare.svg", svg}, {"compare.png", png}, {"compare.csv", table}, {"compare.json", append(encoded, '\n')}})
}

func (r Race) table() ([]byte, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	records := [][]string{{"way", "seconds", "images", "accuracy", "log_loss"}}
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
	for _, way := range r.Ways {
		for _, p := range way.Points {
			records = append(records, []string{way.Name, number(p.Seconds), strconv.Itoa(p.Images), number(p.Accuracy), number(p.LogLoss)})
		}
	}
	err := w.WriteAll(records)
	return out.Bytes(), err
}

// longBudget is the budget in seconds from which on the axis is in minutes.
const longBudget = 300

// raceWidth is the width of the plot in points.
const raceWidth = 400

// figure draws the accuracies of the ways by the time, in minutes if that is long.
func (r Race) figure() (figure.Figure, error) {
	unit, name := 1.0, "seconds of training"
	if r.Budget >= longBudget {
		unit, name = 60, "minutes of training"
	}
	p := figure.New(name, "")
	f := figure.Figure{Plot: p, Width: raceWidth, Aspect: 0.6}
	end, least := r.Budget, r.Chance
	for _, way := range r.Ways {
		for _, point := range way.Points {
			end, least = max(end, point.Seconds), min(least, point.Accuracy)
		}
	}
	for i, way := range r.Ways {
		if len(way.Points) == 0 {
			continue
		}
		e := figure.Entry{Name: way.Name, Colour: figure.ClassColour(i)}
		if err := addWay(p, way, e.Colour, unit, end/unit); err != nil {
			return f, err
		}
		f.Key = append(f.Key, e)
	}
	p.Add(dashed(plotter.XY{X: 0, Y: r.Chance}, plotter.XY{X: end / unit, Y: r.Chance}))
	f.Key = append(f.Key, figure.Entry{Name: "always the most frequent class", Colour: figure.Quiet, Dashes: figure.Dashes[1]})
	p.X.Min, p.X.Max = 0, end/unit
	accuracyAxis(p, r.Chance, least)
	return f, nil
}

// addWay draws a way until the end; one that finished early keeps its last accuracy.
func addWay(p *plot.Plot, way Way, c color.Color, unit, end float64) error {
	points := make(plotter.XYs, len(way.Points))
	for k, point := range way.Points {
		points[k] = plotter.XY{X: point.Seconds / unit, Y: point.Accuracy}
	}
	l, err := line(points, c)
	if err != nil {
		return err
	}
	marks, err := circles(points, c, constant(vg.Points(2.5)))
	if err != nil {
		return err
	}
	last := points[len(points)-1]
	rest := dashed(last, plotter.XY{X: end, Y: last.Y})
	rest.Color, rest.Dashes = c, figure.Dashes[2]
	p.Add(rest, l, marks)
	return nil
}
