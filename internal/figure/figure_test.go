package figure

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"fovea/internal/look"
)

// sample is a line in the first class's colour with a dashed one, and names with markup in them.
func sample(t *testing.T) Figure {
	t.Helper()
	p := New("x & <y>", "rate")
	for _, y := range []float64{1, 2} {
		l, err := plotter.NewLine(plotter.XYs{{X: 0, Y: 0}, {X: 4, Y: y}})
		if err != nil {
			t.Fatal(err)
		}
		l.Color = ClassColour(0)
		p.Add(l)
	}
	return Figure{Plot: p, Key: []Entry{{Name: "<b>cat</b>", Colour: ClassColour(0)}, {Name: "chance", Colour: Quiet, Dashes: Dashes[1]}, {Name: "dots", Colour: Faint(Mark), Dashes: Dashes[2]}}}
}

// The data's area has its proportions whatever the labels and the key take.
func TestAspect(t *testing.T) {
	for _, aspect := range []float64{0.5, 1} {
		for _, withKey := range []bool{false, true} {
			f := sample(t)
			f.Aspect = aspect
			w, h, k := f.measure(withKey)
			area := f.Plot.DataCanvas(draw.Crop(draw.Canvas{Rectangle: vg.Rectangle{Max: vg.Point{X: w, Y: h}}}, margin, -2*margin, margin+k.height, -margin)).Size()
			if got := float64(area.Y / area.X); math.Abs(got-aspect) > 1e-9 || w != defaultWidth {
				t.Errorf("the area is %v, %g of its width high, in a picture %v wide; want %g", area, got, w, aspect)
			}
			if withKey == (k.height == 0) {
				t.Errorf("with a key (%v) it is %v high", withKey, k.height)
			}
		}
	}
}

func TestOneScale(t *testing.T) {
	for _, of := range [][2]float64{{10, 1}, {1, 10}, {0.001, 7}} {
		p := plot.New()
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, of[0], 0, of[1]
		oneScale(p, 0.75)
		x, y := p.X.Max-p.X.Min, p.Y.Max-p.Y.Min
		if math.Abs(y/x-0.75) > 1e-9 || p.X.Min > 0 || p.X.Max < of[0] || p.Y.Min > 0 || p.Y.Max < of[1] {
			t.Errorf("%v: the axes have %g to %g and %g to %g", of, p.X.Min, p.X.Max, p.Y.Min, p.Y.Max)
		}
		again := p.X.Max
		if oneScale(p, 0.75); math.Abs(p.X.Max-again) > 1e-9 {
			t.Errorf("%v: a second time changes the axes", of)
		}
	}
}

// In a page a figure has the page's colours and fonts only.
func TestInline(t *testing.T) {
	f := sample(t)
	html, err := f.Inline(`1 < 2 "quoted"`)
	if err != nil {
		t.Fatal(err)
	}
	svg := string(html)
	for _, want := range []string{`<svg role="img" aria-label="1 &lt; 2 &#34;quoted&#34;" viewBox=`, "var(--c0)", "var(--ink)", "var(--quiet)", "var(--line)", "font-family:var(--font)", "x &amp; &lt;y&gt;"} {
		if !strings.Contains(svg, want) {
			t.Errorf("the drawing lacks %q", want)
		}
	}
	if found := hexes().FindString(svg); found != "" || strings.Contains(svg, "<?xml") || strings.Contains(svg, "cat") || strings.Contains(svg, "Liberation") {
		t.Errorf("the drawing has a colour of its own (%q), a document type, its key or a font of its own", found)
	}
	const want = `<ul class="key"><li><i style="--is:var(--c0)"></i>&lt;b&gt;cat&lt;/b&gt;</li><li><i style="--is:var(--quiet);border-top-style:dashed"></i>chance</li><li><i style="--is:var(--mark);border-top-style:dotted"></i>dots</li></ul>`
	if got := string(f.KeyOf()); got != want {
		t.Errorf("the key is %s", got)
	}
	if got := (Figure{}).KeyOf(); got != "" {
		t.Errorf("no key is %s", got)
	}
}

// As a file it is a whole document, whose colours change with the reader's mode.
func TestSVG(t *testing.T) {
	svg, err := sample(t).SVG()
	if err != nil {
		t.Fatal(err)
	}
	for decoder := xml.NewDecoder(bytes.NewReader(svg)); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, role := range []look.Role{look.Ink, look.Paper, look.Line} {
		found := false
		for line := range strings.SplitSeq(string(svg), "\n") {
			selector, rule, isRule := strings.Cut(strings.TrimPrefix(line, `[style*="`), `"]{`)
			if isRule && strings.HasSuffix(rule, ":"+role.Dark+"!important}") {
				found = true
				if strings.Count(string(svg), selector) < 2 {
					t.Errorf("nothing is drawn in %s", selector)
				}
			}
		}
		if !found {
			t.Errorf("%s stays %s in the dark", role.Name, role.Light)
		}
	}
	if !strings.Contains(string(svg), "&lt;b&gt;cat&lt;/b&gt;") {
		t.Error("the key is not in the file")
	}
}

// What names hide is shown.
func TestHiddenNames(t *testing.T) {
	f := sample(t)
	f.Plot.Title.Text, f.Key[0].Name = "a\u202eb", "c\u200bd"
	svg, err := f.SVG()
	if err != nil {
		t.Fatal(err)
	}
	inline, err := f.Inline("e\u202ef")
	if err != nil {
		t.Fatal(err)
	}
	all := string(svg) + string(inline) + string(f.KeyOf())
	if strings.ContainsAny(all, "\u202e\u200b") {
		t.Errorf("the drawing hides something: %q", all)
	}
	for _, name := range []string{`a\u202eb`, `c\u200bd`, `e\u202ef`} {
		if !strings.Contains(all, name) {
			t.Errorf("the drawing does not show %s", name)
		}
	}
}

// A key has a place for every name below the plot, and no name is wider than the picture.
func TestKey(t *testing.T) {
	var all []Entry
	for i := range 100 {
		all = append(all, Entry{Name: fmt.Sprint("class ", i), Colour: ClassColour(i)})
	}
	all = append(all, Entry{Name: strings.Repeat("long name ", 40)}, Entry{Name: "\xff" + strings.Repeat("ä", 500)})
	const width = vg.Length(288)
	k := layOut(all, width)
	right, y := vg.Length(0), vg.Length(0)
	for i, e := range k.entries {
		if e.y == y && e.x < right || e.y < y || e.y > k.height {
			t.Fatalf("entry %d is at %v, %v beside one that ends at %v, %v", i, e.x, e.y, right, y)
		}
		if right, y = e.x+sampleWidth+sampleGap+k.style.Width(e.Name), e.y; right > width {
			t.Errorf("entry %d ends at %v of %v", i, right, width)
		}
	}
	if last := k.entries[100].Name; len(k.entries) != 102 || !strings.HasPrefix(last, "long name long") || !strings.HasSuffix(last, "...") {
		t.Errorf("%d entries, a long one as %q", len(k.entries), last)
	}
	f := sample(t)
	f.Key = all
	content, err := f.PNG(0)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(content))
	if err != nil || img.Bounds().Dx() != 800 || img.Bounds().Dy() < 1500 {
		t.Errorf("the picture is %v, %v", img.Bounds(), err)
	}
}

// A name is cut to as much as fits, without measuring it at every length: a name may be as long as a file.
func TestCut(t *testing.T) {
	k := layOut([]Entry{{Name: "any"}}, 288)
	for _, name := range []string{"w", "short", "犬と猫と鳥の長い名前", strings.Repeat("iw", 1000)} {
		for width := vg.Length(12); width < 400; width += 7 {
			cut := k.cut(name, width)
			begin, shortened := strings.CutSuffix(cut, "...")
			if !shortened && cut != name || !strings.HasPrefix(name, begin) || cut != "..." && spare*k.style.Width(cut) > width {
				t.Errorf("%.20s within %v: %q", name, width, cut)
			}
			if letters := []rune(name); shortened {
				if more := string(letters[:len([]rune(begin))+1]) + "..."; spare*k.style.Width(more) <= width {
					t.Errorf("%.20s within %v: %q, though %q fits", name, width, cut, more)
				}
			}
		}
	}
	long := strings.Repeat("name", 500)
	if n := testing.AllocsPerRun(1, func() { k.cut(long, 288) }); n > 500 {
		t.Errorf("a long name is cut in %v allocations", n)
	}
}
