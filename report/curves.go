package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"fovea/head"
	"fovea/internal/figure"
)

// chance is the accuracy of always naming the most frequent class.
func chance(m head.Metrics) float64 {
	most := 0
	for _, c := range m.PerClass {
		most = max(most, c.N)
	}
	return float64(most) / float64(max(1, m.N))
}

// accuracyAxis lets the axis of accuracies go from chance, rounded down to a tenth, or from 0 where something is below it,
// to 100 %, and says so. An axis fitted to the data would make small differences look large.
func accuracyAxis(p *plot.Plot, chance, least float64) {
	start := math.Floor(10*chance+1e-9) / 10
	if least < start {
		start = 0
	}
	p.Y.Min, p.Y.Max = start, 1
	p.Y.Tick.Marker = rateTicks{}
	p.Y.Label.Text = fmt.Sprintf("accuracy (%.0f to 100 %%)", 100*start)
}

// rateTicks mark rates in percent: all tenths where there are few of them, else all fifths.
type rateTicks struct{}

func (rateTicks) Ticks(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for i := math.Ceil(10*low - 1e-9); i <= 10*high+1e-9; i++ {
		tick := plot.Tick{Value: i / 10}
		if high-low < 0.65 || int(i)%2 == 0 {
			tick.Label = fmt.Sprintf("%d %%", 10*int(i))
		}
		ticks = append(ticks, tick)
	}
	return ticks
}

func (d Data) learning() (figure.Figure, error) {
	p := figure.New("training images", "")
	f := figure.Figure{Plot: p}
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, sizeTicks(d.Learning)
	var all rates
	var upper, lower plotter.XYs
	byChance := chance(d.Metrics)
	least := 1.0
	for _, c := range d.Learning {
		x, around := float64(c.Rows), head.Wilson(c.Accuracy, float64(d.Metrics.N))
		all.add(x, c.Accuracy, c.Low, c.High)
		upper, lower = append(upper, plotter.XY{X: x, Y: around[1]}), append(lower, plotter.XY{X: x, Y: around[0]})
		least = min(least, c.Low, around[0])
	}
	area, err := band(upper, lower, figure.Mark)
	if err != nil {
		return f, err
	}
	l, err := line(all.points, figure.Mark)
	if err != nil {
		return f, err
	}
	marks, err := circles(all.points, figure.Mark, constant(vg.Points(2.5)))
	if err != nil {
		return f, err
	}
	bars, err := all.bars(figure.Mark)
	if err != nil {
		return f, err
	}
	low, high := 0.9*all.points[0].X, 1.1*all.points[len(all.points)-1].X
	p.Add(area, dashed(plotter.XY{X: low, Y: byChance}, plotter.XY{X: high, Y: byChance}), l, marks, bars)
	p.X.Min, p.X.Max = low, high
	accuracyAxis(p, byChance, least)
	f.Key = []figure.Entry{{Name: "the head", Colour: figure.Mark}, {Name: "always the most frequent class", Colour: figure.Quiet, Dashes: figure.Dashes[1]}}
	return f, nil
}

// sizeTicks marks the numbers of images that were trained on. Where two are so close that their labels would
// overlap, the smaller one has none.
func sizeTicks(curve []head.CurvePoint) plot.Ticker {
	var ticks plot.ConstantTicks
	for i, c := range curve {
		tick := plot.Tick{Value: float64(c.Rows), Label: strconv.Itoa(c.Rows)}
		if i+1 < len(curve) && 2*curve[i+1].Rows < 3*c.Rows {
			tick.Label = ""
		}
		ticks = append(ticks, tick)
	}
	return ticks
}

// lossFigure is a figure of log losses, from 0.
func lossFigure(p *plot.Plot, key ...figure.Entry) figure.Figure {
	p.Y.Min = 0
	return figure.Figure{Plot: p, Key: key}
}

func (d Data) path() (figure.Figure, error) {
	p := figure.New("strength (lambda)", "log loss")
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, lambdaTicks(d.Training.Path)
	var points, chosen plotter.XYs
	for _, c := range d.Training.Path {
		xy := plotter.XY{X: c.Lambda, Y: c.LogLoss}
		points = append(points, xy)
		if c.Lambda == d.Training.Lambda {
			chosen = append(chosen, xy)
		}
	}
	err := lineWithMark(p, figure.Entry{Colour: figure.Mark}, points, chosen)
	return lossFigure(p), err
}

// mostLambdas is the number of labels that have room on an axis.
const mostLambdas = 6

func lambdaTicks(path []head.PathPoint) plot.Ticker {
	lambdas := make([]float64, len(path))
	for i, c := range path {
		lambdas[i] = c.Lambda
	}
	slices.Sort(lambdas)
	var ticks plot.ConstantTicks
	every := (len(lambdas) + mostLambdas - 1) / mostLambdas
	for i, l := range lambdas {
		tick := plot.Tick{Value: l}
		if i%every == 0 {
			tick.Label = strconv.FormatFloat(l, 'g', 2, 64)
		}
		ticks = append(ticks, tick)
	}
	return ticks
}

func (d Data) epochs() (figure.Figure, error) {
	p := figure.New("epoch", "log loss")
	var train, validation, chosen plotter.XYs
	for _, e := range d.Training.Epochs {
		train = append(train, plotter.XY{X: float64(e.Epoch), Y: e.TrainLoss})
		xy := plotter.XY{X: float64(e.Epoch), Y: e.LogLoss}
		validation = append(validation, xy)
		if e.Epoch == d.Training.BestEpoch {
			chosen = append(chosen, xy)
		}
	}
	p.X.Tick.Marker = wholeTicks{}
	training := figure.Entry{Name: "training", Colour: figure.Quiet, Dashes: figure.Dashes[1]}
	validating := figure.Entry{Name: "validation", Colour: figure.Mark}
	if err := lineWithMark(p, training, train, nil); err != nil {
		return figure.Figure{}, err
	}
	err := lineWithMark(p, validating, validation, chosen)
	return lossFigure(p, validating, training), err
}

// wholeTicks marks whole numbers only.
type wholeTicks struct{}

func (wholeTicks) Ticks(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	step := math.Max(1, math.Ceil((high-low)/10))
	for v := math.Ceil(low); v <= high; v += step {
		ticks = append(ticks, plot.Tick{Value: v, Label: strconv.Itoa(int(v))})
	}
	return ticks
}

// lineWithMark adds a line in the style of its entry of the key, with marks where something was chosen.
func lineWithMark(p *plot.Plot, e figure.Entry, points, chosen plotter.XYs) error {
	l, err := line(points, e.Colour)
	if err != nil {
		return err
	}
	l.Dashes = e.Dashes
	p.Add(l)
	if len(chosen) == 0 {
		return nil
	}
	mark, err := circles(chosen, e.Colour, constant(vg.Points(4)))
	if err != nil {
		return err
	}
	p.Add(mark)
	return nil
}
