package report

import (
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"fovea/head"
)

// colours can be told apart by colour-blind people (Okabe and Ito, 2008).
var colours = []color.NRGBA{
	{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {204, 121, 167, 255},
	{230, 159, 0, 255}, {86, 180, 233, 255}, {120, 120, 120, 255},
}

var pale = color.NRGBA{150, 150, 150, 255}

// figures returns the plots that there is data for.
func (d Data) figures() []figure {
	var all []figure
	add := func(name, caption string, plot func() (*plot.Plot, error)) {
		all = append(all, figure{Name: name, Caption: caption, plot: plot})
	}
	if len(d.Learning) > 1 {
		add("learning-curve", "Test accuracy by the number of training images. Bars span the lowest and the highest accuracy of several random choices of them. Where the line still rises, more images help.", d.learning)
	}
	if len(d.ROC) > 0 {
		add("roc", strings.TrimSpace("True positive rate by false positive rate, each class against the rest. "+d.ROCNote), d.roc)
	}
	if len(d.Metrics.Calibration) > 0 {
		add("calibration", "How often predictions are right, by the probability that the head gives them. On the diagonal, the probabilities are right; larger circles stand for more images.", d.calibration)
	}
	if len(d.Training.Path) > 1 {
		add("regularization", "Cross-validated log loss by the strength of the regularization. The circle marks the one that was chosen.", d.path)
	}
	if len(d.Training.Epochs) > 1 {
		add("epochs", "Log loss by epoch. The circle marks the epoch whose weights were kept. Training losses are measured with dropout.", d.epochs)
	}
	return all
}

// newPlot sets the fonts and the grid that all plots have.
func newPlot(x, y string) *plot.Plot {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = x, y
	for _, s := range []*text.Style{&p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle} {
		s.Font.Variant, s.Font.Size = "Sans", vg.Points(10)
	}
	p.X.Label.Padding, p.Y.Label.Padding = vg.Points(6), vg.Points(6)
	p.Legend.Padding, p.Legend.XOffs, p.Legend.YOffs = vg.Points(2), -vg.Points(8), vg.Points(8)
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = color.Gray{225}, color.Gray{225}
	p.Add(grid)
	return p
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

// legend pads a name, for browsers with a font wider than the one measured here.
func legend(name string) string { return name + strings.Repeat(" ", 3+len(name)/2) }

func constant(r vg.Length) func(int) vg.Length { return func(int) vg.Length { return r } }

// diagonal is the line of chance, or of perfect calibration.
func diagonal() *plotter.Line {
	l := &plotter.Line{XYs: plotter.XYs{{X: 0, Y: 0}, {X: 1, Y: 1}}}
	l.Color, l.Width, l.Dashes = pale, vg.Points(1), []vg.Length{vg.Points(4), vg.Points(3)}
	return l
}

func square(p *plot.Plot) {
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
}

// span is points with bars from Low to High.
type span struct{ points []head.CurvePoint }

func (s span) Len() int { return len(s.points) }
func (s span) XY(i int) (x, y float64) {
	return float64(s.points[i].Rows), s.points[i].Accuracy
}

func (s span) YError(i int) (low, high float64) {
	return s.points[i].Accuracy - s.points[i].Low, s.points[i].High - s.points[i].Accuracy
}

func (d Data) learning() (*plot.Plot, error) {
	p := newPlot("training images", "accuracy")
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, sizeTicks(d.Learning)
	var points plotter.XYs
	for _, c := range d.Learning {
		points = append(points, plotter.XY{X: float64(c.Rows), Y: c.Accuracy})
	}
	l, err := line(points, colours[0])
	if err != nil {
		return nil, err
	}
	marks, err := circles(points, colours[0], constant(vg.Points(2.5)))
	if err != nil {
		return nil, err
	}
	bars, err := plotter.NewYErrorBars(span{d.Learning})
	if err != nil {
		return nil, err
	}
	bars.Color = colours[0]
	p.Add(l, marks, bars)
	p.X.Min, p.X.Max = 0.9*points[0].X, 1.1*points[len(points)-1].X
	return p, nil
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

// MostCurves is the number of curves that can be told apart.
const MostCurves = 7

func (d Data) roc() (*plot.Plot, error) {
	p := newPlot("false positive rate", "true positive rate")
	p.Add(diagonal())
	for i, c := range d.ROC[:min(MostCurves, len(d.ROC))] {
		points := make(plotter.XYs, len(c.Points))
		for k, xy := range c.Points {
			points[k] = plotter.XY{X: xy[0], Y: xy[1]}
		}
		l, err := line(points, colours[i])
		if err != nil {
			return nil, err
		}
		p.Add(l)
		p.Legend.Add(legend(c.Name), l)
	}
	square(p)
	p.Legend.Top = false
	return p, nil
}

func (d Data) calibration() (*plot.Plot, error) {
	p := newPlot("probability", "accuracy")
	var points plotter.XYs
	var counts []int
	for _, b := range d.Metrics.Calibration {
		if b.N > 0 {
			points = append(points, plotter.XY{X: b.Confidence, Y: b.Accuracy})
			counts = append(counts, b.N)
		}
	}
	marks, err := circles(points, colours[0], func(i int) vg.Length {
		return vg.Points(2 + 7*math.Sqrt(float64(counts[i])/float64(d.Metrics.N)))
	})
	if err != nil {
		return nil, err
	}
	p.Add(diagonal(), marks)
	square(p)
	return p, nil
}

func (d Data) path() (*plot.Plot, error) {
	p := newPlot("lambda", "log loss")
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, lambdaTicks(d.Training.Path)
	var points, chosen plotter.XYs
	for _, c := range d.Training.Path {
		xy := plotter.XY{X: c.Lambda, Y: c.LogLoss}
		points = append(points, xy)
		if c.Lambda == d.Training.Lambda {
			chosen = append(chosen, xy)
		}
	}
	return p, lineWithMark(p, "", points, chosen, colours[0])
}

func lambdaTicks(path []head.PathPoint) plot.Ticker {
	var ticks plot.ConstantTicks
	for _, c := range path {
		ticks = append(ticks, plot.Tick{Value: c.Lambda, Label: fmt.Sprintf("%g", c.Lambda)})
	}
	return ticks
}

func (d Data) epochs() (*plot.Plot, error) {
	p := newPlot("epoch", "log loss")
	var train, validation, chosen plotter.XYs
	for _, e := range d.Training.Epochs {
		train = append(train, plotter.XY{X: float64(e.Epoch), Y: e.TrainLoss})
		xy := plotter.XY{X: float64(e.Epoch), Y: e.LogLoss}
		validation = append(validation, xy)
		if e.Epoch == d.Training.BestEpoch {
			chosen = append(chosen, xy)
		}
	}
	p.Y.Min = 0
	p.Legend.Top, p.Legend.YOffs = true, -p.Legend.YOffs
	p.X.Tick.Marker = wholeTicks{}
	if err := lineWithMark(p, "training", train, nil, colours[1]); err != nil {
		return nil, err
	}
	return p, lineWithMark(p, "validation", validation, chosen, colours[0])
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

func lineWithMark(p *plot.Plot, name string, points, chosen plotter.XYs, c color.Color) error {
	l, err := line(points, c)
	if err != nil {
		return err
	}
	p.Add(l)
	if name != "" {
		p.Legend.Add(legend(name), l)
	}
	if len(chosen) == 0 {
		return nil
	}
	mark, err := circles(chosen, c, constant(vg.Points(4)))
	if err != nil {
		return err
	}
	p.Add(mark)
	return nil
}
