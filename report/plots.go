package report

import (
	"fmt"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"fovea/head"
	"fovea/internal/figure"
)

// drawing is a plot that there is data for, with its name as a file and what to say below it.
type drawing struct {
	name, caption string
	draw          func() (figure.Figure, error)
}

// figure draws the plot as a file and as the page shows it.
func (d drawing) figure() (png []byte, shown shownFigure, err error) {
	f, err := d.draw()
	if err != nil {
		return nil, shownFigure{}, err
	}
	if png, err = f.PNG(0); err != nil {
		return nil, shownFigure{}, err
	}
	svg, err := f.Inline(d.caption)
	return png, shownFigure{SVG: svg, Key: f.KeyOf(), Caption: d.caption}, err
}

// drawings returns the plots that there is data for.
func (d Data) drawings() []drawing {
	var all []drawing
	add := func(name, caption string, draw func() (figure.Figure, error)) {
		all = append(all, drawing{name, caption, draw})
	}
	if len(d.Learning) > 1 {
		add("learning-curve", "Test accuracy by the number of training images, on a logarithmic axis. The band is the 95 % interval that the number of test images leaves; bars span the lowest and the highest accuracy of several random choices of training images. Where the line still rises, more images help.", d.learning)
	}
	if len(d.ROC) > 0 {
		caption := "True positive rate by false positive rate, each class against the rest. " + d.ROCNote
		if len(d.ROC) <= mostBands {
			caption += " Bands are the 95 % intervals of both rates, at every threshold."
		}
		add("roc", strings.TrimSpace(caption), d.roc)
	}
	if len(d.Metrics.Calibration) > 0 {
		add("calibration", "How often predictions are right, by the probability that the head gives them. On the diagonal, the probabilities are right; larger circles stand for more images, bars are 95 % intervals.", d.calibration)
	}
	if len(d.Training.Path) > 1 {
		add("regularization", "Cross-validated log loss by the strength of the regularization. The circle marks the one that was chosen.", d.path)
	}
	if len(d.Training.Epochs) > 1 {
		add("epochs", "Log loss by epoch. The circle marks the epoch whose weights were kept. Training losses are measured with dropout.", d.epochs)
	}
	return all
}

func line(points plotter.XYs, c color.Color) (*plotter.Line, error) {
	l, err := plotter.NewLine(points)
	if err != nil {
		return nil, err
	}
	l.Color, l.Width = c, vg.Points(1.6)
	return l, nil
}

// circles are marks with a radius for each.
func circles(points plotter.XYs, c color.Color, radius func(int) vg.Length) (*plotter.Scatter, error) {
	s, err := plotter.NewScatter(points)
	if err != nil {
		return nil, err
	}
	s.GlyphStyleFunc = func(i int) draw.GlyphStyle {
		return draw.GlyphStyle{Color: c, Radius: radius(i), Shape: draw.CircleGlyph{}}
	}
	return s, nil
}

// band is the area between two lines.
func band(upper, lower plotter.XYs, c color.NRGBA) (*plotter.Polygon, error) {
	around := append(plotter.XYs{}, upper...)
	for i := len(lower) - 1; i >= 0; i-- {
		around = append(around, lower[i])
	}
	p, err := plotter.NewPolygon(around)
	if err != nil {
		return nil, err
	}
	p.Color, p.Width = figure.Faint(c), 0
	return p, nil
}

func constant(r vg.Length) func(int) vg.Length { return func(int) vg.Length { return r } }

// dashed is a thin line of what others are compared with: chance, or perfection.
func dashed(points ...plotter.XY) *plotter.Line {
	l := &plotter.Line{XYs: points}
	l.Color, l.Width, l.Dashes = figure.Quiet, vg.Points(1), figure.Dashes[1]
	return l
}

// diagonal is the line of chance, or of perfect calibration.
func diagonal() *plotter.Line { return dashed(plotter.XY{}, plotter.XY{X: 1, Y: 1}) }

// square is a figure of two rates from 0 to 1, as wide as high.
func square(p *plot.Plot) figure.Figure {
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
	p.X.Tick.Marker, p.Y.Tick.Marker = rateTicks{}, rateTicks{}
	return figure.Figure{Plot: p, Aspect: 1}
}

// rates makes bars of rates with their intervals.
type rates struct {
	points    plotter.XYs
	low, high []float64
}

func (s rates) Len() int                { return len(s.points) }
func (s rates) XY(i int) (x, y float64) { return s.points[i].X, s.points[i].Y }

func (s rates) YError(i int) (low, high float64) {
	return s.points[i].Y - s.low[i], s.high[i] - s.points[i].Y
}

func (s *rates) add(x, y, low, high float64) {
	s.points, s.low, s.high = append(s.points, plotter.XY{X: x, Y: y}), append(s.low, low), append(s.high, high)
}

func (s rates) bars(c color.Color) (*plotter.YErrorBars, error) {
	bars, err := plotter.NewYErrorBars(s)
	if err == nil {
		bars.Color, bars.CapWidth = c, vg.Points(4)
	}
	return bars, err
}

// MostCurves is the number of curves that can be told apart, mostBands that up to which their bands can.
const (
	MostCurves = 7
	mostBands  = 2
)

func (d Data) roc() (figure.Figure, error) {
	p := figure.New("false positive rate", "true positive rate")
	f := square(p)
	p.Add(diagonal())
	used := map[color.NRGBA]int{}
	for _, c := range d.ROC[:min(MostCurves, len(d.ROC))] {
		class := d.Metrics.PerClass[c.Class]
		points := make(plotter.XYs, len(c.Points))
		for k, xy := range c.Points {
			points[k] = plotter.XY{X: xy[0], Y: xy[1]}
		}
		colour := figure.ClassColour(c.Class)
		l, err := line(points, colour)
		if err != nil {
			return f, err
		}
		l.Dashes = figure.Dashes[used[colour]%len(figure.Dashes)] // of classes whose colours are the same
		used[colour]++
		if len(d.ROC) <= mostBands {
			area, err := rateBand(points, float64(class.N), float64(d.Metrics.N-class.N), colour)
			if err != nil {
				return f, err
			}
			p.Add(area)
		}
		p.Add(l)
		name := class.Class
		if class.ROCAUC != nil {
			name = fmt.Sprintf("%s (area %.3f)", name, *class.ROCAUC)
		}
		f.Key = append(f.Key, figure.Entry{Name: name, Colour: colour, Dashes: l.Dashes})
	}
	f.Key = append(f.Key, figure.Entry{Name: "chance", Colour: figure.Quiet, Dashes: figure.Dashes[1]})
	return f, nil
}

// rateBand is where the ROC curve may be: between the corners of the intervals of its two rates, measured on so many
// positive and negative images.
func rateBand(points plotter.XYs, positive, negative float64, c color.NRGBA) (*plotter.Polygon, error) {
	var upper, lower plotter.XYs
	for _, p := range points {
		x, y := head.Wilson(p.X, negative), head.Wilson(p.Y, positive)
		upper, lower = append(upper, plotter.XY{X: x[0], Y: y[1]}), append(lower, plotter.XY{X: x[1], Y: y[0]})
	}
	return band(upper, lower, c)
}

func (d Data) calibration() (figure.Figure, error) {
	p := figure.New("probability", "accuracy")
	f := square(p)
	var all rates
	var counts []int
	for _, b := range d.Metrics.Calibration {
		if b.N > 0 {
			around := head.Wilson(b.Accuracy, float64(b.N))
			all.add(b.Confidence, b.Accuracy, around[0], around[1])
			counts = append(counts, b.N)
		}
	}
	marks, err := circles(all.points, figure.Mark, func(i int) vg.Length {
		return vg.Points(2 + 7*math.Sqrt(float64(counts[i])/float64(d.Metrics.N)))
	})
	if err != nil {
		return f, err
	}
	bars, err := all.bars(figure.Mark)
	if err != nil {
		return f, err
	}
	p.Add(diagonal(), bars, marks)
	f.Key = []figure.Entry{{Name: "the head", Colour: figure.Mark, Glyph: draw.CircleGlyph{}}, {Name: "right probabilities", Colour: figure.Quiet, Dashes: figure.Dashes[1]}}
	return f, nil
}
