package figure

import (
	"bytes"
	"fmt"
	"html/template"
	"image/color"
	"strings"

	"fovea/internal/lazy"
	"fovea/internal/look"
	"fovea/internal/spelling"
)

// hexes are the colours in what gonum writes.
var hexes = lazy.Regexp(`(fill|stroke):(#[0-9A-F]{6})`)

// sized is the start of the element, whose sizes are in points.
var sized = lazy.Regexp(`<svg width="[^"]*" height="[^"]*"`)

const gonumFont = "font-family:Liberation Sans;"

// near says whether a colour is that of hex but for the rounding of what writes it.
func near(c color.NRGBA, hex string) bool {
	o := opaque(hex)
	within := func(a, b uint8) bool { return a-b <= 2 || b-a <= 2 }
	return within(c.R, o.R) && within(c.G, o.G) && within(c.B, o.B)
}

// Inline is the figure for a page that has look.CSS, in the page's fonts and colours, without its key (see KeyOf). What
// it shows is in the words of about, for those who do not see it.
func (f Figure) Inline(about string) (template.HTML, error) {
	svg, err := f.svg(false)
	if err != nil {
		return "", err
	}
	if at := bytes.Index(svg, []byte("<svg")); at > 0 {
		svg = svg[at:] // a page cannot contain a second document type
	}
	svg = hexes().ReplaceAllFunc(svg, func(found []byte) []byte {
		name, hex, _ := strings.Cut(string(found), ":")
		return []byte(name + ":" + property(opaque(strings.ToLower(hex))))
	})
	svg = bytes.ReplaceAll(svg, []byte(gonumFont), []byte("font-family:var(--font);"))
	start := fmt.Sprintf(`<svg role="img" aria-label="%s"`, template.HTMLEscapeString(spelling.Line(about)))
	svg = sized().ReplaceAllLiteral(svg, []byte(start))
	return template.HTML(svg), nil // drawn here, with escaped texts
}

// property is a colour as a page's style sheet knows it.
func property(c color.NRGBA) string {
	for _, r := range look.Roles {
		if near(c, r.Light) {
			return "var(--" + r.Name + ")"
		}
	}
	for i, hex := range look.Palette {
		if near(c, hex) {
			return fmt.Sprintf("var(--c%d)", i)
		}
	}
	return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B)
}

// SVG is the figure with its key as a file of its own. Viewers that know about light and dark mode follow the reader's;
// the others show it on white.
func (f Figure) SVG() ([]byte, error) {
	svg, err := f.svg(true)
	if err != nil {
		return nil, err
	}
	// Where the plot's font is not installed, fonts of the same widths are better than wider ones.
	svg = bytes.ReplaceAll(svg, []byte(gonumFont), []byte("font-family:Liberation Sans,Arimo,Arial,Helvetica,sans-serif;"))
	var style strings.Builder
	seen := map[string]bool{}
	for _, found := range hexes().FindAllStringSubmatch(string(svg), -1) {
		for _, r := range look.Roles {
			if near(opaque(strings.ToLower(found[2])), r.Light) && !seen[found[0]] {
				seen[found[0]] = true
				fmt.Fprintf(&style, "[style*=%q]{%s:%s!important}\n", found[0], found[1], r.Dark)
			}
		}
	}
	at := bytes.Index(svg, []byte("<g "))
	dark := "<style>@media (prefers-color-scheme: dark) {\n" + style.String() + "}</style>\n"
	return append(svg[:at:at], append([]byte(dark), svg[at:]...)...), nil
}

// KeyOf is a figure's key for a page that has look.CSS, a list.
func (f Figure) KeyOf() template.HTML {
	if len(f.Key) == 0 {
		return ""
	}
	var out strings.Builder
	out.WriteString(`<ul class="key">`)
	for _, e := range f.Key {
		c, _ := color.NRGBAModel.Convert(e.Colour).(color.NRGBA)
		line := ""
		if e.Dashes != nil {
			line = ";border-top-style:dashed"
			if e.Dashes[0] < 2 {
				line = ";border-top-style:dotted"
			}
		}
		fmt.Fprintf(&out, `<li><i style="--is:%s%s"></i>%s</li>`, property(c), line, template.HTMLEscapeString(spelling.Name(e.Name)))
	}
	out.WriteString("</ul>")
	return template.HTML(out.String()) // escaped above
}
