package report

import (
	_ "embed"
	"html/template"
	"slices"
	"sync"

	"fovea/internal/look"
)

// AuditPage is a page of what is wrong with a dataset.
type AuditPage struct {
	Title, Verdict string
	Sections       []AuditSection
	// Passed are the names of what was not found.
	Passed []string
}

// AuditSection is one kind of finding.
type AuditSection struct {
	// Title says what was found, Do what to do about it. More is the number of images that are not shown.
	Title, Do string
	Details   []string
	Rows      []AuditImage
	More      int
}

// AuditImage is an image in a finding; those with the same Group, above 0, belong together.
type AuditImage struct {
	Group                    int
	Path, Label, Split, Note string
	// Size is what is known of the picture's and the file's size, "" where they do not matter.
	Size string
	// Thumbnail is a small JPEG; empty if the image is not available.
	Thumbnail []byte
}

// Groups are the images in the order of their groups, those without one as single ones together.
func (s AuditSection) Groups() [][]AuditImage {
	var all [][]AuditImage
	for i, r := range s.Rows {
		if i == 0 || r.Group != s.Rows[i-1].Group {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], r)
	}
	return all
}

// conflict reports whether images that belong together have different labels.
func conflict(group []AuditImage) bool {
	return group[0].Group > 0 && slices.ContainsFunc(group, func(r AuditImage) bool { return r.Label != group[0].Label })
}

//go:embed audit.html
var auditSource string

var auditTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(look.Template("audit", auditSource, functions))
})

// AuditFile is the name of the page in a directory.
const AuditFile = "audit.html"

// WriteAudit writes the page to a file, or into a directory as WriteLabels does; it returns the file's name.
func WriteAudit(name string, page AuditPage) (string, error) {
	return writePage(name, AuditFile, auditTemplate(), page)
}
