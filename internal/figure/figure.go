package figure

import (
	"bytes"
	"image/color"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"fovea/internal/look"
	"fovea/internal/spelling"
)

// Figure is a plot with its key.
type Figure struct {
	Plot *plot.Plot
	Key  []Entry
	// Width is that of the picture, 300 points by default, which is what a telephone shows without shrinking texts.
	Width vg.Length
	// Aspect is the height of the data's area by its width, 0.7 by default. A square has 1.
	Aspect float64
	// OneScale widens the shorter axis until both have the same scale, for distances that mean something.
	OneScale bool
}

// Entry is a line of a key.
type Entry struct {
	Name   string
	Colour color.Color
	Dashes []vg.Length
	// Glyph is the shape of points, nil for a line.
	Glyph draw.GlyphDrawer
}

const (
	defaultWidth  = vg.Length(300) // points
	defaultAspect = 0.7
	margin        = vg.Length(6)
	// dotsPerInch make a default picture 800 pixels wide.
	dotsPerInch = 192
)

// Colours of drawings on light paper.
var (
	Ink, Quiet, Line, Mark = opaque(look.Ink.Light), opaque(look.Quiet.Light), opaque(look.Line.Light), opaque(look.Mark.Light)
)

// Dashes are patterns of lines: the first is unbroken.
var Dashes = [][]vg.Length{nil, {5, 2.5}, {1.5, 2}, {7, 2, 1.5, 2}}

func opaque(hex string) color.NRGBA {
	v, err := strconv.ParseUint(hex[1:], 16, 24)
	if err != nil {
		return color.NRGBA{A: 255} // look's tests see to it that this is a colour
	}
	return color.NRGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 255}
}

// ClassColour is the colour of a class by its place among all classes, from 0; after the last one they begin again.
func ClassColour(i int) color.NRGBA { return opaque(look.Palette[i%len(look.Palette)]) }

// Faint is a colour for areas behind lines of that colour.
func Faint(c color.NRGBA) color.NRGBA { c.A = 46; return c }

// New is a plot with fovea's fonts, axes and grid.
func New(x, y string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	p.Title.Padding = vg.Points(8)
	p.X.Label.Text, p.Y.Label.Text = x, y
	p.X.Label.Padding, p.Y.Label.Padding = vg.Points(5), vg.Points(5)
	for _, s := range []*text.Style{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label} {
		s.Font.Variant, s.Font.Size, s.Color = "Sans", vg.Points(10), Ink
	}
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Color, a.Tick.Color = Quiet, Quiet
	}
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = Line, Line
	p.Add(grid)
	return p
}

// PNG is the figure with its key on white.
func (f Figure) PNG(dpi int) ([]byte, error) {
	if dpi == 0 {
		dpi = dotsPerInch
	}
	w, h, keyed := f.measure(true)
	c := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(dpi))}
	f.draw(draw.New(c), keyed)
	var out bytes.Buffer
	_, err := c.WriteTo(&out)
	return out.Bytes(), err
}

// svg is the figure as gonum writes it, on nothing.
func (f Figure) svg(withKey bool) ([]byte, error) {
	w, h, keyed := f.measure(withKey)
	c := vgsvg.New(w, h)
	if withKey {
		c.SetColor(opaque(look.Paper.Light))
		c.Fill(draw.New(c).Path())
	}
	f.draw(draw.New(c), keyed)
	var out bytes.Buffer
	_, err := c.WriteTo(&out)
	return out.Bytes(), err
}

func (f Figure) draw(c draw.Canvas, k key) {
	f.Plot.Title.Text = spelling.Line(f.Plot.Title.Text)
	above := draw.Crop(c, margin, -2*margin, margin+k.height, -margin) // labels and marks at the ends of axes extend beyond them
	f.Plot.Draw(above)
	k.draw(draw.Crop(c, margin, -margin, margin, 0))
}

// measure is the size of the picture in which the data's area has its proportions, and the key laid out in it.
func (f Figure) measure(withKey bool) (w, h vg.Length, k key) {
	w = f.Width
	if w == 0 {
		w = defaultWidth
	}
	aspect := f.Aspect
	if aspect == 0 {
		aspect = defaultAspect
	}
	if withKey {
		k = layOut(f.Key, w-2*margin)
	}
	h = w
	data := f.Plot.DataCanvas(draw.Crop(draw.Canvas{Rectangle: vg.Rectangle{Max: vg.Point{X: w, Y: h}}}, margin, -2*margin, margin, -margin))
	size := data.Size()
	if f.OneScale {
		oneScale(f.Plot, aspect)
	}
	return w, h + vg.Length(aspect)*size.X - size.Y + k.height, k
}

// oneScale widens the range of an axis around its middle, so that a unit of both is equally long.
func oneScale(p *plot.Plot, aspect float64) {
	x, y := p.X.Max-p.X.Min, p.Y.Max-p.Y.Min
	if more := (y/aspect - x) / 2; more > 0 {
		p.X.Min, p.X.Max = p.X.Min-more, p.X.Max+more
	} else {
		more = (x*aspect - y) / 2
		p.Y.Min, p.Y.Max = p.Y.Min-more, p.Y.Max+more
	}
}
