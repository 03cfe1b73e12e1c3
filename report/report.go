package report

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"fovea/head"
	"fovea/internal/output"
	"fovea/internal/text"
)

// Data is what a report shows. Empty parts are left out.
type Data struct {
	// Title is the page's heading.
	Title string
	// Facts and Settings are tables: the data and the head, and how it was trained.
	Facts, Settings []Fact
	// Metrics are measured on images that were not trained on.
	Metrics head.Metrics
	// Training has the results of the cross-validation, or of the epochs.
	Training head.Report
	// ROC has curves of the true against the false positive rate, at most MostCurves. ROCNote says which classes they are of.
	ROC     []Curve
	ROCNote string
	// Learning is the accuracy by the number of training images.
	Learning []head.CurvePoint
	// Mistakes are the images that were assigned to a wrong class, the most confident first.
	Mistakes []Mistake
}

// Fact is a row of a table.
type Fact struct{ Name, Value string }

// Curve is a named line of x, y points.
type Curve struct {
	Name   string
	Points [][2]float64
}

// Mistake is an image that was assigned to a wrong class.
type Mistake struct {
	Path, Truth, Taken string
	// Probability is that of the wrong class, Taken, 0 to 1.
	Probability float64
	// Thumbnail is a small JPEG; empty if the image is not available.
	Thumbnail []byte
}

// Sizes of the plots. In the page they shrink with the window.
const (
	plotWidth  = 14 * vg.Centimeter
	plotHeight = 10.5 * vg.Centimeter
	margin     = 0.3 * vg.Centimeter
)

//go:embed page.html
var page string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"percent": func(v float64) string { return fmt.Sprintf("%.2f %%", 100*v) },
	"number":  func(v float64) string { return fmt.Sprintf("%.4f", v) },
	"dataURI": dataURI,
	"cell":    cellColour,
	"some":    text.Some,
	"first":   func(n int, all []head.Confused) []head.Confused { return all[:min(n, len(all))] },
}).Parse(page))

// mostInPage is the number of classes that a page lists of many.
const mostInPage = 20

// figure is a plot with its place in the page.
type figure struct {
	Name, Caption string
	SVG           template.HTML
	plot          func() (*plot.Plot, error)
}

// Write writes report.html and the plots to dir, which it makes if necessary, and returns their paths.
// It replaces files of these names.
func Write(dir string, data Data) ([]string, error) {
	if data.Metrics.N == 0 || len(data.Metrics.Classes) < 2 {
		return nil, errors.New("report: there are no metrics to show")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("report: make the directory: %w", err)
	}
	var files []string
	var all output.Files
	defer all.Discard()
	write := func(name string, content []byte) error {
		name = filepath.Join(dir, name)
		if err := all.Write(name, func(w io.Writer) error { _, err := w.Write(content); return err }); err != nil {
			return fmt.Errorf("report: %w", err)
		}
		files = append(files, name)
		return nil
	}
	figures := data.figures()
	for i := range figures {
		f := &figures[i]
		p, err := f.plot()
		if err != nil {
			return nil, fmt.Errorf("report: draw %s: %w", f.Name, err)
		}
		svg, err := render(p, "svg")
		if err != nil {
			return nil, fmt.Errorf("report: draw %s: %w", f.Name, err)
		}
		if at := bytes.Index(svg, []byte("<svg")); at > 0 {
			svg = svg[at:] // a page cannot contain a second document type
		}
		// Where the plot's font is not installed, fonts of the same widths are better than wider ones.
		svg = bytes.ReplaceAll(svg, []byte("font-family:Liberation Sans;"), []byte("font-family:Liberation Sans,Arimo,Arial,Helvetica,sans-serif;"))
		f.SVG = template.HTML(svg) // drawn here, with escaped texts
		png, err := render(p, "png")
		if err != nil {
			return nil, fmt.Errorf("report: draw %s: %w", f.Name, err)
		}
		if err := write(f.Name+".png", png); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, struct {
		Data
		Figures []figure
		Matrix  bool // else a list of the worst
		Worst   []head.ClassMetrics
	}{data, figures, len(data.Metrics.Classes) <= head.MostInMatrix, worst(data.Metrics, mostInPage)}); err != nil {
		return nil, fmt.Errorf("report: write the page: %w", err)
	}
	if err := write("report.html", out.Bytes()); err != nil {
		return nil, err
	}
	if err := all.Commit(); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return files, nil
}

func render(p *plot.Plot, format string) ([]byte, error) {
	c, err := draw.NewFormattedCanvas(plotWidth, plotHeight, format)
	if err != nil {
		return nil, err
	}
	// Labels and marks at the ends of the axes extend beyond them.
	p.Draw(draw.Crop(draw.New(c), margin, -2*margin, margin, -margin))
	var out bytes.Buffer
	_, err = c.WriteTo(&out)
	return out.Bytes(), err
}

// cellColour shades a cell of the confusion matrix by its share of the row: blue if right, red if
// wrong.
func cellColour(row []int, i, j int) template.CSS {
	sum := 0
	for _, n := range row {
		sum += n
	}
	if sum == 0 {
		return ""
	}
	part, rgb := float64(row[j])/float64(sum), "205,70,50"
	if i == j {
		rgb = "60,110,180"
	}
	return template.CSS(fmt.Sprintf("background:rgba(%s,%.2f)", rgb, 0.75*part)) // numbers only
}
