package scatterplot

import (
	"cmp"
	"fmt"
	"image/color"
	"io"
	"maps"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	_ "gonum.org/v1/plot/vg/vgimg" // PNG
	_ "gonum.org/v1/plot/vg/vgsvg" // SVG
)

// Point is a point with its label, "" for none.
type Point struct {
	X, Y  float64
	Label string
}

// Options say how to draw points.
type Options struct {
	// Title is the heading, X and Y are the names of the axes.
	Title, X, Y string
}

// palette is that of Okabe and Ito, whose colours people with colour blindness can tell apart, without the
// yellow, which is hard to see on white.
var palette = []color.NRGBA{
	{0, 114, 178, 150}, {213, 94, 0, 150}, {0, 158, 115, 150}, {204, 121, 167, 150}, {86, 180, 233, 150}, {230, 159, 0, 150}, {90, 60, 20, 150},
}

var shapes = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.TriangleGlyph{}, draw.SquareGlyph{}}

const (
	// maxLabels is the number of labels with a colour and shape of their own; the others are grey.
	maxLabels     = 21
	width, height = 9 * vg.Inch, 7 * vg.Inch
	other         = "other"
	unlabelled    = "(no label)"
)

// Write draws the points to w in the format "png" (864 x 672 pixels) or "svg". The legend lists the most frequent
// labels with their numbers of points, the others together.
func Write(w io.Writer, format string, points []Point, options Options) error {
	if format != "png" && format != "svg" {
		return fmt.Errorf("scatter plot: unknown format %q: use png or svg", format)
	}
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = options.Title, options.X, options.Y
	p.Title.Padding = vg.Points(8)
	p.Legend.Top = true
	p.Legend.Left = false
	p.Legend.Padding = vg.Points(2)
	p.Add(plotter.NewGrid())
	for i, g := range byLabel(points) {
		s, err := plotter.NewScatter(g.points)
		if err != nil {
			return fmt.Errorf("scatter plot: %w", err)
		}
		s.Radius = vg.Points(2.5)
		s.Color, s.Shape = color.NRGBA{150, 150, 150, 150}, shapes[0]
		if g.label != other && g.label != unlabelled {
			s.Color, s.Shape = palette[i%len(palette)], shapes[i/len(palette)%len(shapes)]
		}
		p.Add(s)
		p.Legend.Add(fmt.Sprintf("%s (%d)", g.label, len(g.points)), s)
	}
	p.X.Padding, p.Y.Padding = vg.Points(6), vg.Points(6)
	canvas, err := p.WriterTo(width, height, format)
	if err != nil {
		return fmt.Errorf("scatter plot: %w", err)
	}
	if _, err := canvas.WriteTo(w); err != nil {
		return fmt.Errorf("scatter plot: %w", err)
	}
	return nil
}

type group struct {
	label  string
	points plotter.XYs
}

// byLabel groups points by their labels, the most frequent label first.
func byLabel(points []Point) []group {
	counts := map[string]int{}
	for _, p := range points {
		counts[p.Label]++
	}
	labels := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], cmp.Compare(a, b))
	})
	labels = slices.DeleteFunc(labels, func(l string) bool { return l == "" })
	var groups []group
	place := map[string]int{}
	for _, l := range labels[:min(len(labels), maxLabels)] {
		place[l] = len(groups)
		groups = append(groups, group{label: l})
	}
	rest := map[string]*group{other: {label: other}, unlabelled: {label: unlabelled}}
	for _, p := range points {
		xy := plotter.XY{X: p.X, Y: p.Y}
		if at, ok := place[p.Label]; ok {
			groups[at].points = append(groups[at].points, xy)
			continue
		}
		name := other
		if p.Label == "" {
			name = unlabelled
		}
		rest[name].points = append(rest[name].points, xy)
	}
	for _, name := range []string{other, unlabelled} {
		if len(rest[name].points) > 0 {
			groups = append(groups, *rest[name])
		}
	}
	return groups
}
