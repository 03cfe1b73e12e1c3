package report

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"fovea/head"
	"fovea/internal/output"
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
	// Examples are images of cells of the confusion matrix, in the order in which a cell shows them.
	Examples []Example
}

// Fact is a row of a table.
type Fact struct{ Name, Value string }

// Curve is a class's line of x, y points, 0 to 1.
type Curve struct {
	// Class is its place in Metrics.PerClass.
	Class  int
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

// Example is an image in a cell of the confusion matrix.
type Example struct {
	// Class and Taken are the places of its label and of the class it was assigned to in Metrics.Classes.
	Class, Taken int
	Path         string
	// Probability is that of the class Taken, 0 to 1.
	Probability float64
	// Thumbnail is a small JPEG; empty if the image is not available.
	Thumbnail []byte
}

// Write writes report.html and the plots to dir, which it makes if necessary, and returns their paths.
// It replaces files of these names.
func Write(dir string, data Data) ([]string, error) {
	if data.Metrics.N == 0 || len(data.Metrics.Classes) < 2 {
		return nil, errors.New("report: there are no metrics to show")
	}
	var files []file
	var figures []shownFigure
	for _, d := range data.drawings() {
		png, shown, err := d.figure()
		if err != nil {
			return nil, fmt.Errorf("report: draw %s: %w", d.name, err)
		}
		files, figures = append(files, file{d.name + ".png", png}), append(figures, shown)
	}
	var page bytes.Buffer
	if err := writePageOf(&page, data, figures); err != nil {
		return nil, fmt.Errorf("report: write the page: %w", err)
	}
	return writeFiles(dir, append(files, file{"report.html", page.Bytes()}))
}

// file is a file of a report.
type file struct {
	name    string
	content []byte
}

// writeFiles writes all of the files to dir, which it makes if necessary, or none, and returns their paths.
func writeFiles(dir string, files []file) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("report: make the directory: %w", err)
	}
	var paths []string
	var all output.Files
	defer all.Discard()
	for _, f := range files {
		path := filepath.Join(dir, f.name)
		if err := all.WriteFile(path, f.content); err != nil {
			return nil, fmt.Errorf("report: %w", err)
		}
		paths = append(paths, path)
	}
	if err := all.Commit(); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return paths, nil
}
