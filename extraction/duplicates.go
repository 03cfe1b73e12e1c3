package extraction

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
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
		o.Bytes = func(path string) int64 { return bytesOf(filepath.Join(images, filepath.FromSlash(path))) }
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

// bytesOf is the size of a file, 0 if there is none.
func bytesOf(file string) int64 {
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	return info.Size()
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
			fmt.Fprintf(table, "%d\t%s\t%.6f\t%d\t%s\t%s\t%s\t%s\n", i+1, g.Kind, r.Similarity, r.Row, spelling.Line(r.Path), spelling.Line(r.Label), sizeOf(r), noteOf(g, j))
		}
	}
	return table.Flush()
}

// sizeOf is what is known of a picture's size.
func sizeOf(r explore.Row) string {
	size := fmt.Sprintf("%dx%d", r.Width, r.Height)
	if r.Bytes > 0 {
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

// SaveOthers writes the table of explore.WriteOthers to a file, and logs what is not in it.
func (d *Duplicates) SaveOthers(file string) error {
	var copies, conflicts int
	err := output.Write(file, func(w io.Writer) (err error) {
		copies, conflicts, err = explore.WriteOthers(w, d.raw)
		return err
	})
	if err != nil {
		return fmt.Errorf("write the list of copies: %w", err)
	}
	logrus.Infof("%s listed in %s", text.Count(copies, "copy", "copies"), file)
	if conflicts > 0 {
		logrus.Warnf("%s not listed in %s, because labels conflict: decide which is right first (extract dataset relabel)", text.Plural(conflicts, "group"), file)
	}
	if d.images == "" && copies > 0 {
		logrus.Info("of copies with as many pixels, that of the first path is kept; --images DIR would tell which file is larger")
	}
	return nil
}

// maxSheetGroups bounds the groups that a contact sheet shows.
const maxSheetGroups = 500

// Sheet is a contact sheet of the groups, with the list of the copies besides the largest to download.
func (d *Duplicates) Sheet() (contactsheet.Sheet, error) {
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

// addDownload puts the table of SaveOthers into the sheet, as far as a link can hold it.
func (d *Duplicates) addDownload(sheet *contactsheet.Sheet) error {
	var list bytes.Buffer
	copies, conflicts, err := explore.WriteOthers(&list, d.raw)
	if err != nil || copies == 0 {
		return err
	}
	if list.Len() > contactsheet.MostDownload {
		sheet.Notes = append(sheet.Notes, "The list of all copies but the largest is too long for a link: extract dataset duplicates --keep-largest FILE writes it.")
		return nil
	}
	note := "all but the largest of each group, which has the most pixels, of equal ones the most bytes, of equal ones the first path. Look at near duplicates before you delete them."
	if conflicts > 0 {
		note += fmt.Sprintf(" Not in it: %s whose labels conflict. Decide on the label first.", text.Plural(conflicts, "group"))
	}
	sheet.Download = &contactsheet.Download{File: "copies.csv", Label: "Download the list of " + text.Count(copies, "copy", "copies"), Note: note, Content: list.Bytes()}
	return nil
}
