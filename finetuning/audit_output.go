package finetuning

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fovea/featurestore"
	"fovea/internal/spelling"
	"fovea/internal/text"
	"fovea/report"
)

// passedAs are what Passed says in words.
var passedAs = map[string]string{
	FoundConflicts: "copies with conflicting labels", FoundNearConflicts: "near duplicates with conflicting labels", FoundLeaks: "leaks between splits",
	FoundAlone: "images among other labels", FoundIdentical: "identical features", FoundUniform: "uniform classes", FoundAlikeClasses: "classes that are alike",
	FoundAlikeNames: "labels that look alike", FoundTelltale: "classes told by size, shape or exposure", FoundOutliers: "outliers",
	FoundRareClasses: "rare classes", FoundConstantValues: "constant values",
}

// counted is how many there are of what.
func (f *Finding) counted() string {
	if f.Unit == "class" && f.Count != 1 {
		return fmt.Sprintf("%d classes", f.Count)
	}
	return text.Plural(f.Count, f.Unit)
}

// WriteText writes the findings for people, with at most so many images of each.
func (a *Audit) WriteText(w io.Writer, top int) error {
	fmt.Fprintf(w, "%s of %s: %s\n", text.Plural(a.Images, "image"), text.Count(len(a.Classes), "class", "classes"), a.verdict())
	for i := range a.Findings {
		f := &a.Findings[i]
		fmt.Fprintf(w, "\n%s: %s\n", f.counted(), spelling.Line(f.What))
		for _, d := range f.Details[:min(top, len(f.Details))] {
			fmt.Fprintf(w, "  %s\n", spelling.Line(d))
		}
		shown := f.Rows[:min(top, len(f.Rows))]
		table := text.NewTable(w)
		for _, r := range shown {
			number := ""
			if r.Group > 0 {
				number = fmt.Sprint(r.Group)
			}
			fmt.Fprintln(table, strings.TrimRight(strings.Join([]string{"  " + number, spelling.Line(r.Path), spelling.Name(r.Label), spelling.Name(r.Split), spelling.Line(r.Note)}, "\t"), "\t"))
		}
		if err := table.Flush(); err != nil {
			return err
		}
		if n := max(len(f.Rows)-len(shown), len(f.Details)-top); n > 0 {
			fmt.Fprintf(w, "  and %d more (--json has all)\n", n)
		}
		fmt.Fprintf(w, "  What to do: %s.\n", spelling.Line(f.Do))
	}
	if len(a.Passed) > 0 {
		fmt.Fprintf(w, "\nnothing found: %s\n", strings.Join(words(a.Passed), ", "))
	}
	for _, kind := range slices.Sorted(maps.Keys(a.Skipped)) {
		fmt.Fprintf(w, "not looked for: %s (%s)\n", passedAs[kind], a.Skipped[kind])
	}
	return nil
}

func (a *Audit) verdict() string {
	if len(a.Findings) == 0 {
		return "nothing found"
	}
	return text.Plural(len(a.Findings), "problem")
}

func words(kinds []string) []string {
	all := make([]string, len(kinds))
	for i, k := range kinds {
		all[i] = passedAs[k]
	}
	return all
}

// size is what is known of the size of an image that has copies; images is the directory of the files, "" for none.
func (r AuditRow) size(images string) string {
	if r.Group == 0 {
		return ""
	}
	size := fmt.Sprintf("%dx%d", r.Width, r.Height)
	if info, err := os.Stat(filepath.Join(images, filepath.FromSlash(featurestore.UnescapeText(r.Path)))); images != "" && err == nil && info.Mode().IsRegular() {
		size += ", " + strings.ReplaceAll(text.Size(info.Size()), " ", "\u00a0") // stays with its unit
	}
	return size
}

// SavePage writes the findings as a page, with thumbnails if there are images. It returns the file's name.
func (a *Audit) SavePage(o PageOptions) (string, error) {
	page := report.AuditPage{Title: fmt.Sprintf("Audit of %d images of %d classes", a.Images, len(a.Classes)), Verdict: a.verdict()}
	for i := range a.Findings {
		f := &a.Findings[i]
		shown := f.Rows[:min(o.Most, len(f.Rows))]
		section := report.AuditSection{Title: f.counted() + ": " + f.What, Do: f.Do, Details: f.Details[:min(o.Most, len(f.Details))], More: len(f.Rows) - len(shown)}
		paths := make([]string, len(shown))
		for i, r := range shown {
			paths[i] = r.Path
			section.Rows = append(section.Rows, report.AuditImage{Group: r.Group, Path: r.Path, Label: r.Label, Split: r.Split, Note: r.Note, Size: r.size(o.Images)})
		}
		if o.Images != "" {
			for i, t := range thumbnails(o.Images, a.resize, paths) {
				section.Rows[i].Thumbnail = t
			}
		}
		page.Sections = append(page.Sections, section)
	}
	page.Passed = words(a.Passed)
	for _, kind := range slices.Sorted(maps.Keys(a.Skipped)) {
		page.Passed = append(page.Passed, fmt.Sprintf("%s (not looked for: %s)", passedAs[kind], a.Skipped[kind]))
	}
	return report.WriteAudit(o.Out, page)
}
