package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"fovea/internal/output"
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
	p, err := r.plot()
	if err != nil {
		return nil, fmt.Errorf("report: draw the comparison: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("report: make the directory: %w", err)
	}
	contents := map[string][]byte{}
	for _, format := range []string{"svg", "png"} {
		if contents["compare."+format], err = render(p, format); err != nil {
			return nil, fmt.Errorf("report: draw the comparison: %w", err)
		}
	}
	if contents["compare.csv"], err = r.table(); err != nil {
		return nil, fmt.Errorf("report: write the comparison: %w", err)
	}
	encoded, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("report: write the comparison: %w", err)
	}
	contents["compare.json"] = append(encoded, '\n')
	var files []string
	var all output.Files
	defer all.Discard()
	for _, name := range []string{"compare.svg", "compare.png", "compare.csv", "compare.json"} {
		file := filepath.Join(dir, name)
		if err := all.Write(file, func(w io.Writer) error { _, err := w.Write(contents[name]); return err }); err != nil {
			return nil, fmt.Errorf("report: %w", err)
		}
		files = append(files, file)
	}
	if err := all.Commit(); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return files, nil
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

func (r Race) plot() (*plot.Plot, error) {
	unit, name := 1.0, "seconds of training"
	if r.Budget >= longBudget {
		unit, name = 60, "minutes of training"
	}
	p := newPlot(name, "test accuracy")
	end := r.Budget
	for _, way := range r.Ways {
		for _, point := range way.Points {
			end = max(end, point.Seconds)
		}
	}
	least := r.Chance
	for i, way := range r.Ways {
		points := make(plotter.XYs, len(way.Points))
		for k, point := range way.Points {
			points[k] = plotter.XY{X: point.Seconds / unit, Y: point.Accuracy}
			least = min(least, point.Accuracy)
		}
		if len(points) == 0 {
			continue
		}
		l, err := line(points, colours[i%len(colours)])
		if err != nil {
			return nil, err
		}
		marks, err := circles(points, colours[i%len(colours)], constant(vg.Points(2.5)))
		if err != nil {
			return nil, err
		}
		// A way that finished early keeps its last accuracy.
		last := points[len(points)-1]
		rest := &plotter.Line{XYs: plotter.XYs{last, {X: end / unit, Y: last.Y}}}
		rest.Color, rest.Width, rest.Dashes = l.Color, vg.Points(1), []vg.Length{vg.Points(1.5), vg.Points(2.5)}
		p.Add(rest, l, marks)
		p.Legend.Add(legend(way.Name), l)
	}
	chance := &plotter.Line{XYs: plotter.XYs{{X: 0, Y: r.Chance}, {X: end / unit, Y: r.Chance}}}
	chance.Color, chance.Width, chance.Dashes = pale, vg.Points(1), []vg.Length{vg.Points(4), vg.Points(3)}
	p.Add(chance)
	p.Legend.Add(legend("the most frequent class"), chance)
	p.X.Min, p.X.Max = 0, end/unit
	p.Y.Min, p.Y.Max = max(0, min(0.4, least-0.05)), 1
	p.Legend.Top, p.Legend.YOffs = false, plotHeight/2 // between the curves
	return p, nil
}
