package extraction

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"

	"fovea/contactsheet"
	"fovea/featurestore"
	"fovea/featurestore/explore"
	"fovea/internal/output"
	"fovea/internal/spelling"
	"fovea/internal/text"
)

// Duplicates are groups of copies in a dataset.
type Duplicates struct {
	Dataset string `json:"dataset"`
	// Threshold is the least cosine of near duplicates; 0 if only identical files were looked for.
	Threshold float64 `json:"threshold,omitempty"`
	// Groups are spelled as results show them, those whose labels conflict first.
	Groups []explore.DuplicateGroup `json:"groups"`

	raw    []explore.DuplicateGroup
	images string
}

// FindDuplicates looks for copies among the selected rows of the dataset d, which is shown as name. Images is the directory
// that it was extracted from, which tells the files' sizes, "" for none.
func FindDuplicates(ctx context.Context, name string, d *featurestore.Dataset, s explore.Selection, threshold float64, images string) (*Duplicates, error) {
	o := explore.DuplicateOptions{Threshold: threshold}
	if images != "" {
		files, err := newCopiedFiles(images)
		if err != nil {
			return nil, err
		}
		o.File = files.file
	}
	groups, err := explore.Duplicates(ctx, d, s, o)
	if err != nil {
		return nil, err
	}
	found := &Duplicates{Dataset: name, Threshold: threshold, Groups: slices.Clone(groups), raw: groups, images: images}
	for i := range groups {
		found.Groups[i].Rows = explore.Spelled(groups[i].Rows)
	}
	return found, nil
}

// WriteText writes the groups as a table for people.
func (d *Duplicates) WriteText(w io.Writer) error {
	if len(d.Groups) == 0 {
		_, err := fmt.Fprintln(w, "no duplicates")
		return err
	}
	table := text.NewTable(w)
	fmt.Fprintln(table, "GROUP\tKIND\tSIMILARITY\tROW\tPATH\tLABEL\tSIZE\tNOTE")
	for i, g := range d.Groups {
		for j, r := range g.Rows {
			fmt.Fprintf(table, "%d\t%s\t%.6f\t%d\t%s\t%s\t%s\t%s\n", i+1, g.Kind, r.Similarity, r.Row, spelling.Line(r.Path), spelling.Name(r.Label), sizeOf(r), noteOf(g, j))
		}
	}
	return table.Flush()
}

// sizeOf is what is known of a picture's size.
func sizeOf(r explore.Row) string {
	size := fmt.Sprintf("%dx%d", r.Width, r.Height)
	switch {
	case r.Gone:
		size += ", file gone"
	case r.Changed:
		size += ", file changed"
	case r.Bytes > 0:
		size += ", " + text.Size(r.Bytes)
	}
	return size
}

// unbroken is a size whose number stays with its unit.
func unbroken(size string) string {
	size = strings.ReplaceAll(size, " ", "\u00a0")
	return strings.Replace(size, ",\u00a0", ", ", 1)
}

// conflicting marks groups whose labels conflict, and largest their other rows that are to be kept.
const (
	conflicting = "labels conflict"
	largest     = "largest"
)

func noteOf(g explore.DuplicateGroup, row int) string {
	switch {
	case g.Conflict:
		return conflicting
	case g.Keep == row:
		return largest
	}
	return "-"
}

// Save writes the table of explore.WriteOthers to the file list, and a contact sheet of the groups to page; an empty name
// writes none. Both appear, or neither does.
func (d *Duplicates) Save(ctx context.Context, list, page string) error {
	var files output.Files
	defer files.Discard()
	var n explore.Others
	if list != "" {
		err := files.Write(list, func(w io.Writer) (err error) {
			n, err = explore.WriteOthers(w, d.raw)
			return err
		})
		if err != nil {
			return fmt.Errorf("write the list of copies: %w", err)
		}
	}
	if page != "" {
		sheet, err := d.sheet()
		if err != nil {
			return err
		}
		if err := files.Write(page, func(w io.Writer) error { return contactsheet.Write(ctx, w, sheet) }); err != nil {
			return err
		}
	}
	if err := files.Commit(); err != nil {
		return err
	}
	if list != "" {
		d.tell(list, n)
	}
	if page != "" {
		logrus.Infof("contact sheet written to %s", page)
	}
	return nil
}

// tell logs what is in the list of copies, and what is not.
func (d *Duplicates) tell(file string, n explore.Others) {
	logrus.Infof("%s listed in %s", text.Count(n.Copies, "copy", "copies"), file)
	if n.Conflicts > 0 {
		logrus.Warnf("%s not listed in %s, because labels conflict: decide which is right first (extract dataset relabel)", text.Plural(n.Conflicts, "group"), file)
	}
	if n.Changed > 0 {
		logrus.Warnf("%s not listed in %s, because the files have changed since they were extracted: extract --sync takes them in", text.Count(n.Changed, "copy", "copies"), file)
	}
	if n.Labelled > 0 {
		logrus.Warnf("%s not listed in %s, because the larger one has no label: give it theirs first (extract dataset relabel)", text.Count(n.Labelled, "copy with a label", "copies with labels"), file)
	}
	if n.Links > 0 {
		logrus.Infof("%s not listed in %s: the file is the one that is kept", text.Count(n.Links, "link", "links"), file)
	}
	if d.images == "" && n.Copies > 0 {
		logrus.Warnf("without --images DIR, %s may name links to files that are kept, keep files that are gone, and of copies with as many pixels not the larger file: give it before anything is deleted", file)
	}
}

// maxSheetGroups bounds the groups that a contact sheet shows.
const maxSheetGroups = 500

// sheet is a contact sheet of the groups, with the list of the copies besides the largest to download.
func (d *Duplicates) sheet() (contactsheet.Sheet, error) {
	sheet := contactsheet.Sheet{
		Title: text.Plural(len(d.raw), "group") + " of duplicates",
		Notes: []string{fmt.Sprintf("Files that are the same, or features with a cosine similarity of at least %g. Groups whose labels conflict come first.", d.Threshold)},
	}
	if d.Threshold == 0 {
		sheet.Notes = []string{"Files that are the same. Groups whose labels conflict come first."}
	}
	if err := d.addDownload(&sheet); err != nil {
		return sheet, err
	}
	if len(d.raw) > maxSheetGroups {
		sheet.Notes = append(sheet.Notes, fmt.Sprintf("The first %d are shown.", maxSheetGroups))
	}
	for i, g := range d.raw[:min(maxSheetGroups, len(d.raw))] {
		shown := contactsheet.Group{Title: fmt.Sprintf("%d: %s, %s", i+1, text.Plural(len(g.Rows), "image"), g.Kind)}
		if g.Conflict {
			shown.Mark = conflicting
		}
		for j, r := range d.Groups[i].Rows {
			p := contactsheet.Picture{File: filepath.Join(d.images, filepath.FromSlash(g.Rows[j].Path)), Name: r.Path, Note: fmt.Sprintf("%.4f %s", r.Similarity, r.Label), Details: unbroken(sizeOf(r))}
			if g.Keep == j {
				p.Mark = largest
			}
			shown.Pictures = append(shown.Pictures, p)
		}
		sheet.Groups = append(sheet.Groups, shown)
	}
	return sheet, nil
}

// addDownload puts the list of copies into the sheet, as far as a link can hold it.
func (d *Duplicates) addDownload(sheet *contactsheet.Sheet) error {
	var list bytes.Buffer
	n, err := explore.WriteOthers(&list, d.raw)
	if err != nil || n.Copies == 0 {
		return err
	}
	if list.Len() > contactsheet.MostDownload {
		sheet.Notes = append(sheet.Notes, "The list of all copies but the largest is too long for a link: extract dataset duplicates --keep-largest FILE writes it.")
		return nil
	}
	note := "all but the largest of each group, which has the most pixels, of equal ones the most bytes, of equal ones a label, of equal ones the first path. Look at near duplicates before you delete them."
	if n.Conflicts > 0 {
		note += fmt.Sprintf(" Not in it: %s whose labels conflict. Decide on the label first.", text.Plural(n.Conflicts, "group"))
	}
	if n.Labelled > 0 {
		note += fmt.Sprintf(" Not in it: %s, where the larger one has none. Give it theirs first.", text.Count(n.Labelled, "copy with a label", "copies with labels"))
	}
	sheet.Download = &contactsheet.Download{File: "copies.csv", Label: "Download the list of " + text.Count(n.Copies, "copy", "copies"), Note: note, Content: list.Bytes()}
	return nil
}
