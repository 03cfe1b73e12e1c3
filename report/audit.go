package report

import (
	_ "embed"
	"html/template"
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

//go:embed audit.html
var auditSource string

var auditTemplate = template.Must(template.New("audit").Funcs(template.FuncMap{"dataURI": dataURI}).Parse(auditSource))

// AuditFile is the name of the page in a directory.
const AuditFile = "audit.html"

// WriteAudit writes the page to a file, or into a directory as WriteLabels does; it returns the file's name.
func WriteAudit(name string, page AuditPage) (string, error) {
	return writePage(name, AuditFile, auditTemplate, page)
}
