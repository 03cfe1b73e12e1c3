package report

import (
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"sync"

	"fovea/head"
	"fovea/internal/look"
	"fovea/internal/text"
)

//go:embed page.html
var page string

// functions are those of all pages' templates, beside look's.
var functions = template.FuncMap{
	"percent": func(v float64) string { return fmt.Sprintf("%.2f %%", 100*v) },
	"short":   func(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) },
	"number":  func(v float64) string { return fmt.Sprintf("%.4f", v) },
	"dataURI": dataURI,
	"pngURI": func(png []byte) template.URL {
		return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png))
	}, // base64 only
	"dot":      func(i int) template.CSS { return template.CSS(fmt.Sprintf("--is:var(--c%d)", i%len(look.Palette))) }, // a number only
	"conflict": conflict,
	"some":     text.Some,
}

var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(look.Template("page", page, functions))
})

// mostInPage is the number of classes, and of pairs of classes, that a page lists of many.
const mostInPage = 20

// shownFigure is a plot with its place in the page.
type shownFigure struct {
	SVG, Key template.HTML
	Caption  string
}

// writePageOf writes the page of a report.
func writePageOf(w io.Writer, data Data, figures []shownFigure) error {
	cells := cellsOf(data)
	matrix, err := confusionPNG(data.Metrics.Confusion)
	if err != nil {
		return err
	}
	return pageTemplate().Execute(w, struct {
		Data
		Figures []shownFigure
		Matrix  [][]cell // nil for a list of the worst
		Pairs   []cell
		Shown   []cell // those with examples
		Picture []byte
		Worst   []head.ClassMetrics
	}{data, figures, cells.matrix, cells.pairs, cells.withExamples(), matrix, worst(data.Metrics, mostInPage)})
}
