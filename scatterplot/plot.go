package scatterplot

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"

	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"

	"fovea/internal/figure"
	"fovea/internal/look"
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

var shapes = []vgdraw.GlyphDrawer{vgdraw.CircleGlyph{}, vgdraw.TriangleGlyph{}, vgdraw.SquareGlyph{}}

const (
	// maxLabels is the number of labels with a colour and shape of their own; the others are grey.
	maxLabels  = 21
	width      = 432 * vg.Length(1) // points
	other      = "other"
	unlabelled = "(no label)"
)

// Write draws the points to w in the format "png" (1,152 pixels wide, on white) or "svg" (which follows the reader's dark
// mode). The key below lists the most frequent labels in their order, with their numbers of points, the others together.
func Write(w io.Writer, format string, points []Point, options Options) error {
	if format != "png" && format != "svg" {
		return fmt.Errorf("scatter plot: unknown format %q: use png or svg", format)
	}
	f, err := draw(points, options)
	if err != nil {
		return fmt.Errorf("scatter plot: %w", err)
	}
	var drawn []byte
	if format == "svg" {
		drawn, err = f.SVG()
	} else {
		drawn, err = f.PNG(0)
	}
	if err != nil {
		return fmt.Errorf("scatter plot: %w", err)
	}
	if _, err := w.Write(drawn); err != nil {
		return fmt.Errorf("scatter plot: %w", err)
	}
	return nil
}

// draw draws the points so that distances in both directions mean the same.
func draw(points []Point, options Options) (figure.Figure, error) {
	p := figure.New(options.X, options.Y)
	p.Title.Text = options.Title
	p.X.Padding, p.Y.Padding = vg.Points(6), vg.Points(6)
	f := figure.Figure{Plot: p, Width: width, Aspect: 0.75, OneScale: true}
	for i, g := range byLabel(points) {
		s, err := plotter.NewScatter(g.points)
		if err != nil {
			return f, err
		}
		s.Radius = vg.Points(2.5)
		colour, shape := figure.Quiet, shapes[0]
		if g.label != other && g.label != unlabelled {
			colour, shape = figure.ClassColour(i), shapes[i/len(look.Palette)%len(shapes)]
		}
		s.Shape = shape
		f.Key = append(f.Key, figure.Entry{Name: fmt.Sprintf("%s (%d)", g.label, len(g.points)), Colour: colour, Glyph: shape})
		colour.A = 170
		s.Color = colour
		p.Add(s)
	}
	return f, nil
}

type group struct {
	label  string
	points plotter.XYs
}

// byLabel groups points by their labels in their order, those of labels that are not among the most frequent together.
func byLabel(points []Point) []group {
	counts := map[string]int{}
	for _, p := range points {
		counts[p.Label]++
	}
	labels := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], cmp.Compare(a, b))
	})
	labels = slices.DeleteFunc(labels, func(l string) bool { return l == "" })
	labels = labels[:min(len(labels), maxLabels)]
	slices.Sort(labels) // so that each has the colour that it has as a class of a head
	var groups []group
	place := map[string]int{}
	for _, l := range labels {
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
