package report

import (
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"fovea/internal/look"
	"fovea/internal/output"
)

// LabelPage is a page to correct labels with: it shows images, and gives a table of the corrections to download, whose
// columns are path and label, and split if a row has one.
type LabelPage struct {
	Title string
	// Facts are a table above the images.
	Facts []Fact
	// Classes are offered for each image.
	Classes []string
	Rows    []LabelRow
}

// HasSplits reports whether a row has a split.
func (p LabelPage) HasSplits() bool {
	return slices.ContainsFunc(p.Rows, func(r LabelRow) bool { return r.Split != "" })
}

// HasLikely reports whether a label is probably wrong.
func (p LabelPage) HasLikely() bool {
	return slices.ContainsFunc(p.Rows, func(r LabelRow) bool { return r.Likely })
}

// LabelRow is an image and its label.
type LabelRow struct {
	// Path is as datasets spell it. Note says what speaks for the suggestion. Split is "" for none.
	Path, Label, Split, Suggested, Note string
	// Likely says that the label is probably wrong.
	Likely bool
	// Thumbnail is a small JPEG; empty if the image is not available.
	Thumbnail []byte
}

//go:embed labels.html
var labelSource string

//go:embed labels.js
var labelScript template.JS

var labelTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(look.Template("labels", labelSource, template.FuncMap{
		"dataURI": dataURI, "labelScript": func() template.JS { return labelScript }, "policy": func() string { return look.Policy(labelScript) },
	}))
})

// dataURI holds a JPEG that this program encoded.
func dataURI(jpeg []byte) template.URL {
	return template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(jpeg)) // base64 only
}

// LabelFile is the name of the page in a directory.
const LabelFile = "suspects.html"

// AddLabels writes the page, as one of files that belong together, to a file, or into a directory that exists or that the
// name marks by its end; it returns the file's name.
func AddLabels(files *output.Files, name string, page LabelPage) (string, error) {
	return addPage(files, name, LabelFile, labelTemplate(), page)
}

// pageFile is the file that a page is written to: name, or that of the given name in a directory.
func pageFile(name, inDirectory string) (string, error) {
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return filepath.Join(name, inDirectory), nil
	case name != "" && os.IsPathSeparator(name[len(name)-1]), filepath.Ext(name) == "":
		if err := os.MkdirAll(name, 0o755); err != nil {
			return "", fmt.Errorf("report: make the directory: %w", err)
		}
		return filepath.Join(name, inDirectory), nil
	}
	return name, nil
}

// writePage writes a page, in one step, to name or to the file of the given name in a directory; it returns the file's
// name.
func writePage(name, inDirectory string, t *template.Template, page any) (string, error) {
	var files output.Files
	defer files.Discard()
	name, err := addPage(&files, name, inDirectory, t, page)
	if err != nil {
		return name, err
	}
	if err := files.Commit(); err != nil {
		return name, fmt.Errorf("report: write the page: %w", err)
	}
	return name, nil
}

func addPage(files *output.Files, name, inDirectory string, t *template.Template, page any) (string, error) {
	name, err := pageFile(name, inDirectory)
	if err != nil {
		return "", err
	}
	if err := files.Write(name, func(w io.Writer) error { return t.Execute(w, page) }); err != nil {
		return name, fmt.Errorf("report: write the page: %w", err)
	}
	return name, nil
}
