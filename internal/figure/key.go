package figure

import (
	"sort"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"fovea/internal/spelling"
)

// key is a figure's key below its plot, laid out in lines.
type key struct {
	entries []placed
	height  vg.Length
	style   draw.TextStyle
}

type placed struct {
	Entry
	x, y vg.Length // of the sample's middle, from the top left
}

const (
	sampleWidth = vg.Length(16)
	sampleGap   = vg.Length(5)
	entryGap    = vg.Length(14)
	keyLine     = vg.Length(15)
	keyAbove    = vg.Length(6)
	// spare is for browsers with fonts wider than the one that is measured here.
	spare = 1.1
)

// layOut places the entries of a key in a width, as words are in lines. A name that is too long for a line is cut.
func layOut(entries []Entry, width vg.Length) key {
	k := key{style: plot.New().Legend.TextStyle}
	k.style.Font.Variant, k.style.Font.Size, k.style.Color = "Sans", vg.Points(10), Ink
	if len(entries) == 0 {
		return k
	}
	x, y := vg.Length(0), keyAbove
	for _, e := range entries {
		room := width - sampleWidth - sampleGap
		e.Name = k.cut(spelling.Name(e.Name), room)
		w := sampleWidth + sampleGap + spare*k.style.Width(e.Name)
		if x > 0 && x+w > width {
			x, y = 0, y+keyLine
		}
		k.entries = append(k.entries, placed{e, x, y + keyLine/2})
		x += w + entryGap
	}
	k.height = y + keyLine + margin/2
	return k
}

// cut shortens a name to a width. Measuring takes the longer the longer a name is, so few lengths are tried.
func (k *key) cut(name string, width vg.Length) string {
	fits := func(text string) bool { return spare*k.style.Width(text) <= width }
	name = strings.ToValidUTF8(name, "\uFFFD")
	if fits(name) {
		return name
	}
	letters := []rune(name)
	shown := func(n int) string { return string(letters[:n]) + "..." }
	long := 1
	for long < len(letters) && fits(shown(long)) {
		long *= 2
	}
	return shown(max(0, sort.Search(min(long, len(letters)), func(n int) bool { return !fits(shown(n)) })-1))
}

func (k *key) draw(c draw.Canvas) {
	for _, e := range k.entries {
		x, y := c.Min.X+e.x, c.Min.Y+k.height-e.y
		if e.Glyph != nil {
			c.DrawGlyph(draw.GlyphStyle{Color: e.Colour, Radius: vg.Points(3.5), Shape: e.Glyph}, vg.Point{X: x + sampleWidth/2, Y: y})
		} else {
			c.StrokeLine2(draw.LineStyle{Color: e.Colour, Width: vg.Points(2), Dashes: e.Dashes}, x, y, x+sampleWidth, y)
		}
		style := k.style
		style.YAlign = draw.YCenter
		c.FillText(style, vg.Point{X: x + sampleWidth + sampleGap, Y: y}, e.Name)
	}
}
